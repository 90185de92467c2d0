//! The last line of the terminal while a model passes over data.

use indicatif::ProgressBar;

use super::{bar, stage as shown};
use crate::run::session::Stage;

/// A bar, a stage, or nothing.
pub enum Line {
    /// Nothing is shown.
    Empty,
    /// A stage is.
    Stage {
        /// It goes when this does.
        _shown: super::Stage,
    },
    /// How many examples have been passed over.
    Bar(ProgressBar),
}

impl Line {
    /// Shows a stage.
    pub fn show(&mut self, stage: Stage) {
        match (stage, &*self) {
            (Stage::PassingExamples { done, .. }, Self::Bar(bar)) => bar.set_position(done as u64),
            (Stage::PassingExamples { of, .. }, _) => *self = Self::Bar(bar(of, 20)),
            (stage, _) => {
                if let Self::Bar(bar) = self {
                    bar.finish_and_clear();
                }
                *self = match stage {
                    Stage::Idle => Self::Empty,
                    stage => Self::Stage { _shown: shown(stage.to_string()) },
                };
            }
        }
    }
}
