//! Activations: functions of one number, in f64, and all that is asked of them. Engines state their own loops; shaders
//! have them in `shaders/_activation.wgsl`, the CPU engine in `engine/cpu/activation.rs`.

use serde::{Deserialize, Serialize};

use super::number::Number;

/// Nonlinearity of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Activation {
    /// 1 / (1 + e⁻ᶻ), in (0, 1).
    #[default]
    Sigmoid,
    /// tanh z, in (−1, 1); "inactive" is −1.
    Tanh,
    /// z itself; output layer only.
    Linear,
}

/// The active fraction of a unit as an affine map of its activation, (offset + a) · factor: 0 where the activation is
/// least, 1 where it is largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActiveFraction {
    /// Added to the activation.
    pub offset: f64,
    /// ∂fraction/∂a: the chain factor of the penalty's gradient.
    pub factor: f64,
}

impl ActiveFraction {
    /// The active fraction that belongs to a (mean) activation.
    pub fn at(self, activation: f64) -> f64 {
        (self.offset + activation) * self.factor
    }
}

impl Activation {
    /// All of them, in the order of their numbers in `shaders/_activation.wgsl`.
    pub const ALL: [Self; 3] = [Self::Sigmoid, Self::Tanh, Self::Linear];

    /// Those that a hidden layer may have.
    pub fn of_hidden_layers() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|f| f.suits_hidden_layers())
    }

    /// All pairs of a hidden and an output activation.
    pub fn pairs() -> Vec<(Self, Self)> {
        Self::of_hidden_layers().flat_map(|f| Self::ALL.map(|g| (f, g))).collect()
    }

    /// Whether a hidden layer may have it: the penalty is taken at an active fraction, which needs a bounded range.
    pub fn suits_hidden_layers(self) -> bool {
        let (low, high) = self.range();
        low.is_finite() && high.is_finite()
    }

    /// Lower-case name, as in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Linear => "linear",
        }
    }

    /// The interval of its values; an end without a limit is infinite.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Sigmoid => (0.0, 1.0),
            Self::Tanh => (-1.0, 1.0),
            Self::Linear => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// a = f(z).
    pub fn apply(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => 1.0 / (1.0 + (-z).exp()),
            Self::Tanh => z.tanh(),
            Self::Linear => z,
        }
    }

    /// z with f(z) = a; infinite at the ends of the range.
    pub fn inverse(self, a: f64) -> f64 {
        match self {
            Self::Sigmoid => (a / (1.0 - a)).ln(),
            Self::Tanh => a.atanh(),
            Self::Linear => a,
        }
    }

    /// The activation `a`, kept from the ends of the range by this share of its width, so that its inverse is finite.
    pub fn within(self, a: f64, margin: f64) -> f64 {
        let (low, high) = self.range();
        let width = high - low;
        // What has no end on one side is kept from none.
        let margin = if width.is_finite() { margin * width } else { 0.0 };
        a.clamp(low + margin, high - margin)
    }

    /// f′(z), written in the activation a = f(z) as back-propagation has it, over any kind of number.
    pub fn slope<N: Number>(self, a: N) -> N {
        match self {
            Self::Sigmoid => a * (N::one() - a),
            Self::Tanh => N::one() - a * a,
            Self::Linear => N::one(),
        }
    }

    /// The active fraction that belongs to an activation; for one without limits the activation itself.
    pub fn active_fraction(self) -> ActiveFraction {
        let (low, high) = if self.suits_hidden_layers() { self.range() } else { (0.0, 1.0) };
        ActiveFraction { offset: -low, factor: 1.0 / (high - low) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_active_fraction_is_0_and_1_at_the_ends_of_the_range_and_keeps_the_bits_of_a_sigmoid() {
        for f in Activation::of_hidden_layers() {
            let (low, high) = f.range();
            assert_eq!([low, high].map(|a| f.active_fraction().at(a)), [0.0, 1.0], "{}", f.name());
        }
        for mean in [0.0, 1e-310, 0.3, 1.0] {
            assert_eq!(Activation::Sigmoid.active_fraction().at(mean).to_bits(), f64::to_bits(mean));
            assert_eq!(
                Activation::Tanh.active_fraction().at(mean).to_bits(),
                f64::to_bits((1.0 + mean) / 2.0)
            );
        }
    }

    #[test]
    fn slopes_and_inverses_are_those_of_the_function() {
        for f in Activation::ALL {
            for z in [-3.0, -0.4, 0.1, 2.5] {
                let a = f.apply(z);
                let difference = (f.apply(z + 1e-6) - f.apply(z - 1e-6)) / 2e-6;
                assert!((f.slope(a) - difference).abs() < 1e-8, "{} at {z}", f.name());
                assert!((f.inverse(a) - z).abs() < 1e-12, "{} at {z}", f.name());
            }
        }
    }
}
