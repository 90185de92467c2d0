//! Lines of numbers as the widest vectors that the processor has.

use pulp::Simd;

use super::buffer::Line;

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
