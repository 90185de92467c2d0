//! The direction of a feature that is a picture: edges and bars have one, blobs and noise do not.

use crate::data::Form;

/// The direction of stripes, and how much of the picture follows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orientation {
    /// Degrees in [0, 180): 0 is level, 90 upright, counted as on paper, against the clock.
    pub angle: f64,
    /// 0 where every direction is alike, 1 where all stripes are parallel.
    pub coherence: f64,
}

/// Below this coherence a picture has no direction.
pub const COHERENT: f64 = 0.4;

/// By the structure tensor, Σ ∇x ∇xᵀ over all neighbouring pixels: its smaller eigenvector runs along the stripes, and the
/// coherence is the difference of its eigenvalues over their sum. None where nothing varies.
pub fn orientation(pixels: &[f32], form: Form) -> Option<Orientation> {
    let Form { height, width, channels } = form;
    let at = |y: usize, x: usize, channel: usize| f64::from(pixels[(y * width + x) * channels + channel]);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for y in 0..height.saturating_sub(1) {
        for x in 0..width.saturating_sub(1) {
            for channel in 0..channels {
                let [a, b, c, d] = [
                    at(y, x, channel),
                    at(y, x + 1, channel),
                    at(y + 1, x, channel),
                    at(y + 1, x + 1, channel),
                ];
                // Roberts: differences across both diagonals, turned by 45° into those along the axes.
                let (across, down) = (b + d - a - c, c + d - a - b);
                xx += across * across;
                xy += across * down;
                yy += down * down;
            }
        }
    }
    let sum = xx + yy;
    if sum <= 0.0 || !sum.is_finite() {
        return None;
    }
    let gradient = 0.5 * (2.0 * xy).atan2(xx - yy);
    // Stripes are at right angles to the gradient; rows of pixels run downwards.
    let angle = (90.0 - gradient.to_degrees()).rem_euclid(180.0);
    Some(Orientation { angle, coherence: (xx - yy).hypot(2.0 * xy) / sum })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(degrees: f64, channels: usize) -> (Vec<f32>, Form) {
        let form = Form { height: 16, width: 16, channels };
        let (sin, cos) = degrees.to_radians().sin_cos();
        // Across stripes of this direction; y grows downwards.
        let pixel = |y: usize, x: usize| ((x as f64 * sin + y as f64 * cos) * 0.9).sin() as f32;
        let pixels =
            (0..16).flat_map(|y| (0..16).flat_map(move |x| std::iter::repeat_n(pixel(y, x), channels)));
        (pixels.collect(), form)
    }

    #[test]
    fn stripes_of_any_direction_are_told() {
        for channels in [1, 3] {
            for degrees in [0.0, 20.0, 45.0, 90.0, 120.0, 170.0] {
                let (pixels, form) = stripes(degrees, channels);
                let found = orientation(&pixels, form).unwrap();
                let off = (found.angle - degrees + 90.0).rem_euclid(180.0) - 90.0;
                assert!(off.abs() < 1.0 && found.coherence > 0.95, "{degrees}: {found:?}");
            }
        }
    }

    #[test]
    fn blobs_have_no_direction_and_flat_pictures_nothing() {
        let form = Form { height: 9, width: 9, channels: 1 };
        let distance = |i: usize| ((i / 9) as f32 - 4.0).powi(2) + ((i % 9) as f32 - 4.0).powi(2);
        let blob: Vec<f32> = (0..81).map(|i| (-distance(i) / 8.0).exp()).collect();
        assert!(orientation(&blob, form).unwrap().coherence < 0.05);
        assert_eq!(orientation(&[0.25; 81], form), None);
        assert_eq!(orientation(&[1.0], Form { height: 1, width: 1, channels: 1 }), None);
        assert_eq!(orientation(&[f32::NAN; 81], form), None);
    }
}
