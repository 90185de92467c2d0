//! One measured number, as `--json` prints it.

use serde::{Deserialize, Serialize};

use super::ladder::Size;
use super::stats::Summary;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The ceiling of everything that computes, as its `variant` names it.
pub const MULTIPLY_ADD: &str = "multiply-add";
/// The ceiling of everything that moves numbers.
pub const COPY: &str = "copy";

/// What a device does at best.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ceilings {
    /// 10⁹ operations a second, of multiply-adds in registers.
    pub gflops: Option<f64>,
    /// 10⁹ bytes read and written a second.
    pub gbytes: Option<f64>,
}

/// A measurement. A field that has no meaning for it is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub what: What,
    /// The selector that opens it.
    pub device: String,
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
    /// Of `gflops`, in multiply-adds, or of `gbytes_per_second`, in copying. `None`, too, where the ceiling was lower: it was
    /// measured while other programs took more of the machine, and the share is not known.
    pub share_of_ceiling: Option<f64>,
    /// 10⁹ bytes read and written a second, at the median; of a ceiling at the best.
    pub gbytes_per_second: Option<f64>,
    /// Examples a second.
    pub samples_per_second: Option<f64>,
    /// Share of the whole step, for a profile.
    pub share_of_step: Option<f64>,
    /// J that was to be reached.
    pub target: Option<f64>,
}

impl Row {
    /// A row about a device that holds nothing else yet.
    pub fn of(what: What, device: &str) -> Self {
        Self {
            what,
            device: device.to_owned(),
            shape: None,
            variant: None,
            median_ms: None,
            best_ms: None,
            q1_ms: None,
            q3_ms: None,
            runs: None,
            gflops: None,
            share_of_ceiling: None,
            gbytes_per_second: None,
            samples_per_second: None,
            share_of_step: None,
            target: None,
        }
    }

    /// Fills in the times.
    pub fn timed(mut self, times: Summary) -> Self {
        let ms = |seconds: f64| Some(seconds * 1e3);
        (self.median_ms, self.best_ms) = (ms(times.median), ms(times.best));
        (self.q1_ms, self.q3_ms) = (ms(times.q1), ms(times.q3));
        self.runs = Some(times.count);
        self
    }

    /// The times, in seconds; `None` where there are not all of them, or one makes no sense.
    pub fn times(&self) -> Option<Summary> {
        let seconds = |ms: Option<f64>| ms.filter(|ms| ms.is_finite() && *ms > 0.0).map(|ms| ms / 1e3);
        Some(Summary {
            count: self.runs.filter(|&runs| runs > 0)?,
            best: seconds(self.best_ms)?,
            q1: seconds(self.q1_ms)?,
            median: seconds(self.median_ms)?,
            q3: seconds(self.q3_ms)?,
        })
    }

    /// Fills in the rate of `flops` operations.
    pub fn operations(mut self, flops: f64) -> Self {
        self.gflops = self.median_ms.map(|ms| flops / ms / 1e6);
        self
    }

    /// Fills in the rate of `bytes` moved.
    pub fn moved(mut self, bytes: f64) -> Self {
        self.gbytes_per_second = self.median_ms.map(|ms| bytes / ms / 1e6);
        self
    }

    /// Whether it is one of the two roofs of the roofline, of which everything else is a part.
    pub fn is_roof(&self) -> bool {
        self.what == What::Ceiling && matches!(self.variant.as_deref(), Some(MULTIPLY_ADD | COPY))
    }

    /// Its rate as a part of what bounds it: copying where bytes were counted, else multiply-adds. A roof is no part of itself.
    pub fn part_of(&self, ceilings: Ceilings) -> Option<f64> {
        if self.is_roof() {
            return None;
        }
        let (rate, most) = match self.gbytes_per_second {
            Some(rate) => (Some(rate), ceilings.gbytes),
            None => (self.gflops, ceilings.gflops),
        };
        rate.zip(most).map(|(rate, most)| rate / most)
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

    #[test]
    fn rates_and_shares_follow_from_the_median() {
        let ceilings = Ceilings { gflops: Some(12.0), gbytes: Some(8.0) };
        let row = Row::of(What::Step, "cpu").timed(Summary::of(&[0.5]).unwrap()).operations(3e9);
        assert_eq!((row.median_ms, row.gflops, row.part_of(ceilings)), (Some(500.0), Some(6.0), Some(0.5)));
        let row = row.moved(1e9);
        assert_eq!((row.gbytes_per_second, row.part_of(ceilings)), (Some(2.0), Some(0.25)));
        assert_eq!(row.part_of(Ceilings::default()), None);
        let roof = Row { what: What::Ceiling, ..row }.of_variant(COPY);
        assert_eq!(roof.part_of(ceilings), None);
    }

    #[test]
    fn times_come_back_from_their_milliseconds() {
        let times = Summary { count: 3, best: 0.25, q1: 0.5, median: 1.0, q3: 2.0 };
        let row = Row::of(What::Step, "cpu").timed(times);
        assert_eq!(row.times(), Some(times));
        for row in [
            Row { median_ms: Some(0.0), ..row.clone() },
            Row { q1_ms: Some(f64::INFINITY), ..row.clone() },
            Row { runs: Some(0), ..row.clone() },
            Row { best_ms: None, ..row },
        ] {
            assert_eq!(row.times(), None);
        }
    }

    #[test]
    fn a_row_has_the_stated_fields_and_null_for_what_it_lacks() {
        let row = serde_json::to_value(Row::of(What::TimeToCost, "cpu")).unwrap();
        assert_eq!((&row["what"], &row["device"]), (&"time_to_cost".into(), &"cpu".into()));
        for field in ["shape", "variant", "median_ms", "best_ms", "gflops", "share_of_ceiling"] {
            assert!(row.get(field).is_some_and(serde_json::Value::is_null), "{field}");
        }
    }
}
