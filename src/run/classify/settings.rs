//! The settings of a classifier's training.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use crate::run::every::{Every, Span};

/// λ of the softmax layer that are tried where none is given: from a thousandth of what matters to as much.
const LAMBDAS: [f64; 5] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// How a classifier is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClassifySettings {
    /// λ of the softmax layer; of several the one with which held-out rows are told apart best.
    pub softmax_lambda: Vec<f64>,
    /// Share of the rows of each class that is held out while λ is chosen.
    pub hold_out: f64,
    /// Iterations of L-BFGS for a softmax layer, at most.
    pub iterations: usize,
    /// Iterations of L-BFGS, or epochs of SGD and Adam, in which all layers are trained together; 0 leaves the encoders as they
    /// are.
    pub fine_tune: usize,
    /// λ of the hidden layers while they are fine-tuned.
    pub hidden_lambda: f64,
    /// The optimiser of fine-tuning.
    pub optimizer: Optimizer,
    /// η of SGD and Adam; by default 0.001 for Adam and 0.1 for SGD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// μ of SGD.
    pub momentum: f64,
    /// Rows an update of SGD and Adam.
    pub batch: usize,
    /// Whether a softmax layer on the examples themselves is trained, too, to compare with.
    pub baseline: bool,
    /// Seed of the order of rows and of those that are held out.
    pub seed: u64,
    /// The device.
    pub device: String,
    /// How often a checkpoint is taken while all layers are trained.
    pub checkpoint_every: Every,
}

impl Default for ClassifySettings {
    fn default() -> Self {
        Self {
            softmax_lambda: LAMBDAS.to_vec(),
            hold_out: 0.2,
            iterations: 200,
            fine_tune: 0,
            hidden_lambda: 0.0,
            optimizer: Optimizer::Lbfgs,
            lr: None,
            momentum: 0.9,
            batch: 128,
            baseline: true,
            seed: 0,
            device: "auto".to_owned(),
            checkpoint_every: Every::Time(Span(std::time::Duration::from_secs(60))),
        }
    }
}

impl ClassifySettings {
    /// Refuses values that make no sense; `encoders` are below the softmax layer.
    ///
    /// # Errors
    /// [`Error::Usage`] names the setting and what it may be.
    pub fn check(&self, encoders: usize) -> Result<()> {
        let fail = |what: String| Err(Error::usage(what));
        let Self { softmax_lambda, hold_out, hidden_lambda, lr, momentum, .. } = self;
        if softmax_lambda.is_empty() {
            return fail("`softmax_lambda` names no λ; give one or more, or leave it out".to_owned());
        }
        let lambdas = softmax_lambda.iter().map(|lambda| ("softmax_lambda", *lambda));
        for (name, lambda) in lambdas.chain([("hidden_lambda", *hidden_lambda)]) {
            if !(lambda.is_finite() && lambda >= 0.0) {
                return fail(format!("`{name}` {lambda}: a λ is 0 or more; leave it out for the usual one"));
            }
        }
        if !(*hold_out > 0.0 && *hold_out < 1.0) {
            return fail(format!("`hold_out` {hold_out} is no share between 0 and 1; 0.2 is usual"));
        }
        if self.iterations == 0 {
            return fail("`iterations` 0 trains no softmax layer; 200 is usual".to_owned());
        }
        if self.fine_tune > 0 && encoders == 0 {
            let why = "without encoders there is nothing below the softmax layer";
            return fail(format!("`fine_tune` {}: {why}; name a model with `encoder`", self.fine_tune));
        }
        if let Some(lr) = lr.filter(|lr| !(lr.is_finite() && *lr > 0.0)) {
            return fail(format!("`lr` {lr} is to be above 0; leave it out for the usual one"));
        }
        if lr.is_some() && self.optimizer == Optimizer::Lbfgs {
            return fail(
                "`lr` is for SGD and Adam; L-BFGS finds the length of its steps itself, leave it out"
                    .to_owned(),
            );
        }
        if !(0.0..1.0).contains(momentum) {
            return fail(format!("`momentum` {momentum} is to be at least 0 and below 1; 0.9 is usual"));
        }
        if self.batch == 0 {
            return fail("`batch` 0 has no rows to learn from; 128 is usual".to_owned());
        }
        Ok(())
    }

    /// η of SGD and Adam.
    pub fn rate(&self) -> f64 {
        let usual = if self.optimizer == Optimizer::Sgd { 0.1 } else { 1e-3 };
        self.lr.unwrap_or(usual)
    }

    /// The optimiser of fine-tuning, and its steps over so many examples.
    pub fn fine_tuning(&self, examples: usize) -> (OptimizerConfig, usize) {
        let batch = self.batch.min(examples.max(1));
        let descent = DescentConfig { batch: Some(batch), ..DescentConfig::constant(self.rate()) };
        let steps = match self.optimizer {
            Optimizer::Lbfgs => self.fine_tune,
            Optimizer::Sgd | Optimizer::Adam => self.fine_tune.saturating_mul(examples.div_ceil(batch)),
        };
        (OptimizerConfig::of(self.optimizer, self.momentum, descent), steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_that_makes_no_sense_is_refused_by_its_name() {
        let usual = ClassifySettings::default;
        assert!(usual().check(0).is_ok());
        let bad = [
            ("softmax_lambda", ClassifySettings { softmax_lambda: vec![1e-3, -1.0], ..usual() }),
            ("softmax_lambda", ClassifySettings { softmax_lambda: vec![], ..usual() }),
            ("hidden_lambda", ClassifySettings { hidden_lambda: f64::NAN, ..usual() }),
            ("hold_out", ClassifySettings { hold_out: 1.0, ..usual() }),
            ("iterations", ClassifySettings { iterations: 0, ..usual() }),
            ("fine_tune", ClassifySettings { fine_tune: 3, ..usual() }),
            ("lr", ClassifySettings { lr: Some(0.0), optimizer: Optimizer::Adam, ..usual() }),
            ("lr", ClassifySettings { lr: Some(0.1), ..usual() }),
            ("momentum", ClassifySettings { momentum: 1.0, ..usual() }),
            ("batch", ClassifySettings { batch: 0, ..usual() }),
        ];
        for (name, settings) in bad {
            let text = settings.check(0).unwrap_err().to_string();
            assert!(text.contains(&format!("`{name}`")), "{name}: {text}");
        }
    }

    #[test]
    fn an_epoch_goes_over_all_examples_whatever_the_batch() {
        let adam =
            ClassifySettings { optimizer: Optimizer::Adam, fine_tune: 3, batch: 40, ..Default::default() };
        assert_eq!(adam.fine_tuning(100).1, 9);
        assert_eq!(adam.fine_tuning(30).1, 3);
        let search = ClassifySettings { fine_tune: 3, ..Default::default() };
        assert_eq!(search.fine_tuning(100), (OptimizerConfig::Lbfgs, 3));
    }
}
