//! The gradient of a hidden block: A2ᵀδ3 for D, δ2ᵀX for W1, the sums of δ3 and δ2 over the rows for b2 and b1, and what
//! becomes of it: it is kept, or an optimiser takes it at once and it is stored nowhere.

use super::split_k::SplitK;
use super::word;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::kernel::{self, GradientsUniform, Kernel, Layers};
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::recording::{DispatchOptions, Recorder};
use crate::engine::variant::{Memory, Product, Tile};
use crate::error::Result;
use crate::math::optim::first_order::{ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON};

/// The factors of both products.
#[derive(Clone, Copy, Debug)]
pub struct GradientFactors<'a> {
    /// A2 `[m, h]`.
    pub a2: &'a Tensor,
    /// δ3 `[m, n]`.
    pub delta3: &'a Tensor,
    /// δ2 `[m, h]`.
    pub delta2: &'a Tensor,
    /// X `[m, n]`.
    pub x: &'a Tensor,
}

/// How sums over rows become the gradient, ∇ = Σ/m + λW.
#[derive(Clone, Copy, Debug)]
pub struct GradientScale {
    /// 1/m of the whole update.
    pub scale: f32,
    /// λ.
    pub lambda: f32,
}

impl GradientScale {
    /// A gradient as it is.
    const WHOLE: Self = Self { scale: 1.0, lambda: 0.0 };

    /// That of updates over `examples` rows.
    pub fn new(examples: usize, lambda: f64) -> Self {
        Self { scale: 1.0 / examples as f32, lambda: lambda as f32 }
    }
}

/// What becomes of a gradient. The vectors are those of a block, flat, in one [`SegmentLayout`].
#[derive(Clone, Copy, Debug)]
pub enum GradientEnd<'a> {
    /// It is kept.
    Kept {
        /// The weights that λ decays.
        w: &'a Tensor,
        /// ∇.
        gradient: &'a Tensor,
        /// Whether it is added to that of earlier chunks, which have λW already.
        accumulate: bool,
    },
    /// An optimiser takes it.
    Applied(AppliedEnd<'a>),
}

/// An optimiser and its vectors.
#[derive(Clone, Copy, Debug)]
pub enum AppliedEnd<'a> {
    /// v ← μv + ∇, w ← w − ηv.
    Sgd {
        /// w.
        w: &'a Tensor,
        /// v.
        velocity: &'a Tensor,
        /// See [`sgd_rates`].
        rates: &'a Tensor,
    },
    /// Adam.
    Adam {
        /// w.
        w: &'a Tensor,
        /// Moving averages of ∇ and ∇².
        moments: [&'a Tensor; 2],
        /// See [`adam_rates`].
        rates: &'a Tensor,
    },
}

/// The kernels of an end: of the products, and of the sum of their slices.
struct EndKernels<'a> {
    of_products: fn(Product) -> &'static Kernel,
    of_sum: &'static Kernel,
    tensors: Vec<&'a Tensor>,
    accumulate: bool,
}

impl<'a> GradientEnd<'a> {
    fn kernels(self) -> EndKernels<'a> {
        match self {
            Self::Kept { w, gradient, accumulate } => EndKernels {
                of_products: kernel::gradient,
                of_sum: &kernel::GRADIENT_SUM,
                tensors: vec![w, gradient],
                accumulate,
            },
            Self::Applied(end) => end.kernels(),
        }
    }
}

impl<'a> AppliedEnd<'a> {
    fn kernels(self) -> EndKernels<'a> {
        match self {
            Self::Sgd { w, velocity, rates } => EndKernels {
                of_products: kernel::gradient_sgd,
                of_sum: &kernel::GRADIENT_SUM_SGD,
                tensors: vec![w, velocity, rates],
                accumulate: false,
            },
            Self::Adam { w, moments: [first, second], rates } => EndKernels {
                of_products: kernel::gradient_adam,
                of_sum: &kernel::GRADIENT_SUM_ADAM,
                tensors: vec![w, first, second, rates],
                accumulate: false,
            },
        }
    }
}

impl Recorder<'_> {
    /// The gradient of a block whose vectors lie in `layout`, from its factors, in `slices` of the rows that `products` has
    /// room for.
    pub fn gradient(
        &mut self,
        factors: GradientFactors<'_>,
        layout: SegmentLayout,
        (slices, products): (SplitK, &Tensor),
        scale: GradientScale,
        end: GradientEnd<'_>,
    ) -> Result<()> {
        let EndKernels { of_products, of_sum, tensors, accumulate } = end.kernels();
        if slices.count == 1 {
            let kernel = of_products(self.variant.tn);
            return self.products_of_gradient(kernel, factors, layout, slices, scale, (&tensors, accumulate));
        }
        self.gradient_slices(factors, layout, slices, products)?;
        self.sum_of_gradient(of_sum, products, layout, slices.count, scale, (&tensors, accumulate))
    }

    /// Both products, slice by slice, and the sums of δ2 and δ3: each slice in `layout`, one behind the other.
    pub fn gradient_slices(
        &mut self,
        factors: GradientFactors<'_>,
        layout: SegmentLayout,
        slices: SplitK,
        products: &Tensor,
    ) -> Result<()> {
        assert!(products.bound >= slices.count * layout.len, "gradient_slices: room for the slices");
        let kernel = kernel::gradient_slices(self.variant.tn);
        self.products_of_gradient(kernel, factors, layout, slices, GradientScale::WHOLE, (&[products], false))
    }

    /// An optimiser takes a gradient that is kept.
    pub fn apply_gradient(
        &mut self,
        gradient: &Tensor,
        layout: SegmentLayout,
        end: AppliedEnd<'_>,
    ) -> Result<()> {
        let EndKernels { of_sum, tensors, .. } = end.kernels();
        self.sum_of_gradient(of_sum, gradient, layout, 1, GradientScale::WHOLE, (&tensors, false))
    }

    fn products_of_gradient(
        &mut self,
        kernel: &'static Kernel,
        factors: GradientFactors<'_>,
        layout: SegmentLayout,
        slices: SplitK,
        scale: GradientScale,
        (end, accumulate): (&[&Tensor], bool),
    ) -> Result<()> {
        let GradientFactors { a2, delta3, delta2, x } = factors;
        let Tile { rows, cols, sharers } = self.variant.tn.tile();
        let (h, n) = (a2.stride(), x.stride());
        assert!([delta3, delta2, x].iter().all(|factor| factor.rows == a2.rows), "gradient: rows");
        assert_eq!((delta2.stride(), delta3.stride()), (h, n), "gradient: columns of the deltas");
        assert_eq!((padded(layout.units), padded(layout.visible)), (h, n), "gradient: layout");
        let (tiles_m, tiles_n) = (h.div_ceil(rows), n.div_ceil(cols));
        let uniform = GradientsUniform {
            tiles_m: word(tiles_m),
            tiles_n: word(tiles_n),
            k: word(a2.padded_rows),
            slice: word(slices.depth),
            slices: word(slices.count),
            ..uniform(layout, scale)
        };
        // Software adapters load in loops that do not ask which product it is.
        let (dispatches, products): (&[Layers], usize) = match self.variant.memory {
            _ if layout.d.is_none() => (&[Layers::Encoder], 1),
            Memory::Textures => (&[Layers::Decoder, Layers::Encoder], 1),
            Memory::Buffers => (&[Layers::Both], 2),
        };
        let tensors = [&[a2, delta3, delta2, x], end].concat();
        let moved = moved(slices.count * h * n * end.len());
        for &layers in dispatches {
            let work = Some(products as f64 * ((h * n * a2.padded_rows) as f64 + moved));
            let choice = DispatchOptions { layers, work, ..DispatchOptions::accumulating(accumulate) };
            let invocations = tiles_m * tiles_n * slices.count * sharers * products;
            self.dispatch(kernel, choice, &uniform, &tensors, invocations)?;
        }
        Ok(())
    }

    fn sum_of_gradient(
        &mut self,
        kernel: &'static Kernel,
        products: &Tensor,
        layout: SegmentLayout,
        slices: usize,
        scale: GradientScale,
        (end, accumulate): (&[&Tensor], bool),
    ) -> Result<()> {
        assert!(products.bound >= slices * layout.len, "gradient_sum: the slices");
        let uniform = GradientsUniform { slices: word(slices), ..uniform(layout, scale) };
        let numbers = layout.numbers();
        let work = Some(moved((slices + 2 * end.len()) * numbers));
        let layers = if layout.d.is_none() { Layers::Encoder } else { Layers::Both };
        let choice = DispatchOptions { layers, work, ..DispatchOptions::accumulating(accumulate) };
        let tensors = [&[products], end].concat();
        self.dispatch(kernel, choice, &uniform, &tensors, numbers / 4)
    }
}

/// What follows from the layout.
fn uniform(layout: SegmentLayout, GradientScale { scale, lambda }: GradientScale) -> GradientsUniform {
    let SegmentLayout { units, visible, d, b1, b2, len } = layout;
    GradientsUniform {
        tiles_m: 0,
        tiles_n: 0,
        k: 0,
        slice: 0,
        slices: 1,
        stride_a: word(padded(units) / 4),
        stride_b: word(padded(visible) / 4),
        d: word(d.unwrap_or_default() / 4),
        b1: word(b1 / 4),
        b2: word(b2.unwrap_or_default() / 4),
        b2_len: word(b2.map_or(0, |_| padded(visible) / 4)),
        length: word(len / 4),
        scale,
        lambda,
    }
}

/// Numbers in a tensor of rates.
pub const RATES: usize = 8;

/// The rates of SGD as its kernels take them.
pub fn sgd_rates(lr: f64, momentum: f64) -> [f32; RATES] {
    let mut rates = [0.0; RATES];
    (rates[0], rates[1]) = (lr as f32, momentum as f32);
    rates
}

/// The rates of Adam for update `step`, counted from 1, as its kernels take them.
pub fn adam_rates(lr: f64, step: u64) -> [f32; RATES] {
    let correction = |beta: f64| 1.0 / (1.0 - beta.powf(step as f64));
    let (beta1, beta2) = (ADAM_BETA1, ADAM_BETA2);
    [lr, beta1, beta2, 1.0 - beta1, 1.0 - beta2, ADAM_EPSILON, correction(beta1), correction(beta2)]
        .map(|rate| rate as f32)
}
