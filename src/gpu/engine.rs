//! The engine trait on a WebGPU device: what is resident, which recordings exist, what is read back.

use std::ops::Range;
use std::rc::Rc;

use super::buffer::{Tensor, buffer, bytes};
use super::descent::Descent;
use super::device::Gpu;
use super::layout::{Layout, Segment};
use super::pass::{Examples, Part, Pass, RhoHatTarget};
use super::recording::{Recorder, Recording};
use super::search::Search;
use super::workspace::{Workspace, cost_sums, weight_sums};
use crate::device::Setup;
use crate::engine::{Engine, Layer, NewUnit, Plan, RhoHat, Rows, Update, check_list};
use crate::error::Result;
use crate::model::{Matrix, Params, Shape};
use crate::objective::{Cost, Objective};

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
    /// Of β, in steps.
    pub(super) beta_share: f64,
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
    pub fn new(gpu: Rc<Gpu>, setup: &Setup, params: &Params<f32>, data: &Matrix<f32>) -> Result<Self> {
        let layout = Layout::new(&gpu, params.shape, data.rows, setup.cut)?;
        let work = Workspace::new(&gpu, &layout, data.rows, 0)?;
        let examples = upload(&gpu, &layout, data)?;
        let resident = layout.vector(&gpu, "parameters")?;
        resident.iter().for_each(|segment| segment.write(&gpu, params));
        let staging = staging(&gpu, cost_sums(&layout, data.rows) + params.shape.hidden)?;
        Ok(Self {
            gpu,
            layout,
            objective: setup.objective,
            params: resident,
            work,
            examples,
            search: None,
            rho_hat: setup.rho_hat,
            beta_share: 1.0,
            count: data.rows,
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
        self.record_over(Examples::Resident(&self.examples), build)
    }

    /// The same over others.
    pub(super) fn record_over(
        &self,
        examples: Examples<'_>,
        build: impl FnOnce(&mut Pass<'_, '_>) -> Result<()>,
    ) -> Result<Recording> {
        let mut recorder = Recorder::of(&self.gpu, self.layout.variant);
        build(&mut Pass {
            recorder: &mut recorder,
            layout: &self.layout,
            objective: &self.objective,
            work: &self.work,
            weights: &self.params,
            examples,
            rho_hat: RhoHatTarget { rho_hat: &self.work.rho_hat, penalty: None },
        })?;
        recorder.finish()
    }

    /// Assembles J over `rows` rows from the sums that the last recording left behind, and ρ̂ from `rho_hat`.
    pub(super) fn read_cost(&self, objective: &Objective, rows: usize, rho_hat: &[Tensor]) -> Result<Cost> {
        let sums = cost_sums(&self.layout, rows);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.work.sums.buffer, 0, &self.staging, 0, bytes(sums));
        let mut end = sums;
        for tensor in rho_hat {
            encoder.copy_buffer_to_buffer(&tensor.buffer, 0, &self.staging, bytes(end), bytes(tensor.cols));
            end += tensor.cols;
        }
        self.gpu.submit(encoder)?;
        let read = self.gpu.read(&self.staging, bytes(end))?;
        Ok(assemble_cost(objective, &self.layout, rows, &read))
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
        self.read_cost(&self.objective, self.count, &self.work.rho_hat)
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        self.full_passes()?;
        let full = self.full.as_ref().expect("just made");
        full.gradient.run(&self.gpu)?;
        let cost = self.read_cost(&self.objective, self.count, &self.work.rho_hat)?;
        Ok((cost, read_vector(&self.gpu, &self.layout, &full.gradient_of)?.cast()))
    }

    fn step(&mut self, rows: Rows<'_>, update: &Update, report: bool) -> Result<Option<Cost>> {
        self.descend(rows, update, report)
    }

    fn set_beta_share(&mut self, share: f64) {
        self.beta_share = share;
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.forward(first, count, self.layout.shape.hidden, |pass, x| {
            (0..pass.weights.len()).map(|k| pass.hidden(k, x)).collect()
        })
    }

    fn activations(&mut self, layer: Layer, rows: &[u32]) -> Result<Vec<f32>> {
        check_list(rows, self.count)?;
        self.listed(layer, rows)
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

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        self.put_units(units)
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
            let within = wanted.start - chunk.start..wanted.end - chunk.start;
            self.read_rows(&tensors, within, &mut out)?;
        }
        Ok(out)
    }

    /// Joins the columns of `tensors` into rows.
    pub(super) fn read_rows(&self, tensors: &[Tensor], rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        let columns = tensors.iter().map(|tensor| tensor.read(&self.gpu)).collect::<Result<Vec<_>>>()?;
        for row in rows {
            for (tensor, values) in tensors.iter().zip(&columns) {
                out.extend_from_slice(&values[row * tensor.cols..(row + 1) * tensor.cols]);
            }
        }
        Ok(())
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
fn upload(gpu: &Gpu, layout: &Layout, data: &Matrix<f32>) -> Result<Vec<Part>> {
    let rows = layout.part_rows();
    let starts = (0..data.rows).step_by(rows);
    let part = |first: usize| {
        let rows = rows.min(data.rows - first);
        let x = Tensor::zeros(gpu, "examples", rows, data.cols)?;
        x.write(gpu, &data.values[first * data.cols..(first + rows) * data.cols]);
        x.buffer.make_constant();
        gpu.check()?;
        Ok(Part { first, x })
    };
    starts.map(part).collect()
}

/// A buffer through which `len` numbers are read back.
pub(super) fn staging(gpu: &Gpu, len: usize) -> Result<wgpu::Buffer> {
    buffer(gpu, "staging", bytes(len), wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
}
