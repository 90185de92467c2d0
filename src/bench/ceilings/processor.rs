//! The ceilings of the processor, on all of its threads.

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

use super::COPIED;
use crate::bench::stats::{Pace, Summary, alone};
use crate::engine::cpu::products;
use crate::error::Result;
use crate::io::threads::Pool;
use crate::math::random::Stream;

/// Sums that are added to in turn: more than a multiply-add takes cycles times those that start in one, and few enough
/// for 16 registers.
const SUMS: usize = 12;
/// Multiply-adds of each sum in a run.
const TURNS: usize = 1 << 20;
/// Side of the matrices of the product.
const SIDE: usize = 1024;

/// Operations of a run on all threads, and its times.
pub fn multiply_adds(pace: Pace) -> Result<(f64, Summary)> {
    let pool = Pool::new(0)?;
    let lanes = Arch::new().dispatch(Lanes);
    let run = || {
        pool.broadcast(|| Arch::new().dispatch(MultiplyAdds));
        Ok(())
    };
    let flops = 2.0 * (SUMS * lanes * TURNS * pool.threads()) as f64;
    Ok((flops, alone(run, pace)?))
}

/// Times of copying on all threads.
pub fn copy(pace: Pace) -> Result<Summary> {
    let pool = Pool::new(0)?;
    let piece = COPIED.div_ceil(pool.threads());
    let (from, mut to) = (vec![1.0f32; COPIED], vec![0.0f32; COPIED]);
    let run = || {
        pool.install(|| {
            rayon::scope(|scope| {
                for (to, from) in to.chunks_mut(piece).zip(from.chunks(piece)) {
                    scope.spawn(|_| to.copy_from_slice(from));
                }
            });
        });
        black_box(&mut to);
        Ok(())
    };
    alone(run, pace)
}

/// Operations of a large product of the CPU engine, one a thread, and its times. The copies into padded rows that come
/// with it are timed too; at this size they are a few per cent.
pub fn product(pace: Pace) -> Result<(f64, Summary)> {
    let pool = Pool::new(0)?;
    let mut stream = Stream::new(0, "bench product");
    let mut matrix = || -> Vec<f32> { (0..SIDE * SIDE).map(|_| stream.unit() as f32).collect() };
    let (a, b) = (matrix(), matrix());
    let run = || {
        pool.broadcast(|| black_box(products::nn(&a, &b, SIDE, SIDE, SIDE)));
        Ok(())
    };
    let flops = 2.0 * (SIDE as f64).powi(3) * pool.threads() as f64;
    Ok((flops, alone(run, pace)?))
}

/// Numbers in a vector of the best instruction set.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// Multiply-adds that touch no memory.
struct MultiplyAdds;

impl WithSimd for MultiplyAdds {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
        let mut sums = [simd.splat_f32s(black_box(1.0)); SUMS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, a, b);
            }
        }
        let total = sums.into_iter().reduce(|x, y| simd.add_f32s(x, y));
        black_box(total.map(|total| simd.reduce_sum_f32s(total)));
    }
}

#[cfg(all(test, not(debug_assertions)))]
mod tests {
    use super::*;

    /// Code that is not inlined into [`WithSimd::with_simd`] is compiled without the instruction set: right, and a
    /// fiftieth as fast.
    #[test]
    fn a_large_product_runs_at_a_twentieth_of_the_multiply_adds_in_registers_at_least() {
        // The best of them: neighbours take from both what they like.
        let rate = |(flops, times): (f64, Summary)| flops / times.best;
        let peak = rate(multiply_adds(Pace::QUICK).unwrap());
        let product = rate(product(Pace::QUICK).unwrap());
        assert!(product > 0.05 * peak, "{:.1} of {:.1} GFLOP/s", product / 1e9, peak / 1e9);
    }
}
