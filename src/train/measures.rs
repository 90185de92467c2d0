//! Measures of a model that people know beside J: how much of the data it explains, and how many units are active at once.

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Layer, evenly};
use crate::error::Result;
use crate::math::objective::{Activation, Cost};
use crate::math::params::Shape;

/// Active fraction above which a unit counts as active: sigmoids above 0.5, tanh above 0.
pub const ACTIVE: f64 = 0.5;

/// Examples over which activity is measured while a run is trained, at most.
const LOOKED_AT: usize = 256;
/// Activations that are looked at a time at most, numbers: a wide layer is measured over fewer examples.
const NUMBERS: usize = 1 << 20;

/// Measures beside J, under the same names wherever a model is judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measures {
    /// 1 − Σ‖a3 − x‖² / Σ‖x − x̄‖², x̄ being the mean of the data: 1 is perfect, 0 no better than the mean. `None` where the
    /// data do not vary.
    pub explained_variance: Option<f64>,
    /// Mean over rows and inputs of (a3 − x)², in the numbers that the model was trained on.
    pub mse: f64,
    /// Mean number of units that an example makes active: by more than half of their range.
    pub l0: f64,
    /// Share of all hidden units that an example makes active: l0 / h.
    pub active: f64,
}

impl Measures {
    /// Of a model of this shape with the reconstruction term of `cost`, whose data have this `variance` (mean of ‖x − x̄‖²) and
    /// make `l0` units active.
    pub fn new(cost: &Cost, shape: Shape, variance: Option<f64>, l0: f64) -> Self {
        let squared_error = 2.0 * cost.reconstruction;
        Self {
            explained_variance: variance.map(|variance| 1.0 - squared_error / variance),
            mse: squared_error / shape.visible as f64,
            l0,
            active: l0 / shape.hidden as f64,
        }
    }
}

/// What the measures of a run are taken by, beside its engine.
#[derive(Clone, Debug, Default)]
pub struct Yardstick {
    /// Mean of ‖x − x̄‖² over the examples; `None` where they do not vary.
    pub variance: Option<f64>,
}

impl Yardstick {
    /// The measures of the engine's parameters, whose `cost` is known; activity over some of its examples, evenly spaced.
    ///
    /// # Errors
    /// Those of [`Engine::activations`].
    pub fn measure(&self, engine: &mut dyn Engine, cost: &Cost) -> Result<Measures> {
        let shape = engine.shape();
        let rows = evenly(engine.examples(), LOOKED_AT.min(NUMBERS / shape.hidden));
        let mut active = Active::new(engine.objective().activation, shape.hidden);
        active.add(&engine.activations(Layer::Hidden, &rows)?);
        Ok(Measures::new(cost, shape, self.variance, active.l0()))
    }
}

/// The activation above which a unit counts as active.
pub fn active_above(activation: Activation) -> f32 {
    let fraction = activation.active_fraction();
    (ACTIVE / fraction.factor - fraction.offset) as f32
}

/// Counts active units, from activations that come in pieces.
#[derive(Debug)]
pub struct Active {
    /// The activation above which a unit is active.
    threshold: f32,
    hidden: usize,
    rows: usize,
    found: usize,
}

impl Active {
    /// Of `hidden` units with this activation, over no rows yet.
    pub fn new(activation: Activation, hidden: usize) -> Self {
        Self { threshold: active_above(activation), hidden, rows: 0, found: 0 }
    }

    /// Takes activations `[rows, h]`.
    pub fn add(&mut self, a2: &[f32]) {
        self.rows += a2.len() / self.hidden;
        self.found += a2.iter().filter(|&&a| a > self.threshold).count();
    }

    /// Mean number of active units of a row.
    pub fn l0(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.found as f64 / self.rows as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_active_above_the_middle_of_its_range() {
        for (activation, a2, wanted) in [
            (Activation::Sigmoid, [0.5, 0.51, 0.0, 0.9, 0.49, 0.5], 1.0),
            (Activation::Tanh, [0.0, 0.01, -0.9, 0.9, -0.01, 0.5], 1.5),
        ] {
            let mut active = Active::new(activation, 3);
            a2.chunks(3).for_each(|row| active.add(row));
            assert_eq!(active.l0(), wanted, "{activation:?}");
        }
        assert_eq!(Active::new(Activation::Sigmoid, 3).l0(), 0.0);
    }

    #[test]
    fn measures_follow_from_the_reconstruction_term_and_the_variance() {
        let cost = Cost { reconstruction: 3.0, ..Cost::default() };
        let shape = Shape { visible: 4, hidden: 8 };
        let measures = Measures::new(&cost, shape, Some(24.0), 2.0);
        let wanted = Measures { explained_variance: Some(0.75), mse: 1.5, l0: 2.0, active: 0.25 };
        assert_eq!(measures, wanted);
        assert_eq!(Measures::new(&cost, shape, None, 2.0).explained_variance, None);
    }
}
