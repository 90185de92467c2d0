//! Multiply-adds of the CPU engine. They are rounded once, as IEEE 754's fusedMultiplyAdd, so that every processor has the
//! same bits. A target without the instruction, as WebAssembly, puts each together from integers, which takes it some thirty
//! times as long: the feature `unfused` rounds product and sum there, and has other last bits.

use pulp::Simd;

/// a·b + c.
#[inline(always)]
pub fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(feature = "unfused") { a * b + c } else { a.mul_add(b, c) }
}

/// The same of vectors.
#[inline(always)]
pub fn multiply_add_vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if cfg!(feature = "unfused") { simd.add_f32s(simd.mul_f32s(a, b), c) } else { simd.mul_add_f32s(a, b, c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiply_add_is_rounded_as_often_as_the_feature_says() {
        // 1 + 2⁻²³ times itself is 1 + 2⁻²² + 2⁻⁴⁶, whose last term a rounded product has lost.
        let x = 1.0 + f32::EPSILON;
        let rest = multiply_add(x, x, -(1.0 + 2.0 * f32::EPSILON));
        let exact = f32::EPSILON * f32::EPSILON;
        assert_eq!(rest, if cfg!(feature = "unfused") { 0.0 } else { exact });
    }
}
