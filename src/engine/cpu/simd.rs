//! The widest vectors that the processor has: plain loops on them, and lines as such.

use pulp::{Arch, Simd, WithSimd};

use super::buffer::Line;

/// Runs `f`, a closure marked `#[inline(always)]`, as compiled for the best instruction set found at run time.
pub fn vectorize<R>(f: impl FnMut() -> R) -> R {
    Arch::new().dispatch(Vectorized(f))
}

/// A closure of its own type: [`pulp`] takes any closure, but through a call that is not always inlined, and what is
/// not inlined is compiled without the instruction set.
struct Vectorized<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Vectorized<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// A line in vectors.
#[inline(always)]
pub fn vectors<S: Simd>(line: &Line) -> &[S::f32s] {
    S::as_simd_f32s(line).0
}

/// The same, to be written.
#[inline(always)]
pub fn vectors_mut<S: Simd>(line: &mut Line) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(line).0
}
