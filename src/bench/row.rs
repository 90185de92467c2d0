//! One measured number, as `--json` prints it.

use serde::Serialize;

use super::ladder::Size;
use super::stats::Summary;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// What the machine can do at best: `variant` says at what.
    Ceiling,
    /// A whole training step, as training makes most of them: J is not asked for.
    Step,
    /// The same with J read back, as in a report.
    StepWithJ,
    /// A matrix product of a step.
    Product,
    /// An element-wise kernel or a reduction.
    Kernel,
    /// The share of a kernel in a step, by the device's own clock.
    Profile,
    /// The lecture's experiment until J is low enough.
    TimeToCost,
}

/// A measurement. A field that has no meaning for it is `None`.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: What,
    /// `cpu` or `gpu`: which engine.
    pub engine: &'static str,
    /// The selector that opens it.
    pub device: String,
    /// The hardware with its driver.
    pub adapter: String,
    /// The shape of the step that it belongs to.
    pub shape: Option<Size>,
    /// Which of several.
    pub variant: Option<String>,
    /// Half of the times are shorter.
    pub median_ms: Option<f64>,
    /// The shortest.
    pub best_ms: Option<f64>,
    /// A quarter of the times is shorter.
    pub q1_ms: Option<f64>,
    /// A quarter is longer.
    pub q3_ms: Option<f64>,
    /// How often it was timed.
    pub runs: Option<usize>,
    /// 10⁹ floating-point operations a second, at the median; of a ceiling at the best.
    pub gflops: Option<f64>,
    /// Of `gflops`, in multiply-adds, or of `gbytes_per_second`, in copying.
    pub share_of_ceiling: Option<f64>,
    /// 10⁹ bytes read and written a second, at the median; of a ceiling at the best.
    pub gbytes_per_second: Option<f64>,
    /// Examples a second.
    pub samples_per_second: Option<f64>,
    /// Share of the whole step, for a profile.
    pub share_of_step: Option<f64>,
    /// J that was to be reached.
    pub target: Option<f64>,
    /// The times, for ratios.
    #[serde(skip)]
    pub times: Option<Summary>,
}

impl Row {
    /// Fills in the times.
    pub fn timed(mut self, times: Summary) -> Self {
        let ms = |seconds: f64| Some(seconds * 1e3);
        (self.median_ms, self.best_ms) = (ms(times.median), ms(times.best));
        (self.q1_ms, self.q3_ms) = (ms(times.q1), ms(times.q3));
        self.runs = Some(times.count);
        self.times = Some(times);
        self
    }

    /// Fills in the rate of `flops` operations, as a share of the `peak` operations a second.
    pub fn operations(mut self, flops: f64, peak: Option<f64>) -> Self {
        let rate = self.times.map(|times| flops / times.median);
        self.gflops = rate.map(|rate| rate / 1e9);
        self.share_of_ceiling = rate.zip(peak).map(|(rate, peak)| rate / peak);
        self
    }

    /// Fills in the rate of `bytes` moved, as a share of the `peak` bytes a second.
    pub fn moved(mut self, bytes: f64, peak: Option<f64>) -> Self {
        let rate = self.times.map(|times| bytes / times.median);
        self.gbytes_per_second = rate.map(|rate| rate / 1e9);
        self.share_of_ceiling = rate.zip(peak).map(|(rate, peak)| rate / peak);
        self
    }

    /// Names which of several it is.
    pub fn of_variant(self, variant: impl Into<String>) -> Self {
        Self { variant: Some(variant.into()), ..self }
    }

    /// What it is, for people.
    pub fn name(&self) -> String {
        let what = match self.what {
            What::Ceiling => "ceiling",
            What::Step => "step",
            What::StepWithJ => "step with J",
            What::Product => "product",
            What::Kernel => "kernel",
            What::Profile => "profile",
            What::TimeToCost => "time to cost",
        };
        let shape = self.shape.map(|shape| format!(" {shape}")).unwrap_or_default();
        let variant = self.variant.as_ref().map(|variant| format!(" {variant}")).unwrap_or_default();
        format!("{what}{shape}{variant} on {}", self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::contender::Contender;

    #[test]
    fn rates_and_shares_follow_from_the_median() {
        let row = Contender::for_tests().row(What::Step).timed(Summary::of(&[0.5]).unwrap());
        let row = row.operations(3e9, Some(12e9));
        assert_eq!((row.median_ms, row.gflops, row.share_of_ceiling), (Some(500.0), Some(6.0), Some(0.5)));
        let row = row.moved(1e9, None);
        assert_eq!((row.gbytes_per_second, row.share_of_ceiling), (Some(2.0), None));
    }

    #[test]
    fn a_row_has_the_stated_fields_and_null_for_what_it_lacks() {
        let row = serde_json::to_value(Contender::for_tests().row(What::TimeToCost)).unwrap();
        assert_eq!(row["what"], "time_to_cost");
        for field in ["engine", "device"] {
            assert!(row[field].is_string(), "{field}");
        }
        for field in ["shape", "variant", "median_ms", "best_ms", "gflops", "share_of_ceiling"] {
            assert!(row.get(field).is_some_and(serde_json::Value::is_null), "{field}");
        }
    }
}
