//! One first-order update as an engine is asked for it.

use crate::error::{Error, Result};
pub use crate::math::optim::first_order::Update;

/// One update: its rows, its rule, and the numbers that belong to this very update.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The rows that the gradient is taken over.
    pub rows: Rows<'a>,
    /// The rule.
    pub update: Update,
    /// β of this update and of the J that it reports: the objective's, or less while it warms up.
    pub beta: f64,
    /// Whether J before the update is wanted.
    pub report: bool,
}

/// The rows that one update is taken over.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Every example, in order.
    All,
    /// These examples, by index.
    Listed(&'a [usize]),
}

/// Refuses a list that names an example which an engine of `examples` does not hold.
pub(crate) fn check_list(rows: &[usize], examples: usize) -> Result<()> {
    match rows.iter().find(|&&row| row >= examples) {
        Some(row) => Err(Error::usage(format!("example {row} of {examples}"))),
        None => Ok(()),
    }
}

/// The number of rows of `width` numbers in `values`, which are called `what` where they are no whole rows.
pub(crate) fn whole_rows(values: &[f32], width: usize, what: &str) -> Result<usize> {
    if values.len().is_multiple_of(width) {
        return Ok(values.len() / width);
    }
    Err(Error::usage(format!("{} numbers are no whole {what} of {width}", values.len())))
}
