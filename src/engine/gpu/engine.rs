//! The engine trait on a WebGPU device: what is resident, which recordings exist, what is read back.

use std::ops::Range;
use std::sync::Arc;

use super::device::Gpu;
use super::memory::buffer::{Tensor, buffer, bytes, read_parts};
use super::memory::layout::{Layout, Segment};
use super::memory::workspace::{Workspace, cost_sums, weight_sums};
use super::ops::sum_blocks;
use super::recording::Recording;
use super::step::evaluate::{Evaluation, Subject};
use super::step::examples::Held;
use super::step::finiteness::Look;
use super::step::first_order::Descent;
use super::step::lbfgs::Search;
use super::step::pass::{Examples, Pass, RhoHatTarget};
use super::step::rows::HandedRows;
use crate::data::batches::{ExampleSet as Given, RowSelection};
use crate::engine::setup::Setup;
use crate::engine::{
    ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, RhoHat, Rows, State, Step, check_list, evenly,
};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
use crate::math::params::{Params, Shape};

/// The WebGPU engine.
#[derive(Debug)]
pub struct GpuEngine {
    pub(crate) gpu: Arc<Gpu>,
    pub(crate) layout: Layout,
    pub(crate) objective: Objective,
    pub(crate) params: Vec<Segment>,
    pub(crate) work: Workspace,
    pub(crate) examples: Held,
    pub(crate) search: Option<Search>,
    pub(crate) rho_hat: RhoHat,
    pub(crate) count: usize,
    full: Option<FullPasses>,
    pub(crate) descent: Option<Descent>,
    pub(crate) staging: wgpu::Buffer,
    /// At the parameters.
    pub(crate) look: Option<Look>,
    pub(crate) handed: HandedRows,
}

/// Cost and gradient over all examples at the current parameters.
#[derive(Debug)]
struct FullPasses {
    gradient_of: Vec<Segment>,
    cost: Evaluation,
    gradient: Evaluation,
}

impl FullPasses {
    fn new(engine: &GpuEngine) -> Result<Self> {
        let gradient_of = engine.layout.vector(&engine.gpu, "gradient")?;
        let rho_hat = RhoHatTarget { rho_hat: &engine.work.rho_hat, penalty: None };
        let evaluation = |gradient| {
            let subject = Subject { objective: engine.objective, weights: &engine.params, gradient, rho_hat };
            Evaluation::record(engine, subject, Examples::Resident, |_| Ok(()), |_| Ok(()))
        };
        let (cost, gradient) = (evaluation(None)?, evaluation(Some(&gradient_of))?);
        Ok(Self { gradient_of, cost, gradient })
    }
}

impl GpuEngine {
    /// Uploads parameters and examples.
    pub fn new(gpu: Arc<Gpu>, setup: &Setup, params: &Params<f32>, given: Given) -> Result<Self> {
        let count = given.size().0;
        let layout = Layout::new(&gpu, params.shape, count, setup.cut)?;
        let examples = Held::new(&gpu, &layout, given)?;
        // The sums of fetched rows are read chunk by chunk.
        let at_once = if examples.are_resident() { count } else { layout.chunk.min(count) };
        let work = Workspace::new(&gpu, &layout, at_once)?;
        let resident = layout.vector(&gpu, "parameters")?;
        resident.iter().for_each(|segment| segment.write(&gpu, params));
        let slopes: usize = resident.iter().map(|segment| sum_blocks(segment.whole.len())).sum();
        let staging = staging(&gpu, cost_sums(&layout, at_once) + params.shape.hidden + slopes)?;
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
            look: None,
            handed: HandedRows::default(),
        })
    }

    /// Cost over all examples or, where they are fetched, over some, with the gradient if asked for.
    fn evaluate(&mut self, rows: Rows<'_>, with_gradient: bool) -> Result<Cost> {
        let mut full = match self.full.take() {
            Some(full) => full,
            None => FullPasses::new(self)?,
        };
        let FullPasses { gradient_of, cost, gradient } = &mut full;
        let (evaluation, gradient) =
            if with_gradient { (gradient, Some(&gradient_of[..])) } else { (cost, None) };
        let rho_hat = RhoHatTarget { rho_hat: &self.work.rho_hat, penalty: None };
        let subject = Subject { objective: self.objective, weights: &self.params, gradient, rho_hat };
        let cost = evaluation.run(self, subject, rows, true, &[]);
        self.full = Some(full);
        Ok(cost?.expect("the cost was asked for").0)
    }

    /// A recording over the examples at the current parameters, at most a chunk of them where they are fetched.
    fn record(&self, build: impl FnOnce(&mut Pass<'_, '_>) -> Result<()>) -> Result<Recording> {
        match &self.examples {
            Held::Resident(parts) => self.record_over(Examples::Resident(parts), build),
            Held::Streamed(stream) => {
                let batch = &stream.borrow().batch;
                self.record_over(Examples::Fetched { batch, rows: self.count }, build)
            }
        }
    }

    /// The same over others.
    pub(crate) fn record_over(
        &self,
        examples: Examples<'_>,
        build: impl FnOnce(&mut Pass<'_, '_>) -> Result<()>,
    ) -> Result<Recording> {
        let mut recorder = self.work.recorder(&self.gpu, &self.layout);
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

    /// Assembles J over `rows` rows from the sums that the last recording left behind, and ρ̂ of `subject`; all of `more`
    /// comes back in the same read-back.
    pub(crate) fn read_cost(
        &self,
        subject: Subject<'_>,
        rows: usize,
        more: &[Tensor],
    ) -> Result<(Cost, Vec<f32>)> {
        let mut parts = self.work.cost_parts(&self.layout, rows);
        parts.extend(subject.rho_hat.rho_hat.iter().chain(more).map(|tensor| (tensor, tensor.cols)));
        let read = read_parts(&self.gpu, &self.staging, &parts)?;
        let (weights, rest) = read.split_at(weight_sums(&self.layout));
        let (errors, rest) = rest.split_at(cost_sums(&self.layout, rows) - weights.len());
        let (rho_hat, more) = rest.split_at(self.layout.shape.hidden);
        let sum = |part: &[f32]| part.iter().map(|&x| f64::from(x)).sum::<f64>();
        let rho_hat = rho_hat.iter().map(|&r| f64::from(r)).collect();
        let cost = Cost::from_sums(&subject.objective, rows, sum(errors), sum(weights), rho_hat);
        Ok((cost, more.to_vec()))
    }
}

impl Engine for GpuEngine {
    fn shape(&self) -> Shape {
        self.layout.shape
    }

    fn objective(&self) -> &Objective {
        &self.objective
    }

    fn examples(&self) -> usize {
        self.count
    }

    fn adapter(&self) -> String {
        self.gpu.adapter.description()
    }

    fn plan(&self) -> ChunkPlan {
        self.layout.plan()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.evaluate(Rows::All, false)
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        if self.examples.are_resident() || self.count <= most {
            return Ok((self.cost()?, self.count));
        }
        let list = evenly(self.count, most);
        Ok((self.evaluate(Rows::Listed(&list), false)?, list.len()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let cost = self.evaluate(Rows::All, true)?;
        let gradient = &self.full.as_ref().expect("just evaluated").gradient_of;
        Ok((cost, read_vector(&self.gpu, &self.layout, gradient)?.cast()))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        self.descend(step)
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.forward(first, count, self.layout.shape.hidden, |pass, x| {
            (0..pass.weights.len()).map(|k| pass.hidden(k, x)).collect()
        })
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
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

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        self.encode_handed(rows)
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        self.decode_handed(codes)
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

    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        self.read_state(pairs, spare)
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        // Only what is known to be bad is read back, for its name.
        if self.is_finite()? {
            Ok(None)
        } else {
            Ok(self.read_state(None, &mut ReusedBuffers::default())?.first_not_finite())
        }
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        self.put_state(state)
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
            if let Held::Streamed(stream) = &self.examples {
                let wanted = RowSelection::Range(chunk.clone());
                stream.borrow_mut().fetch(&self.gpu, &self.layout, &wanted)?;
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
    pub(crate) fn read_rows(&self, tensors: &[Tensor], rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        let columns = tensors.iter().map(|tensor| tensor.read(&self.gpu)).collect::<Result<Vec<_>>>()?;
        for row in rows {
            for (tensor, values) in tensors.iter().zip(&columns) {
                out.extend_from_slice(&values[row * tensor.cols..(row + 1) * tensor.cols]);
            }
        }
        Ok(())
    }
}

pub(crate) fn read_vector(gpu: &Gpu, layout: &Layout, vector: &[Segment]) -> Result<Params<f32>> {
    let mut params = Params::zeros(layout.shape);
    for segment in vector {
        segment.read(gpu, &mut params)?;
    }
    Ok(params)
}

/// A buffer through which `len` numbers are read back.
pub(crate) fn staging(gpu: &Gpu, len: usize) -> Result<wgpu::Buffer> {
    buffer(gpu, "staging", bytes(len), wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
}
