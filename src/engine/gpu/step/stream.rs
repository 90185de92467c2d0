//! Examples that are fetched chunk by chunk: their way onto the device, and passes over them that keep no more than one
//! chunk there.
//!
//! Where rows come as codes of one or two bytes, these are uploaded, and a kernel looks their numbers up. Chunks of one
//! length share their recordings, so that a pass over any number of rows records a handful. Sums of squared errors are
//! added up on the host in the order of the rows, as those of resident examples are.

use std::cell::RefCell;

use crate::data::batches::{Supply, Wanted};
use crate::engine::Rows;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::memory::buffer::{Tensor, padded, read_parts};
use crate::engine::gpu::memory::layout::Layout;
use crate::engine::gpu::memory::storage::Storage;
use crate::engine::gpu::memory::workspace::{error_sums, weight_sums};
use crate::engine::gpu::recording::Recording;
use crate::engine::gpu::step::evaluate::Subject;
use crate::engine::gpu::step::pass::{Examples, Pass, first_rows};
use crate::error::Result;
use crate::math::objective::Cost;

/// Where fetched rows go.
#[derive(Debug)]
pub(crate) struct Stream {
    supply: Box<dyn Supply>,
    /// The rows of a chunk, `[chunk, n]`.
    pub(crate) batch: Tensor,
    coded: Option<Coded>,
    dense: Vec<f32>,
}

/// What turns codes into numbers.
#[derive(Debug)]
struct Coded {
    /// Bytes of a code.
    bytes: usize,
    /// As they come from the host.
    host: Vec<u8>,
    /// The same on the device.
    codes: Tensor,
    /// The number of each code.
    table: Tensor,
    /// Recordings by their rows.
    expand: Vec<(usize, Recording)>,
}

impl Coded {
    fn new(gpu: &Gpu, layout: &Layout, supply: &dyn Supply) -> Result<Option<Self>> {
        let Some(codes) = supply.codes() else { return Ok(None) };
        let words = layout.chunk * padded(layout.shape.visible) * codes.bytes / 4;
        let table = Tensor::vector(gpu, "numbers of codes", codes.table.len())?;
        table.write(gpu, &codes.table);
        Ok(Some(Self {
            bytes: codes.bytes,
            host: Vec::new(),
            codes: Tensor::vector_at(&Storage::zeros(gpu, "codes", padded(words))?, 0, words),
            table,
            expand: Vec::new(),
        }))
    }
}

impl Stream {
    /// Makes room for chunks of `layout`.
    pub(crate) fn new(gpu: &Gpu, layout: &Layout, supply: Box<dyn Supply>) -> Result<Self> {
        let batch = Tensor::zeros(gpu, "batch", layout.chunk, layout.shape.visible)?;
        let coded = Coded::new(gpu, layout, &*supply)?;
        Ok(Self { supply, batch, coded, dense: Vec::new() })
    }

    /// Numbers of listed rows, for the host.
    pub(crate) fn numbers(&mut self, rows: &[usize], cols: usize) -> Result<Vec<f32>> {
        let mut numbers = vec![0.0; rows.len() * cols];
        self.supply.numbers(&Wanted::Listed(rows), &mut numbers)?;
        Ok(numbers)
    }

    /// Brings the rows that are wanted, at most a chunk, into the batch.
    pub(crate) fn fetch(&mut self, gpu: &Gpu, layout: &Layout, wanted: &Wanted<'_>) -> Result<()> {
        let x = first_rows(&self.batch, wanted.len());
        let Some(coded) = &mut self.coded else {
            self.dense.resize(x.padded_rows * x.cols, 0.0);
            let (numbers, padding) = self.dense.split_at_mut(x.rows * x.cols);
            self.supply.numbers(wanted, numbers)?;
            padding.fill(0.0);
            Tensor { rows: x.padded_rows, ..x }.write(gpu, &self.dense);
            return Ok(());
        };
        let stride = x.stride() * coded.bytes;
        coded.host.resize(x.rows * stride, 0);
        self.supply.codes_of(wanted, stride, &mut coded.host)?;
        gpu.queue.write_buffer(&coded.codes.buffer, 0, &coded.host);
        if !coded.expand.iter().any(|(rows, _)| *rows == x.rows) {
            let mut recorder = layout.recorder(gpu);
            recorder.dequantize(&coded.codes, &coded.table, coded.bytes, &x)?;
            coded.expand.push((x.rows, recorder.finish()?));
        }
        let (_, expand) = coded.expand.iter().find(|(rows, _)| *rows == x.rows).expect("just made");
        expand.run(gpu)
    }
}

/// What a pass over fetched rows works on.
pub(crate) struct Passing<'a> {
    /// Device, cut and workspace.
    pub engine: &'a GpuEngine,
    /// Where rows are fetched.
    pub stream: &'a RefCell<Stream>,
    /// What is evaluated.
    pub subject: Subject<'a>,
}

/// A part of a pass that has a recording of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    phase: Phase,
    /// Rows of the chunk.
    rows: usize,
    /// Whether it adds to what earlier chunks have left.
    later: bool,
    /// Rows of the whole update.
    total: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// An update of one chunk, from its rows to the gradient.
    Whole,
    /// Activations and their sums.
    Activate,
    /// The same, and the squared errors.
    Measure,
    /// ρ̂, its slope, ‖W‖².
    Settle,
    /// Activations again, squared errors, gradient.
    BackPropagate,
}

/// The recordings of passes that differ in nothing but their rows.
#[derive(Debug, Default)]
pub(crate) struct StreamedPass(Vec<(Leg, Recording)>);

impl StreamedPass {
    /// Goes over `rows`, and returns the sum of squared errors if `report` asks for it.
    pub(crate) fn run(&mut self, on: &Passing<'_>, rows: Rows<'_>, report: bool) -> Result<f64> {
        let mut errors = report.then_some(0.0);
        match on.subject.gradient {
            Some(_) if on.engine.rows_of(rows) <= on.engine.layout.chunk => {
                self.over(on, rows, Phase::Whole, &mut errors)?;
            }
            Some(_) => {
                self.over(on, rows, Phase::Activate, &mut None)?;
                self.settle(on, rows)?;
                self.over(on, rows, Phase::BackPropagate, &mut errors)?;
            }
            None => {
                self.over(on, rows, Phase::Measure, &mut errors)?;
                self.settle(on, rows)?;
            }
        }
        Ok(errors.unwrap_or_default())
    }

    /// A phase of every chunk; squared errors are added to `errors` if they are asked for.
    fn over(
        &mut self,
        on: &Passing<'_>,
        rows: Rows<'_>,
        phase: Phase,
        errors: &mut Option<f64>,
    ) -> Result<()> {
        let total = on.engine.rows_of(rows);
        for (number, chunk) in on.engine.layout.chunks(total).into_iter().enumerate() {
            let len = chunk.len();
            on.fetch(&match rows {
                Rows::All => Wanted::Range(chunk),
                Rows::Listed(list) => Wanted::Listed(&list[chunk]),
            })?;
            self.go(on, Leg { phase, rows: len, later: number > 0, total })?;
            if let Some(errors) = errors {
                *errors = on.add_errors(*errors, len)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, on: &Passing<'_>, rows: Rows<'_>) -> Result<()> {
        let total = on.engine.rows_of(rows);
        self.go(on, Leg { phase: Phase::Settle, rows: 0, later: false, total })
    }

    fn go(&mut self, on: &Passing<'_>, leg: Leg) -> Result<()> {
        if !self.0.iter().any(|(made, _)| *made == leg) {
            self.0.push((leg, on.record(leg)?));
        }
        let (_, recording) = self.0.iter().find(|(made, _)| *made == leg).expect("just made");
        recording.run(&on.engine.gpu)
    }
}

impl Passing<'_> {
    fn fetch(&self, wanted: &Wanted<'_>) -> Result<()> {
        self.stream.borrow_mut().fetch(&self.engine.gpu, &self.engine.layout, wanted)
    }

    fn record(&self, leg: Leg) -> Result<Recording> {
        let engine = self.engine;
        let mut recorder = engine.work.recorder(&engine.gpu, &engine.layout);
        let batch = &self.stream.borrow().batch;
        let mut pass = Pass {
            recorder: &mut recorder,
            layout: &engine.layout,
            objective: &engine.objective,
            work: &engine.work,
            weights: self.subject.weights,
            examples: Examples::Fetched { batch, rows: leg.total },
            rho_hat: self.subject.rho_hat,
        };
        let x = first_rows(batch, leg.rows.max(1));
        match (leg.phase, self.subject.gradient) {
            (Phase::Whole, Some(gradient)) => pass.gradient(gradient)?,
            (Phase::BackPropagate, Some(gradient)) => {
                pass.all_hidden(&x)?;
                pass.back_propagate(0, leg.later, &x, gradient)?;
            }
            (Phase::Settle, _) => pass.settle()?,
            (Phase::Measure, _) => {
                pass.activate(&x, leg.later)?;
                pass.output_delta(0, &x)?;
            }
            _ => pass.activate(&x, leg.later)?,
        }
        recorder.finish()
    }

    /// Adds the squared errors of the chunk of `rows` rows that went through last, number by number.
    fn add_errors(&self, errors: f64, rows: usize) -> Result<f64> {
        let GpuEngine { gpu, layout, work, staging, .. } = self.engine;
        let sums = read_parts(gpu, staging, &[(&work.squared_errors[0], error_sums(layout, rows))])?;
        Ok(sums.iter().fold(errors, |errors, &x| errors + f64::from(x)))
    }

    /// J of the pass that went through last, and all of `more`.
    pub(crate) fn read_cost(&self, errors: f64, rows: usize, more: &[Tensor]) -> Result<(Cost, Vec<f32>)> {
        let GpuEngine { gpu, layout, work, staging, .. } = self.engine;
        let kept = self.subject.rho_hat.rho_hat.iter().chain(more);
        let parts: Vec<_> =
            work.squared_weights.iter().chain(kept).map(|tensor| (tensor, tensor.cols)).collect();
        let read = read_parts(gpu, staging, &parts)?;
        let (weights, rest) = read.split_at(weight_sums(layout));
        let (rho_hat, more) = rest.split_at(layout.shape.hidden);
        let weights = weights.iter().map(|&x| f64::from(x)).sum();
        let rho_hat = rho_hat.iter().map(|&r| f64::from(r)).collect();
        Ok((Cost::from_sums(&self.subject.objective, rows, errors, weights, rho_hat), more.to_vec()))
    }
}
