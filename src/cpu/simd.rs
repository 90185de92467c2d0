//! Plain loops on the widest vectors that the processor has.

use pulp::{Arch, Simd, WithSimd};

use super::buffer::LINE;

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

/// A line put together number by number, in registers before any of it is stored: this is what becomes a vector.
#[inline(always)]
pub fn line(f: impl Fn(usize) -> f32) -> [f32; LINE] {
    let mut line = [0.0; LINE];
    for (i, x) in line.iter_mut().enumerate() {
        *x = f(i);
    }
    line
}
