//! Features as numbers: the input that excites each hidden unit most among those of norm 1 (Ng, CS294A, *Visualizing a trained
//! autoencoder*).

use crate::math::params::{Params, Real};

/// x_j = W1_j / ‖W1_j‖, a row a hidden unit, `[h, n]`; 0 for a unit without weights.
pub fn features<T: Real>(params: &Params<T>) -> Vec<f32> {
    let mut rows = Vec::with_capacity(params.w1.len());
    for weights in params.w1.chunks_exact(params.shape.visible) {
        // By the largest first: squares of tiny weights would be 0.
        let largest = weights.iter().fold(0.0, |largest: f64, w| largest.max(w.to_f64().abs()));
        let scaled = |w: &T| w.to_f64() / largest;
        let norm = weights.iter().map(|w| scaled(w).powi(2)).sum::<f64>().sqrt();
        rows.extend(weights.iter().map(|w| if largest > 0.0 { (scaled(w) / norm) as f32 } else { 0.0 }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::params::Shape;

    #[test]
    fn features_have_norm_1_whatever_the_size_of_weights() {
        let shape = Shape { visible: 2, hidden: 3 };
        let w1 = vec![3e-30_f32, 4e-30, 0.0, 0.0, -3.0, 4.0];
        let params = Params { w1, ..Params::random(shape, 0) };
        assert_eq!(features(&params), [0.6, 0.8, 0.0, 0.0, -0.6, 0.8]);
    }
}
