//! Features as numbers: the input that excites each hidden unit most among those of norm 1 (Ng, CS294A, *Visualizing a trained
//! autoencoder*).

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
    fn features_have_norm_1_whatever_the_size_of_weights() {
        let weights = [3e-30_f32, 4e-30, 0.0, 0.0, -3.0, 4.0];
        assert_eq!(features(&weights, 2), [0.6, 0.8, 0.0, 0.0, -0.6, 0.8]);
    }
}
