//! The products A Bᵀ and A B; [`super::gradients`] has AᵀB.

use super::split_k::{Gemm, MAX_PRODUCT_TURNS, SplitK, invocations_of_sum};
use super::word;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::kernel::{self, Kernel, ProductUniform};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::{DispatchOptions, Recorder};
use crate::engine::variant::{Product, Tile};
use crate::error::Result;
use crate::math::objective::Activation;
use crate::math::transpose::Transpose;

/// What becomes of a product, where it is not stored as it is.
pub(crate) struct Epilogue<'a> {
    /// The kernel that has it.
    pub kernel: &'static Kernel,
    /// The one that adds up the slices of split-K and has it.
    pub split_k_sum: &'static Kernel,
    /// The activation that it applies.
    pub f: Activation,
    /// The tensors that it takes besides A, B and C.
    pub tensors: &'a [&'a Tensor],
    /// Where its first sum goes, for epilogues that leave sums.
    pub first_sum: usize,
}

/// The kernel of A Bᵀ or A B as it is.
fn stored(transpose: Transpose, product: Product) -> &'static Kernel {
    match transpose {
        Transpose::Nt => kernel::matmul_nt(product),
        Transpose::Nn => kernel::matmul_nn(product),
        Transpose::Tn => unreachable!("Aᵀ B has a uniform of its own"),
    }
}

impl Recorder<'_> {
    /// C = A Bᵀ, or C += A Bᵀ.
    pub fn matmul_nt(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.cols, a.rows, b.rows), "matmul_nt: shapes");
        self.product(Transpose::Nt, None, [a, b, c], accumulate)
    }

    /// C = A B, or C += A B.
    pub fn matmul_nn(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.rows, a.rows, b.cols), "matmul_nn: shapes");
        self.product(Transpose::Nn, None, [a, b, c], accumulate)
    }

    /// With split-K where that is faster; else in as many dispatches as the sum needs, the last of which has the epilogue.
    pub(crate) fn product(
        &mut self,
        transpose: Transpose,
        epilogue: Option<Epilogue<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let product = match transpose {
            Transpose::Nt => self.variant.nt,
            Transpose::Nn => self.variant.nn,
            Transpose::Tn => self.variant.tn,
        };
        let split = self.gemm(product, a, c).split();
        let whole = product_uniform(product, [a, b, c], epilogue.as_ref());
        if split.count > 1 {
            let of_slices = kernel::split_k_of(transpose, product).expect("only tiled kernels split k");
            return self.split_product(of_slices, split, whole, epilogue, [a, b, c], accumulate);
        }
        let stored = stored(transpose, product);
        let turns = a.stride() / 4;
        let invocations = whole.sums as usize;
        for first in (0..turns).step_by(MAX_PRODUCT_TURNS) {
            let last = (first + MAX_PRODUCT_TURNS).min(turns);
            let uniform = ProductUniform {
                k_first: word(first),
                k_end: word(last),
                slice: word(last - first),
                ..whole
            };
            let work = Some(multiply_adds(c, last - first) + moved(c.len()));
            let choice = DispatchOptions { work, ..DispatchOptions::accumulating(accumulate || first > 0) };
            match &epilogue {
                Some(epilogue) if last == turns => {
                    let choice = DispatchOptions { activation: Some(epilogue.f), ..choice };
                    let tensors = [&[c, a, b], epilogue.tensors].concat();
                    self.dispatch(epilogue.kernel, choice, &uniform, &tensors, invocations)?;
                }
                _ => self.dispatch(stored, choice, &uniform, &[c, a, b], invocations)?,
            }
        }
        Ok(())
    }

    /// C += Z.
    pub fn add(&mut self, z: &Tensor, c: &Tensor) -> Result<()> {
        assert_eq!((z.rows, z.cols), (c.rows, c.cols), "add: shapes");
        self.sum_at_hand(&kernel::SPLIT_K_SUM, DispatchOptions::accumulating(true), (z, &[]), c)
    }

    /// An epilogue over a sum Z that is there, whoever has computed it: `kernel`, which adds up slices of a product, takes Z as
    /// the only one.
    pub(crate) fn sum_at_hand(
        &mut self,
        kernel: &'static Kernel,
        choice: DispatchOptions,
        (z, more): (&Tensor, &[&Tensor]),
        c: &Tensor,
    ) -> Result<()> {
        let invocations = invocations_of_sum(c.rows, c.cols);
        let uniform = ProductUniform {
            tiles_m: 0,
            tiles_n: 0,
            k_first: 0,
            k_end: 0,
            stride_a: 0,
            stride_b: 0,
            stride_c: word(c.stride() / 4),
            rows: word(c.padded_rows),
            examples: word(c.rows),
            units: word(c.cols),
            sums: word(invocations),
            first_sum: 0,
            slice: 0,
            slices: 1,
        };
        let choice = DispatchOptions { work: Some(moved(3 * c.len())), ..choice };
        self.dispatch(kernel, choice, &uniform, &[&[c, z], more].concat(), invocations)
    }

    /// The product of A with result C by a kernel, as this recording splits it.
    pub fn gemm(&self, product: Product, a: &Tensor, c: &Tensor) -> Gemm {
        let room = self.scratch.as_ref().map_or(0, |scratch| scratch.bound);
        Gemm { product, workgroups: self.workgroups, rows: c.padded_rows, cols: c.cols, k: a.cols, room }
    }

    /// Slice by slice into the room for them, then all slices with the epilogue.
    fn split_product(
        &mut self,
        of_slices: &'static Kernel,
        split: SplitK,
        whole: ProductUniform,
        epilogue: Option<Epilogue<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let scratch = self.scratch.clone().expect("k is split where there is room for slices");
        let slices = split.count;
        let uniform = ProductUniform { slice: word(split.depth / 4), slices: word(slices), ..whole };
        let work = Some(multiply_adds(c, a.stride() / 4) + moved(slices * c.len()));
        let choice = DispatchOptions { work, ..DispatchOptions::default() };
        let invocations = whole.sums as usize * slices;
        self.dispatch(of_slices, choice, &uniform, &[&scratch, a, b], invocations)?;

        let invocations = invocations_of_sum(c.rows, c.cols);
        let uniform = ProductUniform { sums: word(invocations), ..uniform };
        let choice = DispatchOptions {
            work: Some(moved((slices + 2) * c.len())),
            ..DispatchOptions::accumulating(accumulate)
        };
        match epilogue {
            Some(epilogue) => {
                let choice = DispatchOptions { activation: Some(epilogue.f), ..choice };
                let tensors = [&[c, &scratch], epilogue.tensors].concat();
                self.dispatch(epilogue.split_k_sum, choice, &uniform, &tensors, invocations)
            }
            None => self.dispatch(&kernel::SPLIT_K_SUM, choice, &uniform, &[c, &scratch], invocations),
        }
    }
}

/// Multiply-adds of a product with so many vec4s of k.
fn multiply_adds(c: &Tensor, turns: usize) -> f64 {
    (c.len() * 4 * turns) as f64
}

/// The uniform of a product that is computed as a whole.
fn product_uniform(
    product: Product,
    [a, b, c]: [&Tensor; 3],
    epilogue: Option<&Epilogue<'_>>,
) -> ProductUniform {
    let Tile { rows, cols, sharers } = product.tile();
    let (tiles_m, tiles_n) = (c.padded_rows.div_ceil(rows), c.stride().div_ceil(cols));
    ProductUniform {
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
        first_sum: word(epilogue.map_or(0, |epilogue| epilogue.first_sum)),
        slice: word(a.stride() / 4),
        slices: 1,
    }
}
