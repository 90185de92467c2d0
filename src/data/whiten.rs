//! Olshausen's whitening filter |f|·exp(−(f/f₀)⁴): flattens the 1/f amplitude spectrum of natural images and cuts
//! the corners of the frequency square, where noise would rule. Applied in f64, to one channel at a time.

use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftPlannerScalar};

/// Frequency at which the filter begins to fall, cycles/pixel.
const CUT_OFF: f64 = 0.4;

/// The scalar planner: the vectorised ones round differently on different processors.
pub type Planner = FftPlannerScalar<f64>;

/// Whitens an image `[height, width, channels]` in place; the result has mean 0 in every channel. The image is
/// taken to go on periodically.
pub fn whiten(planner: &mut Planner, values: &mut [f64], width: usize, channels: usize) {
    for channel in 0..channels {
        let plane: Vec<f64> = values.iter().skip(channel).step_by(channels).copied().collect();
        let white = filter(planner, &plane, width);
        for (value, white) in values.iter_mut().skip(channel).step_by(channels).zip(white) {
            *value = white.re;
        }
    }
}

/// One plane `[height, width]` through the filter; the imaginary parts are rounding.
fn filter(planner: &mut Planner, plane: &[f64], width: usize) -> Vec<Complex<f64>> {
    let height = plane.len() / width;
    // Without its mean the plane has exact zeros where it is flat, and the rest loses no digits to it.
    let mean = plane.iter().sum::<f64>() / plane.len() as f64;
    let mut spectrum: Vec<_> = plane.iter().map(|x| Complex::from(x - mean)).collect();
    planner.plan_fft(width, FftDirection::Forward).process(&mut spectrum);
    let mut spectrum = transposed(&spectrum, width);
    planner.plan_fft(height, FftDirection::Forward).process(&mut spectrum);
    weigh(&mut spectrum, width, height);
    planner.plan_fft(height, FftDirection::Inverse).process(&mut spectrum);
    let mut spectrum = transposed(&spectrum, height);
    planner.plan_fft(width, FftDirection::Inverse).process(&mut spectrum);
    spectrum
}

/// Multiplies a spectrum `[width, height]` by the filter, and by the 1/(width·height) that the two transforms owe.
fn weigh(spectrum: &mut [Complex<f64>], width: usize, height: usize) {
    let scale = 1.0 / (width * height) as f64;
    for (x, column) in spectrum.chunks_exact_mut(height).enumerate() {
        let across = frequency(x, width);
        for (y, coefficient) in column.iter_mut().enumerate() {
            let down = frequency(y, height);
            *coefficient *= gain((across * across + down * down).sqrt()) * scale;
        }
    }
}

/// The filter at `f` cycles/pixel.
fn gain(f: f64) -> f64 {
    let ratio = (f / CUT_OFF) * (f / CUT_OFF);
    f * libm::exp(-ratio * ratio)
}

/// Cycles/pixel of the `k`-th coefficient of `n`, without its sign.
fn frequency(k: usize, n: usize) -> f64 {
    k.min(n - k) as f64 / n as f64
}

/// Turns rows of `width` into rows of as many as there were rows.
fn transposed(plane: &[Complex<f64>], width: usize) -> Vec<Complex<f64>> {
    (0..width).flat_map(|x| plane.iter().skip(x).step_by(width).copied()).collect()
}
