//! Element-wise kernels and reductions of a WebGPU adapter in bytes a second: all of them are bounded by memory.

use super::contender::Contender;
use super::ladder::Size;
use super::row::{Row, What};
use super::stats::{Pace, alone};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::memory::storage::Storage;
use crate::engine::gpu::ops::{AppliedEnd, adam_rates, exponent_blocks, sgd_rates, sum_blocks};
use crate::engine::gpu::recording::Recorder;
use crate::error::Result;

/// Rows and columns that they run on: 16 MiB a matrix.
const SHAPE: (usize, usize) = (4096, 1024);
/// Dispatches of a submission.
const REPEATED: usize = 4;

/// The matrices and vectors that kernels run on.
struct Bench<'g> {
    gpu: &'g Gpu,
    x: Tensor,
    y: Tensor,
    z: Tensor,
    moment: Tensor,
    sums: Tensor,
    /// In which the matrices are vectors of a block's parameters.
    layout: SegmentLayout,
    sgd: Tensor,
    adam: Tensor,
}

/// A kernel, numbers read and written an element, operations an element (an exponential counts as one), how to record
/// it.
type Entry = (&'static str, f64, f64, fn(&Bench<'_>, &mut Recorder<'_>) -> Result<()>);

const ENTRIES: &[Entry] = &[
    ("column_mean", 1.0, 1.0, |on, to| {
        to.column_mean(&on.x, &Tensor { cols: on.x.cols, ..on.sums.clone() }, SHAPE.0, false)
    }),
    ("dot", 1.0, 2.0, |on, to| to.dot(&on.x, &on.x, &on.sums, 0)),
    ("max_exponent", 1.0, 1.0, |on, to| to.max_exponent(&on.x, &on.sums, 0)),
    ("axpy", 3.0, 3.0, |on, to| to.axpy(0.5, &on.x, 0.5, &on.y, &on.z)),
    ("sgd", 5.0, 4.0, |on, to| {
        let end = AppliedEnd::Sgd { w: &on.y, velocity: &on.z, rates: &on.sgd };
        to.apply_gradient(&on.x, on.layout, end)
    }),
    ("adam", 7.0, 14.0, |on, to| {
        let end = AppliedEnd::Adam { w: &on.y, moments: [&on.z, &on.moment], rates: &on.adam };
        to.apply_gradient(&on.x, on.layout, end)
    }),
];

/// A row a kernel; none for the CPU engine, whose kernels are parts of its passes.
///
/// # Errors
/// Those of the device.
pub fn measure(who: &Contender, pace: Pace) -> Result<Vec<Row>> {
    let Some(gpu) = who.gpu() else { return Ok(Vec::new()) };
    let bench = Bench::new(gpu)?;
    let (rows, cols) = SHAPE;
    let elements = (rows * cols) as f64;
    let shape = Some(Size { n: cols, h: cols, m: rows });
    let mut found = Vec::new();
    for (name, numbers, operations, record) in ENTRIES {
        let mut recorder = Recorder::new(gpu);
        (0..REPEATED).try_for_each(|_| record(&bench, &mut recorder))?;
        let recording = recorder.finish()?;
        let run = || {
            recording.run(gpu)?;
            gpu.finish()
        };
        let times = alone(run, pace)?.times(1.0 / REPEATED as f64);
        let row = Row { shape, ..who.row(What::Kernel) }.of_variant(*name).timed(times);
        found.push(row.operations(operations * elements).moved(4.0 * numbers * elements));
    }
    Ok(found)
}

impl<'g> Bench<'g> {
    fn new(gpu: &'g Gpu) -> Result<Self> {
        let (rows, cols) = SHAPE;
        // W1 and D are the two halves; the biases lie behind.
        let layout = SegmentLayout::new(cols, &(0..rows / 2));
        let matrix = |name| -> Result<Tensor> {
            let whole = Storage::zeros(gpu, name, layout.len)?;
            Ok(Tensor { bound: layout.len, ..Tensor::matrix_at(&whole, 0, rows, cols) })
        };
        let room = sum_blocks(rows * cols).max(exponent_blocks(rows * cols)).max(padded(cols));
        let rates = |values: &[f32]| -> Result<Tensor> {
            let tensor = Tensor::vector(gpu, "rates", values.len())?;
            tensor.write(gpu, values);
            Ok(tensor)
        };
        Ok(Self {
            gpu,
            x: matrix("x")?,
            y: matrix("y")?,
            z: matrix("z")?,
            moment: matrix("moment")?,
            sums: Tensor::vector_at(&Storage::zeros(gpu, "sums", padded(room))?, 0, room),
            layout,
            sgd: rates(&sgd_rates(1e-4, 0.9))?,
            adam: rates(&adam_rates(1e-4, 1))?,
        }
        .filled())
    }

    /// Numbers as activations have them: zeros may be computed faster.
    fn filled(self) -> Self {
        let values: Vec<f32> = (0..SHAPE.0 * SHAPE.1).map(|i| 0.1 + 0.8 * (i % 97) as f32 / 97.0).collect();
        for tensor in [&self.x, &self.y, &self.z, &self.moment] {
            tensor.write(self.gpu, &values);
        }
        self
    }
}
