//! The three products, and the sum over the slices of a weight gradient.

use super::cut::{Course, MAX_PRODUCT_TURNS, SLICES_ROWS, Slices, tile};
use super::word;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::kernel::variant::Product;
use crate::engine::gpu::kernel::{self, Kernel};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::uniform::{self, WeightGradient};
use crate::engine::gpu::recording::{Choice, Recorder};
use crate::error::Result;
use crate::math::objective::Activation;

/// A B or A Bᵀ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factors {
    Nt,
    Nn,
}

impl Factors {
    fn kernel(self, product: Product) -> &'static Kernel {
        match self {
            Self::Nt => kernel::matmul_nt(product),
            Self::Nn => kernel::matmul_nn(product),
        }
    }

    fn sliced(self) -> &'static Kernel {
        match self {
            Self::Nt => &kernel::SLICED_NT,
            Self::Nn => &kernel::SLICED_NN,
        }
    }
}

/// What ends a product.
pub(crate) struct End<'a> {
    /// The kernel that ends in it.
    pub kernel: &'static Kernel,
    /// The one that adds up slices and ends in it.
    pub of_slices: &'static Kernel,
    /// What it applies.
    pub f: Activation,
    /// The tensors that it takes besides A, B and C.
    pub tensors: &'a [&'a Tensor],
    /// Where its first sum goes, for ends that leave sums.
    pub first_sum: usize,
}

impl Recorder<'_> {
    /// C = A Bᵀ, or C += A Bᵀ.
    pub fn matmul_nt(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.cols, a.rows, b.rows), "matmul_nt: shapes");
        self.product(Factors::Nt, None, [a, b, c], accumulate)
    }

    /// C = A B, or C += A B.
    pub fn matmul_nn(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.rows, a.rows, b.cols), "matmul_nn: shapes");
        self.product(Factors::Nn, None, [a, b, c], accumulate)
    }

    /// Cut where that is faster; else in as many dispatches as the sum needs, the last of which has the end if there is one.
    pub(crate) fn product(
        &mut self,
        factors: Factors,
        end: Option<End<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let product = match factors {
            Factors::Nt => self.variant.nt,
            Factors::Nn => self.variant.nn,
        };
        let room = self.scratch.as_ref().map_or(0, |scratch| scratch.bound);
        let course = Course::new(product, c.padded_rows, c.stride(), a.stride(), room);
        let whole = product_uniform(product, [a, b, c], end.as_ref());
        if course.slices > 1 {
            return self.sliced_product(factors, course, whole, end, [a, b, c], accumulate);
        }
        let turns = a.stride() / 4;
        let invocations = whole.sums as usize;
        for first in (0..turns).step_by(MAX_PRODUCT_TURNS) {
            let last = (first + MAX_PRODUCT_TURNS).min(turns);
            let uniform = uniform::Product {
                k_first: word(first),
                k_end: word(last),
                slice: word(last - first),
                ..whole
            };
            let work = Some(multiply_adds(c, last - first) + moved(c.len()));
            let choice = Choice { work, ..Choice::accumulating(accumulate || first > 0) };
            match &end {
                Some(end) if last == turns => {
                    let choice = Choice { activation: Some(end.f), ..choice };
                    let tensors = [&[c], end.tensors, &[a, b]].concat();
                    self.dispatch(end.kernel, choice, &uniform, &tensors, invocations)?;
                }
                _ => self.dispatch(factors.kernel(product), choice, &uniform, &[c, a, b], invocations)?,
            }
        }
        Ok(())
    }

    /// Slice by slice into the room for them, then all slices with the end.
    fn sliced_product(
        &mut self,
        factors: Factors,
        course: Course,
        whole: uniform::Product,
        end: Option<End<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let scratch = self.scratch.clone().expect("products are cut where there is room for slices");
        let Course { slice, slices } = course;
        let uniform = uniform::Product { slice: word(slice), slices: word(slices), ..whole };
        let work = Some(multiply_adds(c, a.stride() / 4) + moved(slices * c.len()));
        let choice = Choice { work, ..Choice::default() };
        let invocations = whole.sums as usize * slices;
        self.dispatch(factors.sliced(), choice, &uniform, &[&scratch, a, b], invocations)?;

        let invocations = c.len() / (4 * SLICES_ROWS);
        let uniform = uniform::Product { sums: word(invocations), ..uniform };
        let choice = Choice { work: Some(moved((slices + 2) * c.len())), ..Choice::accumulating(accumulate) };
        match end {
            Some(end) => {
                let choice = Choice { activation: Some(end.f), ..choice };
                let tensors = [&[c], end.tensors, &[&scratch]].concat();
                self.dispatch(end.of_slices, choice, &uniform, &tensors, invocations)
            }
            None => self.dispatch(&kernel::MATMUL_SLICES, choice, &uniform, &[c, &scratch], invocations),
        }
    }

    /// P_z = AᵀB over slice z of the rows; `products` is `[slices · padded columns of A, columns of B]`.
    pub fn matmul_tn(&mut self, a: &Tensor, b: &Tensor, products: &Tensor, slices: Slices) -> Result<()> {
        let ((height, width), sharers) = tile(self.variant.tn);
        let tiles = (a.stride().div_ceil(height), b.stride().div_ceil(width));
        assert_eq!(a.rows, b.rows, "matmul_tn: rows");
        assert!(products.bound >= slices.count * a.stride() * b.stride(), "matmul_tn: room for the slices");
        let uniform = uniform::SlicedProduct {
            tiles_m: word(tiles.0),
            tiles_n: word(tiles.1),
            k: word(a.padded_rows),
            slice: word(slices.rows),
            slices: word(slices.count),
            stride_a: word(a.stride() / 4),
            stride_b: word(b.stride() / 4),
            stride_c: word(b.stride() / 4),
        };
        let kernel = kernel::matmul_tn(self.variant.tn);
        let invocations = tiles.0 * tiles.1 * slices.count * sharers;
        let one = a.stride() * b.stride();
        let work = Some((one * a.padded_rows) as f64 + moved(slices.count * one));
        let choice = Choice { work, ..Choice::default() };
        self.dispatch(kernel, choice, &uniform, &[a, b, products], invocations)
    }

    /// G ← Σ products / `examples` + λW, or G += Σ products / `examples`.
    #[allow(clippy::too_many_arguments, reason = "four tensors and four numbers are what the formula has")]
    pub fn weight_gradient(
        &mut self,
        products: &Tensor,
        slices: Slices,
        w: &Tensor,
        gradient: &Tensor,
        examples: usize,
        lambda: f64,
        accumulate: bool,
    ) -> Result<()> {
        assert_eq!((w.rows, w.cols), (gradient.rows, gradient.cols), "weight_gradient: shapes");
        let uniform = WeightGradient {
            count: word(w.len() / 4),
            slices: word(slices.count),
            scale: 1.0 / examples as f32,
            lambda: lambda as f32,
        };
        self.dispatch(
            &kernel::WEIGHT_GRADIENT,
            Choice::accumulating(accumulate),
            &uniform,
            &[products, w, gradient],
            w.len() / 4,
        )
    }
}

/// Multiply-adds of a product with so many vec4s of k.
fn multiply_adds(c: &Tensor, turns: usize) -> f64 {
    (c.len() * 4 * turns) as f64
}

/// What a product is told that is computed as a whole.
fn product_uniform(product: Product, [a, b, c]: [&Tensor; 3], end: Option<&End<'_>>) -> uniform::Product {
    let ((height, width), sharers) = tile(product);
    let (tiles_m, tiles_n) = (c.padded_rows.div_ceil(height), c.stride().div_ceil(width));
    uniform::Product {
        tiles_m: word(tiles_m),
        tiles_n: word(tiles_n),
        k_first: 0,
        k_end: word(a.stride() / 4),
        stride_a: word(a.stride() / 4),
        stride_b: word(b.stride() / 4),
        stride_c: word(c.stride() / 4),
        rows: word(c.padded_rows),
        examples: word(c.rows),
        units: word(c.cols),
        sums: word(tiles_m * tiles_n * sharers),
        first_sum: word(end.map_or(0, |end| end.first_sum)),
        slice: word(a.stride() / 4),
        slices: 1,
    }
}
