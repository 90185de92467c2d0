//! Features as numbers: the input that excites each hidden unit most among those of norm 1 (Ng, CS294A, *Visualizing a trained
//! autoencoder*).

use serde::Deserialize;

use crate::data::Form;
use crate::run::picture::orientation::{COHERENT, orientation};

/// The order of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureOrder {
    /// That of the units.
    #[default]
    Number,
    /// The mean active fraction ρ̂, the largest first.
    RhoHat,
    /// The share of examples that make a unit active, the largest first.
    Density,
    /// The norm of the encoder row, the largest first.
    Norm,
    /// The direction of features that are pictures, from level against the clock; those without one last.
    Orientation,
}

impl FeatureOrder {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Number, Self::RhoHat, Self::Density, Self::Norm, Self::Orientation];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::RhoHat => "rho-hat",
            Self::Density => "density",
            Self::Norm => "norm",
            Self::Orientation => "orientation",
        }
    }

    /// The column of the table of units that it goes by, where it goes by what data make of them.
    pub fn column(self) -> Option<&'static str> {
        match self {
            Self::RhoHat => Some("rho_hat"),
            Self::Density => Some("density"),
            _ => None,
        }
    }
}

/// Units by what each has of something, the largest first; of equals the first.
pub fn falling(values: &[f64]) -> Vec<usize> {
    let mut units: Vec<usize> = (0..values.len()).collect();
    units.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    units
}

/// The norms of the rows of weights `[h, n]`.
pub fn norms(weights: &[f32], n: usize) -> Vec<f64> {
    let norm = |row: &[f32]| row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
    weights.chunks_exact(n.max(1)).map(norm).collect()
}

/// Units by the direction of their features, whose weights `[h, n]` are pictures; those without one last.
pub fn by_orientation(weights: &[f32], form: Form) -> Vec<usize> {
    let numbers = (form.height * form.width * form.channels).max(1);
    let angle = |pixels: &[f32]| {
        let found = orientation(pixels, form).filter(|found| found.coherence >= COHERENT);
        found.map_or(f64::INFINITY, |found| found.angle)
    };
    let angles: Vec<f64> = weights.chunks_exact(numbers).map(angle).collect();
    let mut units: Vec<usize> = (0..angles.len()).collect();
    units.sort_by(|&a, &b| angles[a].total_cmp(&angles[b]));
    units
}

/// x_j = w_j / ‖w_j‖ of weights `[h, n]`, a row a hidden unit; 0 for a unit without weights.
pub fn features(weights: &[f32], n: usize) -> Vec<f32> {
    let mut rows = Vec::with_capacity(weights.len());
    for weights in weights.chunks_exact(n) {
        // By the largest first: squares of tiny weights would be 0.
        let largest = weights.iter().fold(0.0, |largest: f64, &w| largest.max(f64::from(w).abs()));
        let scaled = |w: &f32| f64::from(*w) / largest;
        let norm = weights.iter().map(|w| scaled(w).powi(2)).sum::<f64>().sqrt();
        rows.extend(weights.iter().map(|w| if largest > 0.0 { (scaled(w) / norm) as f32 } else { 0.0 }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_sorted_by_what_they_have_and_equals_stay() {
        assert_eq!(falling(&[0.5, 2.0, 0.5, 3.0]), [3, 1, 0, 2]);
        assert_eq!(norms(&[3.0, 4.0, 0.0, -2.0], 2), [5.0, 2.0]);
        // Upright, without a direction, level, flat.
        let upright: Vec<f32> = (0..64).map(|i| (i % 8) as f32).collect();
        let level: Vec<f32> = (0..64).map(|i| (i / 8) as f32).collect();
        let blob: Vec<f32> =
            (0..64).map(|i| ((i / 8) as f32 - 3.5).powi(2) + ((i % 8) as f32 - 3.5).powi(2)).collect();
        let weights = [upright, blob, level, vec![1.0; 64]].concat();
        assert_eq!(by_orientation(&weights, Form { height: 8, width: 8, channels: 1 }), [2, 0, 1, 3]);
    }

    #[test]
    fn features_have_norm_1_whatever_the_size_of_weights() {
        let weights = [3e-30_f32, 4e-30, 0.0, 0.0, -3.0, 4.0];
        assert_eq!(features(&weights, 2), [0.6, 0.8, 0.0, 0.0, -0.6, 0.8]);
    }
}
