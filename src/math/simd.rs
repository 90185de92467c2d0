//! The widest vectors that the processor has, for plain loops.

use pulp::{Arch, Simd, WithSimd};

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
