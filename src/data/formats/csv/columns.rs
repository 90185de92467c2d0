//! The use of each column of a table: a number of the examples, their label, or none.

use std::path::Path;

use super::cells::Cell;
use super::dialect::Dialect;
use crate::data::column_choice::column;
use crate::data::reading::Reading;
use crate::error::shown;

/// The use of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Left out.
    Not,
    /// The label of the example.
    Label,
    /// This number of the example.
    Number(usize),
}

/// The columns of a table.
#[derive(Debug)]
pub struct Columns {
    names: Vec<String>,
    pub uses: Vec<Use>,
    pub label: Option<usize>,
    /// Whether the first column is left out since pandas and R write the numbers of rows there.
    has_index: bool,
    /// Whether the names are numbers that count the columns.
    are_counted: bool,
}

impl Columns {
    /// Those that `reading` names, or all.
    pub fn new(dialect: &Dialect, reading: &Reading) -> Result<Self, String> {
        let Dialect { names, first, .. } = dialect;
        let count = first.len();
        if !names.is_empty() && names.len() != count {
            let hint = if names.len() + 1 == count {
                "; where rows have names, as R writes them, leave these out (row.names=FALSE)"
            } else {
                ""
            };
            let fact = format!("the first line names {} columns, but the first row has {count}", names.len());
            return Err(format!("{fact} cells{hint}"));
        }
        let label = reading.label_column.as_deref().map(|item| column(item, names, count)).transpose()?;
        let mut uses = vec![Use::Not; count];
        let is_nameless = |at: usize| names.get(at).is_some_and(|name| name.is_empty());
        let mut has_index = false;
        let chosen: Vec<usize> = match &reading.use_columns {
            Some(choice) => choice.of(names, count)?,
            None => {
                let begins = Cell::of(first[0].as_bytes());
                has_index = count > 1 && is_nameless(0) && [0.0, 1.0].map(Cell::Number).contains(&begins);
                // Some programs end lines with what parts cells.
                let ends_empty = |at: usize| {
                    at + 1 == count && first[at].is_empty() && (names.is_empty() || is_nameless(at))
                };
                let is_used = |&at: &usize| label != Some(at) && !(has_index && at == 0) && !ends_empty(at);
                (0..count).filter(is_used).collect()
            }
        };
        for (place, &at) in chosen.iter().enumerate() {
            uses[at] = Use::Number(place);
        }
        if let Some(label) = label {
            if uses[label] != Use::Not {
                return Err(format!(
                    "`label_column` {label} is one of `use_columns`, too; leave it out of one of them"
                ));
            }
            uses[label] = Use::Label;
        }
        let are_counted =
            !names.is_empty() && names.iter().all(|name| name.is_empty() || name.parse::<usize>().is_ok());
        Ok(Self { names: names.clone(), uses, label, has_index, are_counted })
    }

    /// Numbers an example.
    pub fn width(&self) -> usize {
        self.uses.iter().filter(|used| matches!(used, Use::Number(_))).count()
    }

    /// A column in messages: `length (2, counted from 0)`.
    pub fn place(&self, column: usize) -> String {
        match self.names.get(column).filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} ({column}, counted from 0)"),
            None => format!("{column} (counted from 0)"),
        }
    }

    /// Tells of what was taken for something else than numbers.
    pub fn tell(&self, path: &Path) {
        let path = shown(path);
        if self.has_index {
            tracing::warn!(
                "{path}: the first column has no name and counts rows, as pandas and R write it, and is left out; name it with \
                 `use_columns` to learn from it, or save without it (index=False)"
            );
        }
        if self.are_counted {
            tracing::warn!(
                "{path}: the first line counts columns from 0 and is taken for their names, as pandas writes them"
            );
        }
    }
}
