//! Line search for the strong Wolfe conditions (Nocedal & Wright, Algorithms 3.5 and 3.6), on the host in f64.
//!
//! It sees only J and its slope at trial steps, so that it can be tested on functions of one variable. A trial that
//! is not finite shortens the step.

use crate::error::Result;

/// Sufficient decrease: J(t) ≤ J(0) + C1·t·J′(0).
pub const C1: f64 = 1e-4;
/// Curvature: |J′(t)| ≤ C2·|J′(0)|.
pub const C2: f64 = 0.9;
/// Evaluations after which the best step so far is taken.
const MAX_EVALUATIONS: usize = 25;
/// Largest factor by which a step grows while no minimum is bracketed.
const GROWTH: f64 = 4.0;

/// J and its slope at step t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepPoint {
    /// Step length.
    pub step: f64,
    /// J.
    pub value: f64,
    /// dJ/dt.
    pub slope: f64,
}

impl StepPoint {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.slope.is_finite()
    }
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SearchEnd {
    /// Both Wolfe conditions hold, at the step evaluated last.
    Wolfe(StepPoint),
    /// J went down, but no step with the wanted curvature was found; evaluated last.
    Decrease(StepPoint),
    /// No step lowers J in this precision.
    Nothing,
}

/// Searches from `start` (step 0, slope < 0), first at `first_step`. `evaluate` returns J and slope at a step; the
/// step found is always the one evaluated last.
pub fn strong_wolfe(
    start: StepPoint,
    first_step: f64,
    evaluate: &mut dyn FnMut(f64) -> Result<StepPoint>,
) -> Result<SearchEnd> {
    let mut search = Bracket { start, low: start, high: None, lowest: None, evaluations: 0 };
    let mut step = first_step;
    while search.evaluations < MAX_EVALUATIONS {
        let trial = evaluate(step)?;
        if search.satisfied(&trial) {
            return Ok(SearchEnd::Wolfe(trial));
        }
        search.narrow(trial);
        match search.next_step(&trial) {
            Some(next) => step = next,
            None => break,
        }
    }
    search.settle(evaluate)
}

/// The bracket: `low` has the lowest J that decreases sufficiently, a minimum lies between it and `high`.
struct Bracket {
    start: StepPoint,
    low: StepPoint,
    high: Option<StepPoint>,
    /// The trial with the lowest J below the start's.
    lowest: Option<StepPoint>,
    evaluations: usize,
}

impl Bracket {
    fn decreases(&self, trial: &StepPoint) -> bool {
        trial.is_finite() && trial.value <= self.start.value + C1 * trial.step * self.start.slope
    }

    fn satisfied(&self, trial: &StepPoint) -> bool {
        self.decreases(trial) && trial.slope.abs() <= -C2 * self.start.slope
    }

    /// Takes a trial into the bracket.
    fn narrow(&mut self, trial: StepPoint) {
        self.evaluations += 1;
        let best = self.lowest.map_or(self.start.value, |lowest| lowest.value);
        if trial.is_finite() && trial.value < best {
            self.lowest = Some(trial);
        }
        if !self.decreases(&trial) || trial.value >= self.low.value && trial.step != self.low.step {
            self.high = Some(trial);
            return;
        }
        // The minimum lies where J falls from here: towards the old low if the slope points back to it.
        let outward = match self.high {
            Some(high) => high.step - self.low.step,
            None => trial.step - self.low.step,
        };
        if trial.slope * outward >= 0.0 {
            self.high = Some(self.low);
        }
        self.low = trial;
    }

    /// The next step to try, `None` when the bracket is too narrow to hold another number.
    fn next_step(&self, trial: &StepPoint) -> Option<f64> {
        let Some(high) = self.high else {
            return Some(trial.step * GROWTH);
        };
        let width = high.step - self.low.step;
        let middle = self.low.step + 0.5 * width;
        let wanted =
            if high.is_finite() { cubic_minimum(&self.low, &high).unwrap_or(middle) } else { middle };
        // Not closer than a tenth of the bracket to either end, so that it shrinks whatever the fit says.
        let (a, b) = (self.low.step + 0.1 * width, self.low.step + 0.9 * width);
        let next = wanted.clamp(a.min(b), a.max(b));
        (width.abs() > 1e-9 * high.step.abs().max(self.low.step)).then_some(next)
    }

    /// Falls back on the lowest J seen, evaluating it again if it was not the last.
    fn settle(self, evaluate: &mut dyn FnMut(f64) -> Result<StepPoint>) -> Result<SearchEnd> {
        match self.lowest {
            Some(lowest) => Ok(SearchEnd::Decrease(evaluate(lowest.step)?)),
            None => Ok(SearchEnd::Nothing),
        }
    }
}

/// The minimum of the cubic through two points with their slopes (Nocedal & Wright, equation 3.59).
fn cubic_minimum(a: &StepPoint, b: &StepPoint) -> Option<f64> {
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let square = d1 * d1 - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return None;
    }
    let d2 = square.sqrt().copysign(b.step - a.step);
    let minimum = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    minimum.is_finite().then_some(minimum)
}
