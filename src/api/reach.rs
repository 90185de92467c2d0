//! The least and the largest of examples that come piece by piece, for warnings of data that do not suit a model.

use crate::data::Preprocess;
use crate::data::dtype::DType;
use crate::math::objective::Activation;
use crate::run::config::{reach_warning, scale_warning};

/// The least and the largest of the examples so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    least: f64,
    most: f64,
}

impl Default for Reach {
    fn default() -> Self {
        Self { least: f64::INFINITY, most: f64::NEG_INFINITY }
    }
}

impl Reach {
    /// Takes more examples.
    pub(crate) fn add(&mut self, values: &[f64]) {
        for &x in values {
            self.least = self.least.min(x);
            self.most = self.most.max(x);
        }
    }

    /// The largest absolute value.
    pub(super) fn largest(&self) -> f64 {
        self.least.abs().max(self.most.abs())
    }

    /// Warns, if there is something beyond the output's reach, or divided that was no bytes.
    pub(super) fn warn(&self, output: Activation, preprocess: &Preprocess, dtype: Option<DType>) {
        let extremes = [self.least, self.most];
        let beyond = reach_warning(&extremes, output, None);
        for warning in beyond.into_iter().chain(scale_warning(&extremes, preprocess, dtype)) {
            tracing::warn!("{warning}");
        }
    }
}
