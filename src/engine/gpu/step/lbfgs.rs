//! L-BFGS on the device: trial points, inner products and combinations without reading a vector back. The lists of `recordings`
//! work on `vectors`; `products` says which inner products a dispatch takes.
//!
//! A trial is one submission and one wait: direction, trial point, J and gradient there, the slope, and, as if it were accepted,
//! (s, y) and all inner products that the next direction takes. What a line search throws away costs less than a second wait in
//! each iteration. To accept a trial dispatches nothing; its copies go ahead of whatever follows.

pub(crate) mod products;
pub(crate) mod recordings;
pub(crate) mod vectors;

use crate::engine::Rows;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::Allocation;
use crate::engine::gpu::memory::buffer::{Tensor, staging};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::ops::{axpy_uniform, linear_combination_uniform};
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::{Commands, Recording};
use crate::engine::gpu::step::evaluate::{Evaluation, PLANNED_ROWS};
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::resident::{Report, Resident};
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, Trial};
use crate::math::params::Params;
use products::{ProductList, Products};
use recordings::{Uniforms, record_kept, record_products, record_trial, subject};
use vectors::{HistoryPiece, SearchVectors};

/// A search of L-BFGS: its vectors, and the recordings that work on them.
#[derive(Debug)]
pub(crate) struct LbfgsSearch {
    vectors: SearchVectors,
    uniforms: Uniforms,
    /// Direction, trial point, J, gradient and slope there, what would be kept and its inner products.
    first_trial: Evaluation,
    /// The same along the direction that there is.
    trial: Evaluation,
    keep: Recording,
    products: Recording,
    /// All that a trial is judged by is read back through it.
    staging: wgpu::Buffer,
    /// Whether the terms of the direction have been set and it has not been computed.
    turns: bool,
    /// What the next accepted trial is kept as.
    prepared: Option<Prepared>,
    /// Inner products as they are if the last trial is accepted.
    taken: Products,
    stage: Stage,
}

/// The slot that takes (s, y), and the inner products that are asked for then.
#[derive(Clone, Debug)]
struct Prepared {
    slot: usize,
    list: ProductList,
}

/// Where the last trial has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Parameters, gradient and stack are those of the current point.
    Current,
    /// The gradient in the stack is that of a trial that has not been accepted.
    Tried,
    /// The trial is accepted: parameters and gradient have still to be copied from it.
    Accepted,
}

impl LbfgsSearch {
    /// Allocates and records everything for `history` pairs.
    pub fn new(on: &Resident, history: usize) -> Result<Self> {
        let gpu: &Gpu = &on.gpu;
        let vectors = SearchVectors::new(gpu, &on.partition, history)?;
        let uniforms = Uniforms::new(gpu, &vectors)?;
        let slopes: usize = vectors.slopes.iter().map(|sums| sums.cols).sum();
        let products: usize = vectors.pieces.iter().map(|piece| piece.dots.cols).sum();
        let mut keep = on.partition.recorder(gpu);
        record_kept(&mut keep, &on.params, &vectors, &uniforms)?;
        let mut of_stack = on.partition.recorder(gpu);
        record_products(&mut of_stack, &vectors, &uniforms)?;
        Ok(Self {
            first_trial: record_trial(on, &vectors, &uniforms, true)?,
            trial: record_trial(on, &vectors, &uniforms, false)?,
            keep: keep.finish()?,
            products: of_stack.finish()?,
            staging: staging(gpu, on.cost_numbers() + slopes + products)?,
            vectors,
            uniforms,
            turns: false,
            prepared: None,
            taken: Products::default(),
            stage: Stage::Current,
        })
    }

    /// The tensors of a search of `history` pairs.
    pub fn allocations(partition: &Partition, history: usize) -> [Allocation; 7] {
        SearchVectors::allocations(partition, history)
    }

    /// Adds its vectors and recordings to a plan.
    pub fn describe(&self, on: &Resident, planner: &mut Planner) -> Result<()> {
        let (vectors, uniforms) = (&self.vectors, &self.uniforms);
        let named = [
            ("step", &uniforms.step),
            ("terms", &uniforms.terms),
            ("places", &uniforms.places),
            ("lists", &uniforms.lists),
        ];
        for (name, uniforms) in named {
            planner.uniforms(name, uniforms);
        }
        planner.tensors("slopes", &vectors.slopes);
        planner.tensors("history", vectors.pieces.iter().map(|piece| &piece.stack));
        planner.tensors("inner products", vectors.pieces.iter().map(|piece| &piece.dots));
        planner.vector("direction ", &vectors.direction);
        planner.vector("trial ", &vectors.trial);
        planner.vector("trial gradient ", &vectors.trial_gradient);
        let trials = [("lbfgs first trial", &self.first_trial), ("lbfgs trial", &self.trial)];
        for (name, trial) in trials {
            planner.recording(name, trial.resident().expect(PLANNED_ROWS))?;
        }
        planner.copies("lbfgs accept", vectors.adopted(&on.params));
        planner.copies("lbfgs restore", vectors.restored_gradient());
        Ok(())
    }

    /// J and the gradient at the parameters.
    pub fn begin(&mut self, (on, fetcher): (&Resident, Option<&mut Fetcher>)) -> Result<Cost> {
        self.prepare(0, &[(Role::Gradient, Role::Gradient)]);
        // A direction of zeros: the trial point is the current one.
        let Trial { cost, .. } = self.evaluate((on, fetcher), 0.0)?;
        self.accept(on, 0)?;
        Ok(cost)
    }

    /// Lets trials from now on be kept in `slot`, whose pair is lost with the first, and take the products of `pairs` as they are
    /// once one is accepted.
    pub fn prepare(&mut self, slot: usize, pairs: &[(Role, Role)]) {
        let mut lists = ProductList::of(&self.indices(pairs));
        // More than fit into one dispatch are taken when they are asked for.
        self.prepared = (lists.len() == 1).then(|| Prepared { slot, list: lists.remove(0) });
    }

    /// J and slope at parameters + `step` · direction.
    pub fn evaluate(&mut self, (on, fetcher): (&Resident, Option<&mut Fetcher>), step: f64) -> Result<Trial> {
        let gpu: &Gpu = &on.gpu;
        let mut commands = Commands::new(gpu);
        if self.stage == Stage::Accepted {
            self.adopt(&mut commands, on);
        }
        let Self { vectors, uniforms, prepared, .. } = self;
        for (uniform, trial) in uniforms.step.iter().zip(&vectors.trial) {
            uniform.set(gpu, &axpy_uniform(trial.whole.len(), step, 1.0));
        }
        let list = prepared.as_ref().map_or_else(ProductList::default, |prepared| prepared.list.clone());
        uniforms.set_slot(gpu, vectors, prepared.as_ref().map(|prepared| prepared.slot));
        uniforms.set_list(gpu, vectors, &list);
        if prepared.is_some() {
            self.stage = Stage::Tried;
        }

        let subject = subject(on, vectors);
        let slopes = vectors.slopes.iter().map(|sums| (sums, sums.cols));
        let more: Vec<_> = slopes.chain(sums_of(&vectors.pieces, &list)).collect();
        let evaluation = if self.turns { &mut self.first_trial } else { &mut self.trial };
        let report = Some(Report { staging: &self.staging, more: &more });
        let evaluated = evaluation.run((on, fetcher), commands, subject, Rows::All, report)?;
        self.turns = false;
        let (cost, sums) = evaluated.read();
        let (slopes, sums) = sums.split_at(vectors.slopes.iter().map(|sums| sums.cols).sum());
        self.taken = list.sum_up(vectors.pieces.iter().map(HistoryPiece::sums), sums);
        Ok(Trial { cost, slope: slopes.iter().map(|&x| f64::from(x)).sum() })
    }

    /// Makes the last trial point the current one and keeps (s, y) in history slot `slot`.
    pub fn accept(&mut self, on: &Resident, slot: usize) -> Result<()> {
        if self.prepared.take().is_none_or(|prepared| prepared.slot != slot) {
            self.taken = Products::default();
            self.uniforms.set_slot(&on.gpu, &self.vectors, Some(slot));
            self.keep.run(&on.gpu)?;
        }
        self.stage = Stage::Accepted;
        Ok(())
    }

    /// Brings parameters, gradient and stack to the current point, for whoever reads them.
    pub fn settle(&mut self, on: &Resident) -> Result<()> {
        let mut commands = Commands::new(&on.gpu);
        match self.stage {
            Stage::Current => return Ok(()),
            Stage::Accepted => self.adopt(&mut commands, on),
            Stage::Tried => {
                copy_all(&mut commands, &self.vectors.restored_gradient());
                self.taken = Products::default();
                self.stage = Stage::Current;
            }
        }
        commands.submit()
    }

    fn adopt(&mut self, commands: &mut Commands<'_>, on: &Resident) {
        copy_all(commands, &self.vectors.adopted(&on.params));
        self.stage = Stage::Current;
    }

    /// x · y of every pair, summed up in f64 at the end.
    pub fn dots(&mut self, on: &Resident, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        if self.stage == Stage::Tried {
            self.settle(on)?;
        }
        let pairs = self.indices(pairs);
        let missing = |pair: &&(usize, usize)| self.taken.get(**pair).is_none();
        let missing: Vec<_> = pairs.iter().filter(missing).copied().collect();
        let lists = ProductList::of(&missing).into_iter().map(|list| self.take(on, list));
        let taken = lists.collect::<Result<Vec<_>>>()?;
        let product = |&pair| {
            let mut known = [&self.taken].into_iter().chain(&taken);
            known.find_map(|products| products.get(pair)).expect("every pair is in a list")
        };
        Ok(pairs.iter().map(product).collect())
    }

    /// The inner products of a list.
    fn take(&self, on: &Resident, list: ProductList) -> Result<Products> {
        self.uniforms.set_list(&on.gpu, &self.vectors, &list);
        let mut commands = Commands::new(&on.gpu);
        commands.run(&self.products)?;
        let sums = commands.read(&self.staging, &sums_of(&self.vectors.pieces, &list).collect::<Vec<_>>())?;
        Ok(list.sum_up(self.vectors.pieces.iter().map(HistoryPiece::sums), &sums))
    }

    fn indices(&self, pairs: &[(Role, Role)]) -> Vec<(usize, usize)> {
        pairs.iter().map(|&(x, y)| (self.vectors.index(x), self.vectors.index(y))).collect()
    }

    /// direction ← Σ coefficient · vector, with the next trial.
    pub fn set_direction(&mut self, on: &Resident, terms: &[(f64, Role)]) -> Result<()> {
        if self.stage == Stage::Tried {
            self.settle(on)?;
        }
        let terms = merge(terms.iter().map(|&(c, role)| (c, self.vectors.index(role))));
        for (piece, uniform) in self.vectors.pieces.iter().zip(&self.uniforms.terms) {
            uniform.set(&on.gpu, &linear_combination_uniform(piece.len(), &terms));
        }
        self.turns = true;
        Ok(())
    }

    /// A kept vector, into `flat` in the order of [`Params::to_flat`]. Parameters have to be settled.
    pub fn read(&self, on: &Resident, role: Role, flat: &mut [f32]) -> Result<()> {
        assert_eq!(self.stage, Stage::Current, "a search is read once it is settled");
        self.vectors.read(on, role, flat)
    }

    /// Puts a kept vector where it was.
    pub fn write(&self, on: &Resident, role: Role, tensors: &Params<f32>) -> Result<()> {
        self.vectors.write(&on.gpu, role, tensors)
    }
}

/// The sums of a list's inner products, piece by piece.
fn sums_of<'a>(pieces: &'a [HistoryPiece], list: &ProductList) -> impl Iterator<Item = (&'a Tensor, usize)> {
    let products = list.len();
    pieces.iter().map(move |piece| (&piece.dots, products * piece.sums()))
}

fn copy_all(commands: &mut Commands<'_>, copies: &[(Tensor, Tensor)]) {
    copies.iter().for_each(|(from, to)| commands.copy(from, to));
}

/// Adds up the coefficients of a vector that is named several times.
pub(crate) fn merge(terms: impl Iterator<Item = (f64, usize)>) -> Vec<(f64, usize)> {
    let mut merged: Vec<(f64, usize)> = Vec::new();
    for (coefficient, vector) in terms {
        match merged.iter_mut().find(|(_, known)| *known == vector) {
            Some((sum, _)) => *sum += coefficient,
            None => merged.push((coefficient, vector)),
        }
    }
    merged
}
