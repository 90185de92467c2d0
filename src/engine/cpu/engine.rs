//! The engine traits on the CPU: parameters and optimiser state around the evaluator, on a pool of threads of its own.

use super::buffer::Buffer;
use super::cut::settle;
use super::evaluate::{Evaluator, StepPenalty};
use super::examples::PanelExamples;
use super::pass::is_thin;
use super::search::CpuSearch;
use super::update::UpdateTarget;
use crate::data::batches;
use crate::engine::panels::PanelLayout;
use crate::engine::setup::Setup;
use crate::engine::step::whole_rows;
use crate::engine::{
    ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, RhoHat, Rows, State, Step, check_list, evenly,
};
use crate::error::Result;
use crate::io::text::counted;
use crate::io::threads::Pool;
use crate::math::objective::{Cost, Objective};
use crate::math::optim::{Role, SearchSpace, Trial};
use crate::math::params::{Params, Shape};

/// The CPU engine.
#[derive(Debug)]
pub struct Cpu {
    rho_hat: RhoHat,
    pub(super) layout: PanelLayout,
    pub(super) params: Buffer,
    /// v of SGD; first and second moment of Adam. Empty until an update needs them.
    pub(super) moments: [Buffer; 2],
    pub(super) evaluator: Evaluator,
    pub(super) search: CpuSearch,
    pub(super) pool: Pool,
}

impl Cpu {
    /// Takes parameters and examples.
    ///
    /// # Errors
    /// When the threads cannot be started, or the examples cannot be fetched.
    pub fn new(setup: &Setup, params: Params<f32>, examples: impl Into<batches::ExampleSet>) -> Result<Self> {
        let pool = Pool::new(setup.threads)?;
        let (layout, given) = (PanelLayout::new(params.shape), examples.into());
        let plan = settle(setup.cut, params.shape, given.size().0);
        let thin = is_thin(layout, plan.block);
        let examples = pool.install(|| PanelExamples::new(given, plan.chunk, thin))?;
        Ok(Self {
            rho_hat: setup.rho_hat,
            layout,
            params: layout.flatten(&params),
            moments: [Buffer::default(), Buffer::default()],
            evaluator: Evaluator::new(setup.objective, layout, plan, examples),
            search: CpuSearch::default(),
            pool,
        })
    }
}

impl Engine for Cpu {
    fn shape(&self) -> Shape {
        self.layout.shape
    }

    fn objective(&self) -> &Objective {
        self.evaluator.objective()
    }

    fn examples(&self) -> usize {
        self.evaluator.examples()
    }

    fn adapter(&self) -> String {
        format!("{}, {}", processor(), counted(self.pool.threads(), "thread"))
    }

    fn plan(&self) -> ChunkPlan {
        self.evaluator.plan()
    }

    fn compute_at_once(&mut self, rows: usize) {
        self.evaluator.compute_at_once(rows);
    }

    fn cost(&mut self) -> Result<Cost> {
        let Self { params, evaluator, pool, .. } = self;
        pool.install(|| evaluator.cost(Rows::All, params))
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        let count = self.examples();
        if self.evaluator.holds_examples() || count <= most {
            return Ok((self.cost()?, count));
        }
        let (list, Self { params, evaluator, pool, .. }) = (evenly(count, most), self);
        Ok((pool.install(|| evaluator.cost(Rows::Listed(&list), params))?, list.len()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let Self { params, evaluator, pool, .. } = self;
        let mut gradient = Buffer::zeros(params.len());
        let mut target = UpdateTarget::Gradient { w: params, gradient: &mut gradient };
        let cost = pool.install(|| evaluator.gradient(Rows::All, &mut target, None, true))?;
        Ok((cost.expect("the cost was asked for"), self.layout.tensors(&gradient).cast()))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        let Self { params, moments, evaluator, pool, rho_hat, .. } = self;
        let mut target = UpdateTarget::of(&step.update, params, moments);
        let penalty = StepPenalty { rho_hat: *rho_hat, beta: step.beta };
        pool.install(|| evaluator.gradient(step.rows, &mut target, Some(penalty), step.report))
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let Self { params, evaluator, pool, .. } = self;
        pool.install(|| evaluator.hidden(params, Rows::All, first..first + count))
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.examples())?;
        let Self { params, evaluator, pool, .. } = self;
        let (list, all) = (Rows::Listed(rows), 0..rows.len());
        pool.install(|| match layer {
            Layer::Input => evaluator.input(rows),
            Layer::Hidden => evaluator.hidden(params, list, all),
            Layer::Output => evaluator.output(params, list, all),
        })
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let Self { params, evaluator, pool, .. } = self;
        pool.install(|| evaluator.output(params, Rows::All, first..first + count))
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        self.encode_rows_into(rows, &mut out)?;
        Ok(out)
    }

    fn encode_rows_into(&mut self, rows: &[f32], out: &mut Vec<f32>) -> Result<()> {
        let shape = self.layout.shape;
        let count = whole_rows(rows, shape.visible, "rows")?;
        out.resize(count * shape.hidden, 0.0);
        let Self { params, evaluator, pool, .. } = self;
        pool.install(|| evaluator.encode_rows(params, rows, out));
        Ok(())
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        let shape = self.layout.shape;
        let count = whole_rows(codes, shape.hidden, "codes")?;
        let Self { params, evaluator, pool, .. } = self;
        Ok(pool.install(|| evaluator.decode_rows(params, codes, count)))
    }

    fn params(&mut self) -> Result<Params<f32>> {
        Ok(self.layout.tensors(&self.params))
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        self.params = self.layout.flatten(params);
        self.evaluator.forget();
        self.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        Ok(())
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        let zeros = vec![0.0; self.layout.shape.visible];
        for NewUnit { unit, w1, b1, d } in units {
            self.layout.put_unit(&mut self.params, *unit, (w1, *b1, d));
            for moment in self.moments.iter_mut().filter(|moment| !moment.is_empty()) {
                self.layout.put_unit(moment, *unit, (&zeros, 0.0, &zeros));
            }
            self.evaluator.forget_unit(*unit);
        }
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        Ok(self.copy_state(pairs, spare))
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        // Only what is known to be bad is copied, for its name.
        let found = if self.is_finite() {
            None
        } else {
            self.copy_state(None, &mut ReusedBuffers::default()).first_not_finite()
        };
        Ok(found)
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        self.put_state(state);
        Ok(())
    }
}

impl SearchSpace for Cpu {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.search = CpuSearch::new(&self.params, history);
        let Self { search, evaluator, pool, .. } = self;
        let cost = pool.install(|| evaluate(search, evaluator))?;
        search.gradient.copy_from_slice(&search.trial_gradient);
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let Self { search, params, evaluator, pool, .. } = self;
        pool.install(|| {
            search.set_trial(params, step);
            let cost = evaluate(search, evaluator)?;
            Ok(Trial { cost, slope: search.slope() })
        })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let Self { search, params, pool, .. } = self;
        pool.install(|| search.accept(params, slot));
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let Self { search, pool, .. } = self;
        Ok(pool.install(|| search.dots(pairs)))
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        let Self { search, pool, .. } = self;
        pool.install(|| search.set_direction(terms));
        Ok(())
    }
}

/// J and ∇J at the trial point.
fn evaluate(search: &mut CpuSearch, evaluator: &mut Evaluator) -> Result<Cost> {
    let mut target = UpdateTarget::Gradient { w: &search.trial, gradient: &mut search.trial_gradient };
    Ok(evaluator.gradient(Rows::All, &mut target, None, true)?.expect("the cost was asked for"))
}

/// The processor's name where the system tells it, else its architecture.
pub(crate) fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}
