//! Is a gradient the derivative of its cost? Central differences in f64, as the lecture teaches them, and their
//! Richardson extrapolation for where the plain ones are not exact enough.

/// Half the distance of the two points of a central difference (the lecture's EPSILON).
pub const EPSILON: f64 = 1e-4;

/// ‖numeric − analytic‖ / ‖numeric + analytic‖ for both kinds of differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientError {
    /// With (J(x+ε) − J(x−ε)) / 2ε, whose truncation error is of order ε².
    pub central: f64,
    /// With (4 D(ε/2) − D(ε)) / 3, whose truncation error is of order ε⁴.
    pub extrapolated: f64,
}

/// Compares `gradient` with differences of `cost` around `x`, coordinate by coordinate.
pub fn check_gradient(cost: impl Fn(&[f64]) -> f64, x: &[f64], gradient: &[f64]) -> GradientError {
    assert_eq!(x.len(), gradient.len(), "a gradient has as many coordinates as its point");
    let full: Vec<f64> = (0..x.len()).map(|i| central_difference(&cost, x, i, EPSILON)).collect();
    let half = (0..x.len()).map(|i| central_difference(&cost, x, i, EPSILON / 2.0));
    let extrapolated: Vec<f64> = half.zip(&full).map(|(half, full)| (4.0 * half - full) / 3.0).collect();
    GradientError {
        central: relative_difference(&full, gradient),
        extrapolated: relative_difference(&extrapolated, gradient),
    }
}

/// (f(x + εe_i) − f(x − εe_i)) / 2ε.
fn central_difference(f: impl Fn(&[f64]) -> f64, x: &[f64], i: usize, epsilon: f64) -> f64 {
    let mut point = x.to_vec();
    point[i] = x[i] + epsilon;
    let above = f(&point);
    point[i] = x[i] - epsilon;
    let below = f(&point);
    (above - below) / (2.0 * epsilon)
}

/// ‖x − y‖ / ‖x + y‖; 0 when both are 0, and NaN, which is below no bound, when either holds NaN.
fn relative_difference(x: &[f64], y: &[f64]) -> f64 {
    let norm = |sign: f64| x.iter().zip(y).map(|(x, y)| (x + sign * y).powi(2)).sum::<f64>().sqrt();
    let difference = norm(-1.0);
    if difference == 0.0 { 0.0 } else { difference / norm(1.0) }
}
