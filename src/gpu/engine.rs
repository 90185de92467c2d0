//! The engine trait on a WebGPU device: what is resident, which recordings exist, what is read back.

use std::rc::Rc;

use super::buffer::{Tensor, buffer, bytes, read_parts};
use super::descent::Descent;
use super::device::Gpu;
use super::layout::{Layout, Segment};
use super::pass::{Examples, Part, Pass, RhoHatTarget};
use super::recording::Recording;
use super::search::Search;
use super::workspace::{Workspace, cost_sums, weight_sums};
use crate::device::Setup;
use crate::engine::{Engine, Plan, RhoHat, Rows, Update};
use crate::error::{Error, Result};
use crate::model::{Params, Shape};
use crate::objective::{Cost, Objective};
use crate::supply::{Examples as Given, Supply, Wanted};

/// The WebGPU engine.
#[derive(Debug)]
pub struct GpuEngine {
    pub(super) gpu: Rc<Gpu>,
    pub(super) layout: Layout,
    pub(super) objective: Objective,
    pub(super) params: Vec<Segment>,
    pub(super) work: Workspace,
    pub(super) examples: Vec<Part>,
    pub(super) search: Option<Search>,
    pub(super) rho_hat: RhoHat,
    pub(super) count: usize,
    full: Option<FullPasses>,
    pub(super) descent: Option<Descent>,
    staging: wgpu::Buffer,
}

/// Cost and gradient over all examples at the current parameters.
#[derive(Debug)]
struct FullPasses {
    cost: Recording,
    gradient_of: Vec<Segment>,
    gradient: Recording,
}

impl GpuEngine {
    /// Uploads parameters and examples.
    pub fn new(gpu: Rc<Gpu>, setup: &Setup, params: &Params<f32>, given: Given) -> Result<Self> {
        let count = given.size().0;
        let layout = Layout::new(&gpu, params.shape, count, setup.cut)?;
        let work = Workspace::new(&gpu, &layout, count)?;
        let examples = match given {
            Given::Resident(mut supply) => upload(&gpu, &layout, &mut *supply)?,
            Given::Streamed(_) => {
                let remedy = "leave it out, or use --device cpu";
                let fact = "--stream: only the CPU engine fetches rows as it needs them";
                return Err(Error::usage(format!("{fact}; {remedy}")));
            }
        };
        let resident = layout.vector(&gpu, "parameters")?;
        resident.iter().for_each(|segment| segment.write(&gpu, params));
        let staging = staging(&gpu, cost_sums(&layout, count) + params.shape.hidden)?;
        Ok(Self {
            gpu,
            layout,
            objective: setup.objective,
            params: resident,
            work,
            examples,
            search: None,
            rho_hat: setup.rho_hat,
            count,
            full: None,
            descent: None,
            staging,
        })
    }

    fn full_passes(&mut self) -> Result<&FullPasses> {
        if self.full.is_none() {
            let gradient_of = self.layout.vector(&self.gpu, "gradient")?;
            let cost = self.record(|pass| pass.cost())?;
            let gradient = self.record(|pass| pass.gradient(&gradient_of))?;
            self.full = Some(FullPasses { cost, gradient_of, gradient });
        }
        Ok(self.full.as_ref().expect("just made"))
    }

    /// A recording over all examples at the current parameters with the exact ρ̂.
    fn record(&self, build: impl FnOnce(&mut Pass<'_, '_>) -> Result<()>) -> Result<Recording> {
        let mut recorder = self.layout.recorder(&self.gpu);
        build(&mut Pass {
            recorder: &mut recorder,
            layout: &self.layout,
            objective: &self.objective,
            work: &self.work,
            weights: &self.params,
            examples: Examples::Resident(&self.examples),
            rho_hat: RhoHatTarget { rho_hat: &self.work.rho_hat, decay: 0.0 },
        })?;
        recorder.finish()
    }

    /// Assembles J over `rows` rows from the sums that the last recording left behind, and ρ̂ from `rho_hat`.
    pub(super) fn read_cost(&self, rows: usize, rho_hat: &[Tensor]) -> Result<Cost> {
        let mut parts = self.work.cost_parts(&self.layout, rows);
        parts.extend(rho_hat.iter().map(|tensor| (tensor, tensor.cols)));
        let read = read_parts(&self.gpu, &self.staging, &parts)?;
        Ok(assemble_cost(&self.objective, &self.layout, rows, &read))
    }
}

impl Engine for GpuEngine {
    fn shape(&self) -> Shape {
        self.layout.shape
    }

    fn examples(&self) -> usize {
        self.count
    }

    fn adapter(&self) -> String {
        self.gpu.adapter.description()
    }

    fn plan(&self) -> Plan {
        self.layout.plan()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.full_passes()?;
        let full = self.full.as_ref().expect("just made");
        full.cost.run(&self.gpu)?;
        self.read_cost(self.count, &self.work.rho_hat)
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        self.full_passes()?;
        let full = self.full.as_ref().expect("just made");
        full.gradient.run(&self.gpu)?;
        let cost = self.read_cost(self.count, &self.work.rho_hat)?;
        Ok((cost, read_vector(&self.gpu, &self.layout, &full.gradient_of)?.cast()))
    }

    fn step(&mut self, rows: Rows<'_>, update: &Update, report: bool) -> Result<Option<Cost>> {
        self.descend(rows, update, report)
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.forward(first, count, self.layout.shape.hidden, |pass, x| {
            (0..pass.weights.len()).map(|k| pass.hidden(k, x)).collect()
        })
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.forward(first, count, self.layout.shape.visible, |pass, x| {
            for k in 0..pass.weights.len() {
                pass.hidden(k, x)?;
            }
            Ok(vec![pass.output(x)?])
        })
    }

    fn params(&mut self) -> Result<Params<f32>> {
        read_vector(&self.gpu, &self.layout, &self.params)
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        assert_eq!(params.shape, self.layout.shape, "set_params: shape");
        self.params.iter().for_each(|segment| segment.write(&self.gpu, params));
        self.descent = None;
        self.search = None;
        self.gpu.check()
    }
}

impl GpuEngine {
    /// Runs `layers` over the chunks that hold examples `first..first + count` and joins the columns of the tensors
    /// that it returns into rows of `width`.
    fn forward(
        &mut self,
        first: usize,
        count: usize,
        width: usize,
        layers: impl Fn(&mut Pass<'_, '_>, &Tensor) -> Result<Vec<Tensor>>,
    ) -> Result<Vec<f32>> {
        let mut out = Vec::with_capacity(count * width);
        for chunk in self.layout.chunks(self.count) {
            let wanted = first.max(chunk.start)..(first + count).min(chunk.end);
            if wanted.is_empty() {
                continue;
            }
            let mut tensors = Vec::new();
            let recording = self.record(|pass| {
                let x = pass.in_place(&chunk);
                tensors = layers(pass, &x)?;
                Ok(())
            })?;
            recording.run(&self.gpu)?;
            let columns = tensors.iter().map(|tensor| tensor.read(&self.gpu)).collect::<Result<Vec<_>>>()?;
            for row in wanted.start - chunk.start..wanted.end - chunk.start {
                for (tensor, values) in tensors.iter().zip(&columns) {
                    out.extend_from_slice(&values[row * tensor.cols..(row + 1) * tensor.cols]);
                }
            }
        }
        Ok(out)
    }
}

/// J from block sums of ‖W‖² and of the squared errors, followed by ρ̂.
pub(super) fn assemble_cost(objective: &Objective, layout: &Layout, rows: usize, read: &[f32]) -> Cost {
    let sum = |part: &[f32]| part.iter().map(|&x| f64::from(x)).sum::<f64>();
    let (weights, rest) = read.split_at(weight_sums(layout));
    let (errors, rho_hat) = rest.split_at(cost_sums(layout, rows) - weights.len());
    let rho_hat = rho_hat[..layout.shape.hidden].iter().map(|&r| f64::from(r)).collect();
    Cost::from_sums(objective, rows, sum(errors), sum(weights), rho_hat)
}

fn read_vector(gpu: &Gpu, layout: &Layout, vector: &[Segment]) -> Result<Params<f32>> {
    let mut params = Params::zeros(layout.shape);
    for segment in vector {
        segment.read(gpu, &mut params)?;
    }
    Ok(params)
}

/// Cuts the examples into parts that one binding holds.
fn upload(gpu: &Gpu, layout: &Layout, supply: &mut dyn Supply) -> Result<Vec<Part>> {
    /// Numbers that are fetched at a time, so that the host does not hold all of them.
    const PIECE: usize = 1 << 22;
    let (count, cols) = supply.size();
    let mut dense = Vec::new();
    let mut part = |first: usize| {
        let rows = layout.part_rows().min(count - first);
        let x = Tensor::zeros(gpu, "examples", rows, cols)?;
        for start in (0..rows).step_by((PIECE / cols).max(1)) {
            let piece = start..(start + (PIECE / cols).max(1)).min(rows);
            dense.resize(piece.len() * cols, 0.0);
            supply.numbers(&Wanted::Range(first + piece.start..first + piece.end), &mut dense)?;
            x.row_range(piece.start, piece.len()).write(gpu, &dense);
        }
        x.buffer.make_constant();
        gpu.check()?;
        Ok(Part { first, x })
    };
    (0..count).step_by(layout.part_rows()).map(&mut part).collect()
}

/// A buffer through which `len` numbers are read back.
pub(super) fn staging(gpu: &Gpu, len: usize) -> Result<wgpu::Buffer> {
    buffer(gpu, "staging", bytes(len), wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
}
