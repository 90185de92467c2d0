//! Olshausen's whitening filter |f|·exp(−(f/f₀)⁴): flattens the 1/f amplitude spectrum of natural images and cuts
//! the corners of the frequency square, where noise would rule. Applied in f64, to one channel at a time, in the memory of
//! one plane of complex numbers.

use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftPlannerScalar};

use super::pixels::Pixels;

/// Frequency at which the filter begins to fall, cycles/pixel.
const CUT_OFF: f64 = 0.4;
/// Columns that are transformed at a time: a cache line of each row is four numbers.
const STRIP: usize = 16;

/// One channel of a picture, `[height, width]`, each number followed by a 0: a plane of complex numbers.
pub fn plane(pixels: &Pixels, channel: usize, channels: usize) -> Vec<f64> {
    let mut plane = vec![0.0; 2 * pixels.width * pixels.height];
    let mut line = vec![0.0; pixels.width * channels];
    for (y, row) in plane.chunks_exact_mut(2 * pixels.width).enumerate() {
        pixels.write(y * pixels.width, channels, &mut line);
        for (number, value) in row.chunks_exact_mut(2).zip(line.iter().skip(channel).step_by(channels)) {
            number[0] = *value;
        }
    }
    plane
}

/// Whitens a plane of complex numbers of that width; the real parts that come out have mean 0, the imaginary ones are
/// rounding and left out. The image is taken to go on periodically.
pub fn whiten(mut plane: Vec<f64>, width: usize) -> Vec<f64> {
    let count = plane.len() / 2;
    let height = count / width;
    // Without its mean the plane has exact zeros where it is flat, and the rest loses no digits to it.
    let mean = plane.iter().step_by(2).sum::<f64>() / count as f64;
    plane.iter_mut().step_by(2).for_each(|x| *x -= mean);
    filter(bytemuck::cast_slice_mut(&mut plane), width, height);
    for i in 0..count {
        plane[i] = plane[2 * i];
    }
    plane.truncate(count);
    plane.shrink_to_fit();
    plane
}

/// Transforms `[height, width]` forward, weighs it and transforms it back.
fn filter(plane: &mut [Complex<f64>], width: usize, height: usize) {
    // The scalar planner: the vectorised ones round differently on different processors.
    let mut planner = FftPlannerScalar::new();
    let [forward, inverse] = [FftDirection::Forward, FftDirection::Inverse];
    planner.plan_fft(width, forward).process(plane);
    let (down, up) = (planner.plan_fft(height, forward), planner.plan_fft(height, inverse));
    let mut strip = vec![Complex::default(); STRIP.min(width) * height];
    for left in (0..width).step_by(STRIP) {
        let columns = STRIP.min(width - left);
        let strip = &mut strip[..columns * height];
        for (y, row) in plane.chunks_exact(width).enumerate() {
            row[left..left + columns]
                .iter()
                .enumerate()
                .for_each(|(x, &number)| strip[x * height + y] = number);
        }
        down.process(strip);
        weigh(strip, left, width, height);
        up.process(strip);
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            let row = &mut row[left..left + columns];
            row.iter_mut().enumerate().for_each(|(x, number)| *number = strip[x * height + y]);
        }
    }
    planner.plan_fft(width, inverse).process(plane);
}

/// Multiplies columns of a spectrum, from `left` on, by the filter, and by the 1/(width·height) that the two transforms owe.
fn weigh(columns: &mut [Complex<f64>], left: usize, width: usize, height: usize) {
    let scale = 1.0 / (width * height) as f64;
    for (x, column) in columns.chunks_exact_mut(height).enumerate() {
        let across = frequency(left + x, width);
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

/// Bytes of whitening a picture in so many channels, the result included.
pub fn bytes(width: usize, height: usize, channels: usize) -> u64 {
    let plane = 8 * (width * height) as u64;
    (channels as u64 + 1) * plane + scratch_bytes(width, height)
}

/// Most bytes that whitening takes besides its plane: a strip of columns, factors and scratch of the transforms, which for
/// awkward lengths go through ones of up to four times as many numbers.
fn scratch_bytes(width: usize, height: usize) -> u64 {
    let number = size_of::<Complex<f64>>() as u64;
    number * (STRIP as u64 * height as u64 + 16 * (width.max(height) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same through two planes that are transposed whole, as version 0.1.0 did it.
    fn transposed_whole(plane: &[f64], width: usize) -> Vec<f64> {
        let transposed = |plane: &[Complex<f64>], width: usize| -> Vec<Complex<f64>> {
            (0..width).flat_map(|x| plane.iter().skip(x).step_by(width).copied()).collect()
        };
        let (mut planner, height) = (FftPlannerScalar::new(), plane.len() / width);
        let mean = plane.iter().sum::<f64>() / plane.len() as f64;
        let mut spectrum: Vec<_> = plane.iter().map(|x| Complex::from(x - mean)).collect();
        planner.plan_fft(width, FftDirection::Forward).process(&mut spectrum);
        let mut spectrum = transposed(&spectrum, width);
        planner.plan_fft(height, FftDirection::Forward).process(&mut spectrum);
        weigh(&mut spectrum, 0, width, height);
        planner.plan_fft(height, FftDirection::Inverse).process(&mut spectrum);
        let mut spectrum = transposed(&spectrum, height);
        planner.plan_fft(width, FftDirection::Inverse).process(&mut spectrum);
        spectrum.iter().map(|number| number.re).collect()
    }

    #[test]
    fn strips_of_columns_have_the_bits_of_all_columns_at_once() {
        // Powers of two, products of small primes, primes, and less than a strip.
        for (width, height) in [(64, 32), (60, 45), (97, 31), (1, 50), (50, 1), (17, 16), (5, 101), (1009, 3)]
        {
            let values: Vec<f64> =
                (0..width * height).map(|i| ((i * i + 3 * i) % 251) as f64 / 251.0).collect();
            let plane = values.iter().flat_map(|&x| [x, 0.0]).collect();
            assert_eq!(whiten(plane, width), transposed_whole(&values, width), "{width}×{height}");
        }
    }
}
