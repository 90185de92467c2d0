//! Labels of DATA from a file of their own, and the classes of labelled DATA that are taken.

use std::ops::Range;
use std::sync::Arc;

use crate::data::labels::Labels;
use crate::data::reading::Reading;
use crate::data::source::Opened;
use crate::data::subset::Subset;
use crate::error::{Error, Result, shown};

impl Opened {
    /// With the labels and of the classes that `reading` says.
    ///
    /// # Errors
    /// [`Error::Input`] for labels that cannot be read or are not as many as the rows or pictures, [`Error::Usage`] for classes
    /// that there are not.
    pub(super) fn labelled(mut self, reading: &Reading) -> Result<Self> {
        let (items, item) = self.source.items();
        if let Some(path) = &reading.labels {
            let labels = Labels::open(path)?;
            if labels.of.len() != items {
                let of = self.description.path.as_deref().map_or("DATA".to_owned(), shown);
                let fact = format!("{} labels, but {of} has {items} {item}s", labels.of.len());
                return Err(Error::input(path, format!("{fact}; give one for each, in the order of DATA")));
            }
            self.description.labels = Some(Arc::new(labels));
        }
        let Some(choice) = &reading.classes else { return Ok(self) };
        let unlabelled = || {
            let ways =
                "name a file with `labels`, a column with `label_column`, or search folders with `recursive`";
            Error::usage(format!("`classes` {choice}: DATA has no labels; {ways}"))
        };
        let labels = self.description.labels.clone().ok_or_else(unlabelled)?;
        let chosen = choice.of(&labels).map_err(Error::usage)?;
        let (places, labels) = labels.chosen(&chosen);
        if places.is_empty() {
            return Err(Error::usage(format!("`classes` {choice}: no {item} has such a label; name others")));
        }
        let subset = Subset::of_runs(runs(&places), places.len(), items);
        let mut taken = self.subset(&subset);
        taken.description.labels = Some(Arc::new(labels));
        Ok(taken)
    }
}

/// Ascending numbers as runs of neighbours.
fn runs(numbers: &[usize]) -> impl Iterator<Item = Range<usize>> + '_ {
    numbers.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[0] + run.len())
}
