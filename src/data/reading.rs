//! The user's word on how DATA are read where the files do not say it: rows or pictures, the dimensions of an array, the
//! numbers of files without a header.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::axes::{Axes, Meaning};
use super::column_choice::ColumnChoice;
use super::dtype::DType;

/// The user's word on DATA; the default says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Kind and width of rows in files without a header.
    pub raw: Option<RawRows>,
    /// Rows or pictures.
    pub meaning: Option<Meaning>,
    /// The dimensions of an array.
    pub axes: Option<Axes>,
    /// The columns of a table of text that are learned from.
    pub use_columns: Option<ColumnChoice>,
    /// Its column that holds labels.
    pub label_column: Option<String>,
}

/// The rows of a file without a header: `u8:784`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RawRows {
    /// The type of the numbers, lowest byte first.
    pub dtype: DType,
    /// Numbers a row.
    pub cols: usize,
}

impl FromStr for RawRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(kind, cols)| {
            let dtype = match kind {
                "u8" => DType::U8,
                "f16" => DType::F16,
                "f32" => DType::F32,
                _ => return None,
            };
            Some(Self { dtype, cols: cols.parse().ok().filter(|&cols| cols > 0)? })
        });
        parsed
            .ok_or_else(|| format!("{text:?} names no rows; give u8, f16 or f32 and their width, as u8:784"))
    }
}

impl TryFrom<String> for RawRows {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RawRows> for String {
    fn from(rows: RawRows) -> Self {
        rows.to_string()
    }
}

impl fmt::Display for RawRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dtype.name(), self.cols)
    }
}

impl Reading {
    /// The setting that is for tables of text alone, where one is given.
    pub(super) fn of_tables(&self) -> Option<String> {
        let columns = self.use_columns.as_ref().map(|columns| format!("`use_columns` {columns}"));
        columns.or_else(|| self.label_column.as_ref().map(|column| format!("`label_column` {column}")))
    }

    /// Rows or pictures, where either setting says so.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        self.meaning.or_else(|| self.axes.as_ref().map(Axes::meaning))
    }

    /// The meaning of each dimension of an array of this shape; an error says why there is none and what to do.
    pub(super) fn axes(&self, shape: &[usize]) -> Result<Axes, String> {
        self.axes_or(shape, |shape, meaning| Axes::usual(shape.len(), meaning))
    }

    /// The same, with the axes that are `usual` where nothing was said.
    pub(super) fn axes_or(
        &self,
        shape: &[usize],
        usual: impl FnOnce(&[usize], Option<Meaning>) -> Option<Axes>,
    ) -> Result<Axes, String> {
        if let Some(axes) = &self.axes {
            if axes.list().len() != shape.len() {
                let named = axes.list().len();
                return Err(format!(
                    "an array of shape {shape:?}, but `axes` {axes} names {named} dimensions"
                ));
            }
            if let Some(meaning) = self.meaning.filter(|&meaning| meaning != axes.meaning()) {
                return Err(format!(
                    "`axes` {axes} are those of {}, but `as` {meaning}; leave one out",
                    axes.meaning()
                ));
            }
            return Ok(axes.clone());
        }
        usual(shape, self.meaning).ok_or_else(|| no_meaning(shape))
    }
}

/// Why an array of this many dimensions is refused, and what makes rows of it.
fn no_meaning(shape: &[usize]) -> String {
    let remedy = match shape {
        [] => "give an array of numbers".to_owned(),
        [length] => format!("make rows of it with a.reshape(-1, WIDTH), of {length} numbers in all"),
        _ => {
            let rest = vec!["length"; shape.len() - 1].join(",");
            format!("say what they are, for rows as `axes` count,{rest}")
        }
    };
    let meaning =
        "rows are [count, length], pictures [count, height, width] or [count, height, width, 1 or 3]";
    let dimensions = match shape.len() {
        0 => "a single number".to_owned(),
        1 => "one dimension".to_owned(),
        many => format!("{many} dimensions"),
    };
    format!("an array of shape {shape:?} has {dimensions}, but {meaning}; {remedy}")
}
