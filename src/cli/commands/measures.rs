//! Measures beside J in words.

use crate::train::measures::Measures;

/// Two lines of a report: how well the data are explained, and by how many of the `hidden` units at once.
pub fn lines(measures: &Measures, hidden: usize) -> String {
    let Measures { explained_variance, mse, l0, active, .. } = measures;
    let explained = explained_variance.map_or("undefined (the data do not vary)".to_owned(), |share| {
        format!("{:.2} % of the variance about the mean", 100.0 * share)
    });
    format!(
        "explained  {explained}; mean squared error {mse:.6}\n\
         active     {l0:.2} of {hidden} units at once ({:.2} %)",
        100.0 * active
    )
}
