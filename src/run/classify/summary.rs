//! The result of a classifier's training: `summary.json`, and what a training in memory tells.

use serde::{Deserialize, Serialize};

use crate::io::paths::PathText;
use crate::train::Ended;
use crate::train::confusion::Confusion;

/// A λ of the softmax layer that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TriedLambda {
    /// λ.
    pub lambda: f64,
    /// Share of the held-out rows that were told right.
    pub accuracy: f64,
}

/// How many examples a classifier tells right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Judged {
    /// Share of the rows that it has learned from.
    pub training: f64,
    /// Share of the rows of the test, where there are some.
    pub test: Option<f64>,
}

/// A softmax layer on the examples themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baseline {
    /// Its λ.
    pub softmax_lambda: f64,
    /// How many examples it tells right.
    #[serde(flatten)]
    pub judged: Judged,
}

/// The result of a classifier's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassifierSummary {
    /// Widths from the inputs to the classes.
    pub widths: Vec<usize>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Rows that it has learned from.
    pub examples: usize,
    /// Rows of the test.
    pub test_examples: Option<usize>,
    /// λ of the softmax layer.
    pub softmax_lambda: f64,
    /// All λ that were tried, where there was a choice.
    pub tried: Vec<TriedLambda>,
    /// A softmax layer on the examples themselves, where one was trained.
    pub baseline: Option<Baseline>,
    /// A softmax layer on the codes of the encoders as they were.
    pub before: Judged,
    /// The same after fine-tuning, where there was some.
    pub fine_tuned: Option<Judged>,
    /// J of the classifier over the rows that it has learned from: cross-entropy and decay.
    pub j: f64,
    /// Its first term, the mean of −log P of the labels.
    pub cross_entropy: f64,
    /// Steps of fine-tuning: iterations of L-BFGS, updates of SGD and Adam.
    pub steps: usize,
    /// Why fine-tuning ended, where there was some.
    pub ended: Option<Ended>,
    /// Seconds until the softmax layer was trained; its choice of λ and the comparison apart from fine-tuning.
    pub softmax_seconds: f64,
    /// Seconds of fine-tuning, in all sittings.
    pub fine_tune_seconds: f64,
    /// Rows of the test, or where there are none those that it has learned from, by class and what they were taken for.
    pub confusion: Confusion,
    /// The device that was asked for.
    pub device: String,
    /// The hardware that computed.
    pub adapter: String,
    /// Seed of the run.
    pub seed: u64,
    /// The files of the run; `None` of a training in memory.
    #[serde(flatten)]
    pub files: Option<ClassifierFiles>,
}

/// The directory of a classifier's run, and its files for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassifierFiles {
    /// The directory.
    pub run: PathText,
    /// The classifier.
    pub model: PathText,
    /// The picture of its confusion matrix.
    pub confusion_picture: PathText,
    /// The page that reports on the run, where it could be written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<PathText>,
}

impl ClassifierSummary {
    /// How many examples the classifier tells right that was saved.
    pub fn judged(&self) -> Judged {
        self.fine_tuned.unwrap_or(self.before)
    }

    /// Whether something is left to do.
    pub fn goes_on(&self) -> bool {
        matches!(self.ended, Some(Ended::Stopped | Ended::Time))
    }
}
