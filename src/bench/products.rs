//! The matrix products of a step on a WebGPU adapter: each of the three in each variant, checked on small integers, then timed.
//!
//! The CPU engine has no products apart from its passes; its best dense product stands among the ceilings.

use std::sync::Arc;

use super::contender::Contender;
use super::ladder::Size;
use super::row::{Row, What};
use super::sampled::indices;
use super::stats::{Pace, Summary, alone};
use super::steps::wrong;
use crate::engine::Chunking;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, padded, read};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::ops::{Gemm, GradientFactors, SplitK};
use crate::engine::gpu::recording::{Recorder, Recording};
use crate::engine::variant::{Product, Variant};
use crate::error::Result;
use crate::math::random::Stream;
use crate::math::transpose::Transpose;
use crate::verify::compare::Expected;
use crate::verify::numbers::{CaseNumbers, NumberKind};
use crate::verify::rig::Failure;

/// Outputs of a product that are checked: 8 rows by 8 columns.
const SIDE: usize = 8;
/// Seconds that a submission shall take at least, so that its own cost does not count.
const LONG: f64 = 0.01;
/// Most products of a submission.
const MOST: usize = 256;

/// One way of computing one of the products.
pub struct ProductVariant {
    /// Which product.
    pub transpose: Transpose,
    /// The kernel, and where it reads.
    pub variant: Variant,
    /// Records C from A and B. C has room for [`Operands::slices`] of them, whatever the kernel.
    pub record: fn(&mut Recorder<'_>, &Operands) -> Result<()>,
}

/// Every variant of every product that the device runs.
pub fn variants(gpu: &Gpu) -> Vec<ProductVariant> {
    let forms = |variant| {
        let of = |transpose, record| ProductVariant { transpose, variant, record };
        [
            of(Transpose::Nt, |recorder, on| recorder.matmul_nt(&on.a, &on.b, &on.c, false)),
            of(Transpose::Nn, |recorder, on| recorder.matmul_nn(&on.a, &on.b, &on.c, false)),
            of(Transpose::Tn, |recorder, on| {
                let (a, b) = (&on.a, &on.b);
                let factors = GradientFactors { a2: a, delta3: b, delta2: a, x: b };
                recorder.gradient_slices(factors, on.layout(), on.slices(recorder.variant.tn), &on.c)
            }),
        ]
    };
    Variant::supported(gpu).into_iter().flat_map(forms).collect()
}

/// A, B and C of a product on a device, A and B being small integers.
#[derive(Debug)]
pub struct Operands {
    /// See [`Transpose::operands`].
    pub a: Tensor,
    /// See [`Transpose::operands`].
    pub b: Tensor,
    /// `[m, n]`; for Aᵀ·B, of which a gradient has two, the slices of both one behind the other.
    pub c: Tensor,
    /// Room for slices of A·B and A·Bᵀ.
    scratch: Tensor,
    /// That the device wants.
    workgroups: usize,
    transpose: Transpose,
    size: (usize, usize, usize),
    values: [Vec<f32>; 2],
}

/// Rows of all variants of the three forms that a step of `size` is made of, at the piece that the engine cuts it into.
///
/// # Errors
/// When a product is wrong, or the device refuses it.
pub fn measure(who: &Contender, size: Size, pace: Pace) -> Result<Vec<Row>> {
    let candidates = who.gpu().map(|gpu| variants(gpu)).unwrap_or_default();
    measure_variants(who, size, pace, &candidates)
}

/// The same of given variants.
///
/// # Errors
/// As [`measure`].
pub fn measure_variants(
    who: &Contender,
    size: Size,
    pace: Pace,
    candidates: &[ProductVariant],
) -> Result<Vec<Row>> {
    let Some(gpu) = who.gpu() else { return Ok(Vec::new()) };
    let plan = Partition::new(gpu, size.units(), size.m, Chunking::default())?.plan();
    let piece = Size { h: plan.block, m: plan.chunk.min(size.m), ..size };
    let mut rows = Vec::new();
    for transpose in [Transpose::Nt, Transpose::Nn, Transpose::Tn] {
        let operands = Operands::new(gpu, transpose, piece)?;
        for candidate in candidates.iter().filter(|candidate| candidate.transpose == transpose) {
            let times = operands.time(who, gpu, candidate, pace)?;
            let row = Row { shape: Some(piece), ..who.row(What::Product) };
            let name = format!("{} {}", transpose.name(), candidate.variant);
            let products = if transpose == Transpose::Tn { 2.0 } else { 1.0 };
            let operations = products * piece.flops() / 5.0;
            rows.push(row.of_variant(name).timed(times).operations(operations));
        }
    }
    Ok(rows)
}

impl Operands {
    fn new(gpu: &Gpu, transpose: Transpose, piece: Size) -> Result<Self> {
        let Size { n, h, m } = piece;
        let size = match transpose {
            Transpose::Nt => (m, h, n),
            Transpose::Nn => (m, n, h),
            Transpose::Tn => (h, n, m),
        };
        let mut numbers = CaseNumbers::new(0, "bench products");
        let [of_a, of_b] = transpose.operands(size.0, size.1, size.2);
        let values = [of_a, of_b].map(|(rows, cols)| numbers.draw(NumberKind::Integers, rows * cols));
        let upload = |(rows, cols), values: &[f32]| -> Result<Tensor> {
            let tensor = Tensor::zeros(gpu, "operand", rows, cols)?;
            tensor.write(gpu, values);
            Ok(tensor)
        };
        let (a, b) = (upload(of_a, &values[0])?, upload(of_b, &values[1])?);
        let one = Tensor::zeros(gpu, "product", size.0, size.1)?;
        let room = gpu.binding_limit() as usize / 4;
        let (rows, cols) = (one.padded_rows, one.stride());
        let workgroups = gpu.adapter.wanted_workgroups();
        let counts =
            Product::ALL.map(|product| SplitK::of_gradient(product, workgroups, size.2, rows, cols).count);
        let c = match (transpose, counts.into_iter().max()) {
            (Transpose::Tn, Some(count)) => {
                Tensor::vector(gpu, "products", count * SegmentLayout::new(size.1, &(0..size.0)).len)?
            }
            _ => one,
        };
        let slices = Product::TILED
            .map(|product| Gemm { product, workgroups, rows, cols, k: size.2, room }.slice_numbers());
        let scratch = Tensor::vector(gpu, "slices", slices.into_iter().max().unwrap_or(0).max(1))?;
        Ok(Self { a, b, c, scratch, workgroups, transpose, size, values })
    }

    /// Cut of the sum of Aᵀ·B by a kernel.
    pub fn slices(&self, product: Product) -> SplitK {
        SplitK::of_gradient(product, self.workgroups, self.size.2, padded(self.size.0), padded(self.size.1))
    }

    /// Where each slice of Aᵀ·B has its parts.
    fn layout(&self) -> SegmentLayout {
        SegmentLayout::new(self.size.1, &(0..self.size.0))
    }

    /// Checks a variant and times it.
    fn time(
        &self,
        who: &Contender,
        gpu: &Arc<Gpu>,
        candidate: &ProductVariant,
        pace: Pace,
    ) -> Result<Summary> {
        // What the variant before it has left would pass for its own.
        let nothing = vec![f32::NAN; self.c.bound];
        gpu.queue.write_buffer(&self.c.buffer, 0, bytemuck::cast_slice(&nothing));
        let once = self.repeated(gpu, candidate, 1)?;
        run(gpu, &once)?;
        self.check(gpu, candidate.variant.tn).map_err(|failure| {
            let (m, n, k) = self.size;
            wrong(
                who,
                &format!("product {} {} {m}×{n}, k = {k}", self.transpose.name(), candidate.variant),
                failure,
            )
        })?;
        let single = alone(|| run(gpu, &once), Pace { turns: 1, seconds: 0.0 })?.best;
        let count = ((LONG / single).ceil() as usize).clamp(1, MOST);
        let several = self.repeated(gpu, candidate, count)?;
        Ok(alone(|| run(gpu, &several), pace)?.times(1.0 / count as f64))
    }

    fn repeated(&self, gpu: &Gpu, candidate: &ProductVariant, count: usize) -> Result<Recording> {
        let mut recorder = Recorder::new(gpu);
        recorder.variant = candidate.variant;
        recorder.scratch = Some(self.scratch.clone());
        (0..count).try_for_each(|_| (candidate.record)(&mut recorder, self))?;
        recorder.finish()
    }

    /// Compares a sample of C, which holds integers, exactly.
    fn check(&self, gpu: &Gpu, tn: Product) -> Result<(), Failure> {
        let (m, n, _) = self.size;
        let mut stream = Stream::new(0, "bench products sampled");
        let (rows, cols) = (indices(&mut stream, m, SIDE), indices(&mut stream, n, SIDE));
        let stride = padded(n);
        let layout = self.layout();
        // A gradient has the product twice, in each of its slices.
        let (products, slices) = match self.transpose {
            Transpose::Tn => (vec![0, layout.d.unwrap_or_default()], self.slices(tn).count),
            Transpose::Nt | Transpose::Nn => (vec![0], 1),
        };
        let expected: Vec<f64> =
            rows.iter().flat_map(|&row| cols.iter().map(move |&col| self.element(row, col))).collect();
        for first in products {
            let mut found = vec![0.0; rows.len() * cols.len()];
            for slice in 0..slices {
                let values = read(gpu, &self.c.buffer, slice * layout.len + first, m * stride)?;
                let picked = rows.iter().flat_map(|row| cols.iter().map(move |col| row * stride + col));
                for (sum, at) in found.iter_mut().zip(picked) {
                    *sum += f64::from(values[at]);
                }
            }
            Expected::exact(expected.clone()).compare(&found)?;
        }
        Ok(())
    }

    /// C at a row and a column, in f64.
    fn element(&self, row: usize, col: usize) -> f64 {
        let (m, n, k) = self.size;
        let [a, b] = &self.values;
        let product = |l: usize| {
            let (a, b) = match self.transpose {
                Transpose::Nt => (a[row * k + l], b[col * k + l]),
                Transpose::Nn => (a[row * k + l], b[l * n + col]),
                Transpose::Tn => (a[l * m + row], b[l * n + col]),
            };
            f64::from(a) * f64::from(b)
        };
        (0..k).map(product).sum()
    }
}

fn run(gpu: &Gpu, recording: &Recording) -> Result<()> {
    recording.run(gpu)?;
    gpu.finish()
}
