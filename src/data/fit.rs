//! The fit of a preprocessing: one pass over the examples for what is done to columns, one for the limits of values. However
//! the examples come, in memory, from disk or of pictures, and however they are cut into pieces, the numbers have the same bits.

use super::column_fit::ColumnStatistics;
use super::normalize::ValueStatistics;
use super::preprocess::Preprocess;
use crate::error::Result;

/// Takes a piece of raw rows, on their scale.
pub type Taker<'a> = dyn FnMut(&[f64]) -> Result<()> + 'a;

impl Preprocess {
    /// The same with all that it lacks, fitted on rows of `cols` numbers; each call of `pass` hands out all of them, piece by piece.
    ///
    /// # Errors
    /// Those of `pass`; [`crate::Error::Input`] for rows that have no statistics, [`crate::Error::Usage`] for more columns than
    /// can be decorrelated.
    pub(super) fn fitted(
        &self,
        cols: usize,
        mut pass: impl FnMut(&mut Taker<'_>) -> Result<()>,
    ) -> Result<Self> {
        let mut fitted = self.clone();
        if self.lacks_columns() {
            let mut statistics = ColumnStatistics::new(self.normalize, self.whitening, cols)?;
            pass(&mut |rows| {
                statistics.add(rows);
                Ok(())
            })?;
            fitted.columns = Some(statistics.finish()?.into());
        }
        if fitted.lacks_limits() {
            let mut statistics = ValueStatistics::default();
            pass(&mut |rows| {
                let mut values = fitted.in_columns(rows.to_vec());
                let means = fitted.centred(&mut values, fitted.outputs_of(cols));
                statistics.add_means(&means, values.len());
                statistics.add(&values);
                Ok(())
            })?;
            fitted.limits = statistics.limits(self.normalize)?;
        }
        Ok(fitted)
    }
}
