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

/// The end of the tried λ at which the chosen one lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LambdaEnd {
    /// It is the smallest.
    Smallest,
    /// It is the largest.
    Largest,
}

impl LambdaEnd {
    /// The end at which a λ lies among several; `None` between two others, and at 0, below which there is none.
    pub fn of(lambda: f64, tried: &[TriedLambda]) -> Option<Self> {
        let others = || tried.iter().map(|tried| tried.lambda).filter(|&other| other != lambda);
        others().next()?;
        match (others().any(|other| other > lambda), others().any(|other| other < lambda)) {
            (false, _) => Some(Self::Largest),
            (true, false) if lambda > 0.0 => Some(Self::Smallest),
            (true, _) => None,
        }
    }

    /// A sentence about the λ of `layer`, with values to be tried on that side.
    pub fn told(self, layer: &str, lambda: f64) -> String {
        let (name, factor) = match self {
            Self::Smallest => ("smallest", 0.1),
            Self::Largest => ("largest", 10.0),
        };
        // Three digits: a power of ten stays one.
        let beyond = |times| format!("{:.2e}", lambda * f64::powi(factor, times)).parse().unwrap_or(lambda);
        let [next, last]: [f64; 2] = [1, 2].map(beyond);
        let fact = format!("λ {lambda:e} of {layer} is the {name} of those tried, the best may lie beyond");
        format!("{fact}; try `softmax_lambda` {lambda:e},{next:e},{last:e}")
    }
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
    /// Whether that is the smallest or the largest of those tried.
    #[serde(default)]
    pub softmax_lambda_end: Option<LambdaEnd>,
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
    /// Whether that is the smallest or the largest of those tried, so that a better one may lie beyond.
    #[serde(default)]
    pub softmax_lambda_end: Option<LambdaEnd>,
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

    /// What the softmax layer reads.
    pub fn softmax_on(&self) -> &'static str {
        if self.widths.len() > 2 { "softmax on codes" } else { "softmax on inputs" }
    }

    /// A sentence for each layer whose λ lies at an end of those tried.
    pub fn lambdas_at_ends(&self) -> Vec<String> {
        let baseline = self.baseline.as_ref();
        let of_baseline = baseline.map(|it| ("softmax on inputs", it.softmax_lambda, it.softmax_lambda_end));
        let own = (self.softmax_on(), self.softmax_lambda, self.softmax_lambda_end);
        let layers = of_baseline.into_iter().chain([own]);
        layers.filter_map(|(layer, lambda, end)| Some(end?.told(layer, lambda))).collect()
    }

    /// Whether something is left to do.
    pub fn goes_on(&self) -> bool {
        matches!(self.ended, Some(Ended::Stopped | Ended::Time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(lambda: f64, lambdas: &[f64]) -> Option<LambdaEnd> {
        let tried: Vec<TriedLambda> =
            lambdas.iter().map(|&lambda| TriedLambda { lambda, accuracy: 0.5 }).collect();
        LambdaEnd::of(lambda, &tried)
    }

    #[test]
    fn a_lambda_lies_at_an_end_where_there_is_more_than_one_and_something_beyond() {
        assert_eq!(end(1e-2, &[1e-2, 1e-3, 1e-4]), Some(LambdaEnd::Largest));
        assert_eq!(end(1e-3, &[1e-2, 1e-3, 1e-4]), None);
        assert_eq!(end(1e-4, &[1e-2, 1e-3, 1e-4]), Some(LambdaEnd::Smallest));
        assert_eq!(end(0.0, &[1e-2, 0.0]), None);
        assert_eq!(end(1e-2, &[1e-2, 0.0]), Some(LambdaEnd::Largest));
        assert_eq!(end(1e-2, &[1e-2]), None);
        assert_eq!(end(1e-2, &[]), None);
    }

    #[test]
    fn values_on_that_side_are_told() {
        let told = LambdaEnd::Smallest.told("softmax on codes", 1e-6);
        assert!(told.contains("1e-6 of softmax on codes is the smallest"), "{told}");
        assert!(told.ends_with("`softmax_lambda` 1e-6,1e-7,1e-8"), "{told}");
        let told = LambdaEnd::Largest.told("softmax on inputs", 0.003);
        assert!(told.ends_with("the best may lie beyond; try `softmax_lambda` 3e-3,3e-2,3e-1"), "{told}");
    }
}
