//! The sharded CPU engine behind the engine trait. Whatever asks for all units is answered on every rank.

use std::ops::Range;

use rayon::prelude::*;

use super::layers::ShardLayers;
use super::shard::{CpuShard, Goal};
use crate::data::batches;
use crate::engine::collective::{Ranks, Shards, join_columns, of_units, whole_columns, whole_params};
use crate::engine::cpu::buffer::{Buffer, width};
use crate::engine::cpu::cut::{Blocks, settle};
use crate::engine::cpu::engine::processor;
use crate::engine::cpu::evaluate::{StepPenalty, chunks};
use crate::engine::cpu::examples::PanelExamples;
use crate::engine::cpu::forward::Until;
use crate::engine::cpu::pass::dense_rows;
use crate::engine::cpu::search::CpuSearch;
use crate::engine::setup::Setup;
use crate::engine::step::whole_rows;
use crate::engine::{
    Arrangement, ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, RhoHat, Role, Rows, State, Step,
    VectorData, are_finite, check_list, evenly,
};
use crate::error::Result;
use crate::io::text::counted;
use crate::io::threads::Pool;
use crate::math::objective::{Cost, Objective};
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::{Params, Shape};

/// Numbers that one task looks at.
const TASK: usize = 1 << 16;

/// The CPU engine whose hidden units are spread over ranks.
#[derive(Debug)]
pub struct ShardedCpu {
    rho_hat: RhoHat,
    pub(super) plan: ChunkPlan,
    pub(super) examples: PanelExamples,
    pub(super) layers: ShardLayers,
}

impl ShardedCpu {
    /// Takes its units out of `params`, and all examples. Every rank is given the same.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where there are more shards than units; else as [`super::super::Cpu::new`].
    pub fn new(
        setup: &Setup,
        mut ranks: Ranks,
        params: &Params<f32>,
        examples: impl Into<batches::ExampleSet>,
    ) -> Result<Self> {
        let (shape, given) = (params.shape, examples.into());
        let cut = Shards::new(shape.hidden, ranks.shards())?;
        // By the largest shard, and so alike on all ranks: the cut of rows is part of the last bits.
        let widest = Shape { hidden: cut.widest(), ..shape };
        let plan = settle(setup.cut, widest, given.size().0);
        let pool = ranks.of_this_rank(Pool::new(setup.threads))?;
        let examples = pool.install(|| PanelExamples::new(given, plan.chunk, false));
        let examples = ranks.of_this_rank(examples)?;
        let layers = ShardLayers::new(setup.objective, params, (ranks, cut, pool), plan.block);
        Ok(Self { rho_hat: setup.rho_hat, plan, examples, layers })
    }

    /// Those of the shards of this rank.
    fn parts_of(&self, params: &Params<f32>) -> Vec<Buffer> {
        let ShardLayers { ranks, cut, shards, .. } = &self.layers;
        let parts = ranks.own_shards().map(|shard| of_units(params, &cut.units(shard)));
        parts.zip(shards).map(|(part, shard)| shard.layout.flatten(&part)).collect()
    }

    /// The tensors of all shards of all ranks.
    fn whole(&mut self, vector: impl Fn(&CpuShard) -> &[f32]) -> Result<Params<f32>> {
        let ShardLayers { ranks, cut, shards, .. } = &mut self.layers;
        let parts: Vec<_> = shards.iter().map(|shard| shard.layout.tensors(vector(shard))).collect();
        whole_params(ranks, *cut, &parts)
    }

    /// A2 `[count, own units]` of the rows that went forward last.
    fn own_hidden(&self, count: usize) -> Vec<f32> {
        let shards = &self.layers.shards;
        let units: Vec<usize> = shards.iter().map(|shard| shard.layout.shape.hidden).collect();
        let part = |shard: &CpuShard| {
            let mut dense = vec![0.0; count * shard.layout.shape.hidden];
            shard.pass.hidden_rows(count, &mut dense);
            dense
        };
        let parts: Vec<f32> = self.layers.pool.install(|| shards.iter().flat_map(part).collect());
        join_columns(&parts, &units, count)
    }

    /// A3 of the rows that went forward last.
    fn output_rows(&self, count: usize, out: &mut [f32]) {
        let (n, visible) = (width(self.layers.shape.visible), self.layers.shape.visible);
        let values = &self.layers.delta3[..count * n];
        self.layers.pool.install(|| dense_rows(values, Blocks::new(count, false), visible, out));
    }

    /// A2 `[count, h]` of those of the named rows that are at positions `range`.
    fn hidden(&mut self, rows: Rows<'_>, range: Range<usize>) -> Result<Vec<f32>> {
        let mut own = Vec::new();
        for chunk in chunks(range.len(), self.plan.chunk) {
            let count = chunk.len();
            self.forward(rows, shifted(chunk, range.start), Goal::Gradient, Until::Hidden)?;
            own.extend(self.own_hidden(count));
        }
        let ShardLayers { ranks, cut, .. } = &mut self.layers;
        whole_columns(ranks, *cut, &own, range.len())
    }

    /// A3 `[count, n]` of those of the named rows that are at positions `range`.
    fn output(&mut self, rows: Rows<'_>, range: Range<usize>) -> Result<Vec<f32>> {
        let visible = self.layers.shape.visible;
        let mut out = vec![0.0; range.len() * visible];
        for chunk in chunks(range.len(), self.plan.chunk) {
            let to = chunk.start * visible..chunk.end * visible;
            let count = chunk.len();
            self.forward(rows, shifted(chunk, range.start), Goal::Gradient, Until::Output)?;
            self.output_rows(count, &mut out[to]);
        }
        Ok(out)
    }
}

/// A range that begins so much later.
fn shifted(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

impl Engine for ShardedCpu {
    fn shape(&self) -> Shape {
        self.layers.shape
    }

    fn units(&self) -> Range<usize> {
        self.layers.cut.units_of(&self.layers.ranks.own_shards())
    }

    fn ranks(&mut self) -> Option<&mut Ranks> {
        Some(&mut self.layers.ranks)
    }

    fn of_all_units(&mut self, own: &[f64]) -> Result<Vec<f64>> {
        let ShardLayers { ranks, cut, .. } = &mut self.layers;
        whole_columns(ranks, *cut, own, 1)
    }

    fn objective(&self) -> &Objective {
        &self.layers.objective
    }

    fn examples(&self) -> usize {
        self.examples.count
    }

    fn adapter(&self) -> String {
        format!("{}, {} a rank", processor(), counted(self.layers.pool.threads(), "thread"))
    }

    fn plan(&self) -> ChunkPlan {
        self.plan
    }

    fn cost(&mut self) -> Result<Cost> {
        self.cost_over(Rows::All)
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        let count = self.examples();
        if self.examples.are_resident() || count <= most {
            return Ok((self.cost()?, count));
        }
        let list = evenly(count, most);
        Ok((self.cost_over(Rows::Listed(&list))?, list.len()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let (goal, objective) = (Goal::Gradient, self.layers.objective);
        let squares = self.squared_weights(goal);
        let count = self.gradient_over(Rows::All, goal, None, true)?;
        let (cost, _) = self.assemble(&objective, count, &squares, &[])?;
        let gradient = self.whole(|shard| &shard.vectors.gradient)?.cast();
        self.layers.shards.iter_mut().for_each(|shard| shard.vectors.gradient = Buffer::default());
        Ok((cost, gradient))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        self.layers.ranks.begin_step();
        let goal = Goal::Update(&step.update);
        let squares = if step.report { self.squared_weights(goal) } else { Vec::new() };
        let penalty = StepPenalty { rho_hat: self.rho_hat, beta: step.beta };
        let count = self.gradient_over(step.rows, goal, Some(penalty), step.report)?;
        if !step.report {
            return Ok(None);
        }
        let objective = self.layers.objective.with_beta(step.beta);
        Ok(Some(self.assemble(&objective, count, &squares, &[])?.0))
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.hidden(Rows::All, first..first + count)
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.examples())?;
        let all = 0..rows.len();
        match layer {
            Layer::Input => {
                let dense = self.examples.dense(rows);
                self.layers.ranks.of_this_rank(dense)
            }
            Layer::Hidden => self.hidden(Rows::Listed(rows), all),
            Layer::Output => self.output(Rows::Listed(rows), all),
        }
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.output(Rows::All, first..first + count)
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let visible = self.layers.shape.visible;
        let count = whole_rows(rows, visible, "rows")?;
        let mut own = Vec::new();
        for chunk in chunks(count, self.plan.chunk) {
            let Self { examples, layers, .. } = self;
            let rows = &rows[chunk.start * visible..chunk.end * visible];
            let x = layers.pool.install(|| examples.spread(rows));
            layers.forward(x, chunk.len(), Goal::Gradient, Until::Hidden)?;
            own.extend(self.own_hidden(chunk.len()));
        }
        let ShardLayers { ranks, cut, .. } = &mut self.layers;
        whole_columns(ranks, *cut, &own, count)
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        let Shape { visible, hidden } = self.layers.shape;
        let count = whole_rows(codes, hidden, "codes")?;
        let mut out = vec![0.0; count * visible];
        for chunk in chunks(count, self.plan.chunk) {
            self.layers.decode(&codes[chunk.start * hidden..chunk.end * hidden], chunk.len())?;
            self.output_rows(chunk.len(), &mut out[chunk.start * visible..chunk.end * visible]);
        }
        Ok(out)
    }

    fn params(&mut self) -> Result<Params<f32>> {
        self.whole(|shard| &shard.vectors.params)
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        let parts = self.parts_of(params);
        for (shard, part) in self.layers.shards.iter_mut().zip(parts) {
            shard.vectors.params = part;
            shard.vectors.moments.iter_mut().for_each(|moment| moment.fill(0.0));
            shard.penalty.forget();
        }
        Ok(())
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        let ShardLayers { ranks, cut, shards, shape, objective, .. } = &mut self.layers;
        let zeros = vec![0.0; shape.visible];
        for (shard, number) in shards.iter_mut().zip(ranks.own_shards()) {
            let (own, layout) = (cut.units(number), shard.layout);
            for NewUnit { unit, w1, b1, d } in units.iter().filter(|new| own.contains(&new.unit)) {
                let unit = unit - own.start;
                layout.put_unit(&mut shard.vectors.params, unit, (w1, *b1, d));
                for moment in shard.vectors.moments.iter_mut().filter(|moment| !moment.is_empty()) {
                    layout.put_unit(moment, unit, (&zeros, 0.0, &zeros));
                }
                shard.penalty.forget_unit(unit, objective.penalty.rho);
            }
        }
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>, _: &mut ReusedBuffers) -> Result<State> {
        let mut vectors = Vec::new();
        for role in Role::of_state(pairs) {
            if !self.layers.shards[0].vectors.vector(role).is_empty() {
                let whole = self.whole(|shard| shard.vectors.vector(role))?;
                vectors.push((role, VectorData::Single(whole.to_flat())));
            }
        }
        let averages = self.layers.shards.iter().map(|shard| shard.penalty.average());
        let own = averages.collect::<Option<Vec<_>>>().map(|averages| averages.concat());
        let average = own.map(|own| self.of_all_units(&own)).transpose()?;
        Ok(State { shape: self.layers.shape, order: Arrangement::Rows, vectors, average })
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        // Of this rank alone: whoever looks may do so when the others do not.
        let of_shard = |shard: &CpuShard| {
            let is_bad = |role: &Role| !shard.vectors.vector(*role).par_chunks(TASK).all(are_finite);
            let bad = Role::of_state(None).find(is_bad)?;
            let vectors = vec![(bad, VectorData::Single(shard.vectors.vector(bad).to_vec()))];
            let shape = shard.layout.shape;
            State { shape, order: Arrangement::Panels, vectors, average: None }.first_not_finite()
        };
        let ShardLayers { shards, pool, .. } = &self.layers;
        Ok(pool.install(|| shards.iter().find_map(of_shard)))
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        let kept = |role| state.get(role).map(|tensors| self.parts_of(&tensors));
        let params = kept(Role::Params).expect("a state has parameters");
        let moments = [0, 1].map(|i| kept(Role::Moment(i)));
        let searched = state.holds(Role::Gradient).then(|| {
            Role::of_search(0..HISTORY).filter_map(|role| Some((role, kept(role)?))).collect::<Vec<_>>()
        });
        let ShardLayers { ranks, cut, shards, .. } = &mut self.layers;
        for (v, (shard, number)) in shards.iter_mut().zip(ranks.own_shards()).enumerate() {
            let vectors = &mut shard.vectors;
            vectors.params = params[v].clone();
            vectors.moments =
                moments.each_ref().map(|parts| parts.as_ref().map_or_else(Buffer::default, |p| p[v].clone()));
            shard.penalty.set_average(state.average.as_ref().map(|average| &average[cut.units(number)]));
            vectors.search = CpuSearch::default();
            if let Some(searched) = &searched {
                vectors.search = CpuSearch::new(&vectors.params, HISTORY);
                for (role, parts) in searched {
                    *vectors.search.vector_mut(*role) = parts[v].clone();
                }
            }
        }
        Ok(())
    }
}
