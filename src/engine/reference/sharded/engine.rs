//! The sharded reference behind the engine trait. Whatever asks for all units is answered on every rank.

use super::{forward, hidden, output, pass, terms_of};
use crate::engine::collective::{
    Ranks, Shards, columns, join_columns, of_units, whole_columns, whole_params,
};
use crate::engine::reference::kernels::{adam, column_mean, gather, penalty_grad, sgd};
use crate::engine::search_vectors::SearchVectors;
use crate::engine::setup::Setup;
use crate::engine::step::whole_rows;
use crate::engine::{
    Arrangement, ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, RhoHat, Role, Rows, State, Step, Update,
    VectorData, check_list,
};
use crate::error::Result;
use crate::math::objective::{Cost, Objective, RhoHatMode};
use crate::math::optim::{SearchSpace, Trial};
use crate::math::params::{Matrix, Params, Shape, cast};

/// The f64 engine whose hidden units are spread over ranks.
#[derive(Debug)]
pub struct ShardedReference {
    objective: Objective,
    rho_hat: RhoHat,
    ranks: Ranks,
    cut: Shards,
    shape: Shape,
    /// The parameters of each shard of this rank. Every one has a copy of b2.
    shards: Vec<Params<f64>>,
    data: Matrix<f64>,
    /// ρ̂ of the moving average of each shard, once a batch has started it.
    averages: Option<Vec<Vec<f64>>>,
    /// v of SGD; first and second moment of Adam, of each shard.
    moments: Vec<[Vec<f64>; 2]>,
    searches: Vec<SearchVectors>,
}

impl ShardedReference {
    /// Takes its units out of `params`, and all examples. Every rank is given the same.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where there are more shards than units.
    pub fn new(setup: &Setup, ranks: Ranks, params: &Params<f64>, data: Matrix<f64>) -> Result<Self> {
        let cut = Shards::new(params.shape.hidden, ranks.shards())?;
        let mut engine = Self {
            objective: setup.objective,
            rho_hat: setup.rho_hat,
            cut,
            shape: params.shape,
            shards: Vec::new(),
            data,
            averages: None,
            moments: Vec::new(),
            searches: ranks.own_shards().map(|_| SearchVectors::default()).collect(),
            ranks,
        };
        engine.put_params(params);
        Ok(engine)
    }

    /// The parameters in full precision.
    ///
    /// # Errors
    /// Those of the exchange.
    pub fn params_f64(&mut self) -> Result<Params<f64>> {
        whole_params(&mut self.ranks, self.cut, &self.shards)
    }

    fn put_params(&mut self, params: &Params<f64>) {
        self.shards = self.parts_of(params);
        self.averages = None;
        let zeros = |shard: &Params<f64>| [(); 2].map(|()| vec![0.0; shard.shape.parameters()]);
        self.moments = self.shards.iter().map(zeros).collect();
    }

    /// Those of the shards of this rank.
    fn parts_of(&self, params: &Params<f64>) -> Vec<Params<f64>> {
        self.ranks.own_shards().map(|shard| of_units(params, &self.cut.units(shard))).collect()
    }

    /// Where the parts of a vector are cut that is of all units of this rank.
    fn per_shard(&self, own: &[f64]) -> Vec<Vec<f64>> {
        let first = self.units().start;
        let part = |shard| {
            let units = self.cut.units(shard);
            own[units.start - first..units.end - first].to_vec()
        };
        self.ranks.own_shards().map(part).collect()
    }

    /// J from what is alike on all ranks and what each shard adds. `more` are other numbers that are summed up with it.
    fn assemble(
        &mut self,
        objective: &Objective,
        shards: &[Params<f64>],
        (squared_error, rho_hat): (f64, &[Vec<f64>]),
        (rows, more): (usize, &[f64]),
    ) -> Result<(Cost, Option<f64>)> {
        let parts = shards.iter().zip(rho_hat).enumerate().map(|(v, (shard, rho_hat))| {
            terms_of(objective, shard, rho_hat).into_iter().chain(more.get(v).copied()).collect()
        });
        let sums = self.ranks.numbers(parts.collect::<Vec<_>>())?;
        let cost = Cost::of_part(objective, rows, squared_error, (sums[0], sums[1]), rho_hat.concat());
        Ok((cost, sums.get(2).copied()))
    }

    /// J and its gradient over all examples at parameters of this rank's shards, and their ρ̂.
    fn evaluate_at(&mut self, shards: &[Params<f64>]) -> Result<(f64, Vec<Vec<f64>>, Vec<Params<f64>>)> {
        let found = pass(&mut self.ranks, &self.objective, shards, &self.data.values, None)?;
        Ok((found.squared_error, found.rho_hat, found.gradients))
    }

    fn forward_rows(&mut self, x: &[f64]) -> Result<super::Forward> {
        forward(&mut self.ranks, &self.objective, &self.shards, x)
    }

    /// A2 `[m, h]` from that of each shard.
    fn whole_hidden(&mut self, a2: &[Vec<f64>], count: usize) -> Result<Vec<f32>> {
        let own: Vec<usize> = self.shards.iter().map(|shard| shard.shape.hidden).collect();
        let a2: Vec<f32> = cast(&a2.concat());
        let own = join_columns(&a2, &own, count);
        whole_columns(&mut self.ranks, self.cut, &own, count)
    }

    fn rows(&self, first: usize, count: usize) -> Vec<f64> {
        self.data.values[first * self.data.cols..(first + count) * self.data.cols].to_vec()
    }
}

impl Engine for ShardedReference {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn units(&self) -> std::ops::Range<usize> {
        self.cut.units_of(&self.ranks.own_shards())
    }

    fn ranks(&mut self) -> Option<&mut Ranks> {
        Some(&mut self.ranks)
    }

    fn of_all_units(&mut self, own: &[f64]) -> Result<Vec<f64>> {
        whole_columns(&mut self.ranks, self.cut, own, 1)
    }

    fn objective(&self) -> &Objective {
        &self.objective
    }

    fn examples(&self) -> usize {
        self.data.rows
    }

    fn adapter(&self) -> String {
        "f64 reference, one thread a rank".to_owned()
    }

    fn plan(&self) -> ChunkPlan {
        ChunkPlan { chunk: self.data.rows, block: self.cut.widest() }
    }

    fn cost(&mut self) -> Result<Cost> {
        let shards = self.shards.clone();
        let x = self.data.values.clone();
        let layers = self.forward_rows(&x)?;
        let rho_hat = |(a2, shard): (&Vec<f64>, &Params<f64>)| {
            let mean = column_mean(a2, shard.shape.hidden, self.data.rows);
            penalty_grad(&self.objective, &mean, None).0
        };
        let rho_hat: Vec<_> = layers.a2.iter().zip(&shards).map(rho_hat).collect();
        let squared_error = super::squared_error(&layers.a3, &x, self.shape.visible).iter().sum();
        let (objective, rows) = (self.objective, self.data.rows);
        Ok(self.assemble(&objective, &shards, (squared_error, &rho_hat), (rows, &[]))?.0)
    }

    fn sampled_cost(&mut self, _most: usize) -> Result<(Cost, usize)> {
        Ok((self.cost()?, self.examples()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let shards = self.shards.clone();
        let (squared_error, rho_hat, gradients) = self.evaluate_at(&shards)?;
        let (objective, rows) = (self.objective, self.data.rows);
        let (cost, _) = self.assemble(&objective, &shards, (squared_error, &rho_hat), (rows, &[]))?;
        Ok((cost, whole_params(&mut self.ranks, self.cut, &gradients)?))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        self.ranks.begin_step();
        let x = match step.rows {
            Rows::All => self.data.values.clone(),
            Rows::Listed(rows) => gather(&self.data.values, self.data.cols, rows),
        };
        let averages = self.averages.as_deref().map(|before| (before, self.rho_hat.decay));
        let objective = self.objective.with_beta(step.beta);
        let found = pass(&mut self.ranks, &objective, &self.shards, &x, averages)?;
        if self.rho_hat.mode == RhoHatMode::Ema {
            self.averages = Some(found.rho_hat.clone());
        }

        let before = self.shards.clone();
        for ((shard, gradient), [first, second]) in
            self.shards.iter_mut().zip(&found.gradients).zip(&mut self.moments)
        {
            let (mut w, gradient) = (shard.to_flat(), gradient.to_flat());
            match step.update {
                Update::Sgd { lr, momentum } => sgd(&mut w, first, &gradient, lr, momentum),
                Update::Adam { lr, step } => adam(&mut w, first, second, &gradient, lr, step),
            }
            *shard = Params::from_flat(shard.shape, &w);
        }
        if !step.report {
            return Ok(None);
        }
        let rows = (x.len() / self.shape.visible, &[][..]);
        Ok(Some(self.assemble(&objective, &before, (found.squared_error, &found.rho_hat), rows)?.0))
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let a2 = hidden(&self.objective, &self.shards, &self.rows(first, count));
        self.whole_hidden(&a2, count)
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.data.rows)?;
        let x = gather(&self.data.values, self.data.cols, rows);
        match layer {
            Layer::Input => Ok(cast(&x)),
            Layer::Hidden => {
                let a2 = hidden(&self.objective, &self.shards, &x);
                self.whole_hidden(&a2, rows.len())
            }
            Layer::Output => Ok(cast(&self.forward_rows(&x)?.a3)),
        }
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let x = self.rows(first, count);
        Ok(cast(&self.forward_rows(&x)?.a3))
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let count = whole_rows(rows, self.shape.visible, "rows")?;
        let a2 = hidden(&self.objective, &self.shards, &cast(rows));
        self.whole_hidden(&a2, count)
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        whole_rows(codes, self.shape.hidden, "codes")?;
        let of_shard = |shard| columns(&cast(codes), self.shape.hidden, self.cut.units(shard));
        let a2: Vec<Vec<f64>> = self.ranks.own_shards().map(of_shard).collect();
        Ok(cast(&output(&mut self.ranks, &self.objective, &self.shards, &a2)?))
    }

    fn params(&mut self) -> Result<Params<f32>> {
        Ok(self.params_f64()?.cast())
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        self.put_params(&params.cast());
        Ok(())
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        let (n, rho) = (self.shape.visible, self.objective.penalty.rho);
        for NewUnit { unit, w1, b1, d } in units {
            for (v, shard) in self.ranks.own_shards().enumerate() {
                let its = self.cut.units(shard);
                if !its.contains(unit) {
                    continue;
                }
                let at = unit - its.start;
                let row = at * n..(at + 1) * n;
                let put = |params: &mut Params<f64>, (w1, b1, d): (&[f64], f64, &[f64])| {
                    params.w1[row.clone()].copy_from_slice(w1);
                    params.b1[at] = b1;
                    params.d[row.clone()].copy_from_slice(d);
                };
                put(&mut self.shards[v], (&cast(w1), f64::from(*b1), &cast(d)));
                for flat in &mut self.moments[v] {
                    let mut moment = Params::from_flat(self.shards[v].shape, flat);
                    put(&mut moment, (&vec![0.0; n], 0.0, &vec![0.0; n]));
                    *flat = moment.to_flat();
                }
                if let Some(averages) = &mut self.averages {
                    averages[v][at] = rho;
                }
            }
        }
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>, _: &mut ReusedBuffers) -> Result<State> {
        let mut vectors = Vec::new();
        for role in Role::of_state(pairs) {
            let part = |(v, shard): (usize, &Params<f64>)| match role {
                Role::Params => shard.clone(),
                Role::Moment(i) => Params::from_flat(shard.shape, &self.moments[v][i]),
                other => Params::from_flat(shard.shape, self.searches[v].vector(other)),
            };
            let parts: Vec<_> = self.shards.iter().enumerate().map(part).collect();
            let whole = whole_params(&mut self.ranks, self.cut, &parts)?;
            vectors.push((role, VectorData::Double(whole.to_flat())));
        }
        let own = self.averages.as_ref().map(|averages| averages.concat());
        let average = own.map(|own| self.of_all_units(&own)).transpose()?;
        Ok(State { shape: self.shape, order: Arrangement::Rows, vectors, average })
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        // Of this rank alone: whoever looks may do so when the others do not.
        let of_shard = |(shard, moments): (&Params<f64>, &[Vec<f64>; 2])| {
            let vectors = [(Role::Params, shard.to_flat()), (Role::Moment(0), moments[0].clone())];
            let vectors = vectors.into_iter().chain([(Role::Moment(1), moments[1].clone())]);
            let vectors = vectors.map(|(role, flat)| (role, VectorData::Double(flat))).collect();
            State { shape: shard.shape, order: Arrangement::Rows, vectors, average: None }.first_not_finite()
        };
        Ok(self.shards.iter().zip(&self.moments).find_map(of_shard))
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        let kept = |role| state.get(role).map(|tensors: Params<f64>| self.parts_of(&tensors));
        let flat = |parts: Option<Vec<Params<f64>>>, v: usize| parts.map(|parts| parts[v].to_flat());
        let shards = kept(Role::Params).expect("a state has parameters");
        let moments = [0, 1].map(|i| kept(Role::Moment(i)));
        let zeros = |v: usize| vec![0.0; shards[v].shape.parameters()];
        let moments_of = |v: usize| [0, 1].map(|i| flat(moments[i].clone(), v).unwrap_or_else(|| zeros(v)));
        let search = |v: usize| SearchVectors::restored(shards[v].to_flat(), |role| flat(kept(role), v));
        let (moments, searches) = (0..shards.len()).map(|v| (moments_of(v), search(v))).unzip();
        let own = self.units();
        let averages = state.average.as_deref().map(|average| self.per_shard(&average[own]));
        (self.shards, self.moments, self.searches, self.averages) = (shards, moments, searches, averages);
        Ok(())
    }
}

impl ShardedReference {
    /// Numbers of a flat vector of shard `v` that no other shard has: all but b2.
    fn own_len(&self, v: usize) -> usize {
        self.shards[v].shape.parameters() - self.shape.visible
    }

    /// Sums over vectors of parameters from what each shard adds; b2, which all have, counts once.
    fn over_all(
        &mut self,
        part: impl Fn(&SearchVectors, std::ops::Range<usize>) -> Vec<f64>,
    ) -> Result<Vec<f64>> {
        let parts: Vec<_> =
            self.searches.iter().enumerate().map(|(v, search)| part(search, 0..self.own_len(v))).collect();
        let sums = self.ranks.numbers(parts)?;
        let b2 = self.own_len(0)..self.own_len(0) + self.shape.visible;
        Ok(sums.into_iter().zip(part(&self.searches[0], b2)).map(|(sum, shared)| sum + shared).collect())
    }
}

impl SearchSpace for ShardedReference {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.ranks.begin_step();
        let (cost, gradient) = {
            let shards = self.shards.clone();
            let (squared_error, rho_hat, gradients) = self.evaluate_at(&shards)?;
            let (objective, rows) = (self.objective, self.data.rows);
            (self.assemble(&objective, &shards, (squared_error, &rho_hat), (rows, &[]))?.0, gradients)
        };
        let begin = |(shard, gradient): (&Params<f64>, &Params<f64>)| {
            SearchVectors::begin(shard.to_flat(), gradient.to_flat(), history)
        };
        self.searches = self.shards.iter().zip(&gradient).map(begin).collect();
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        self.ranks.begin_step();
        let trial = |(shard, search): (&Params<f64>, &mut SearchVectors)| {
            Params::from_flat(shard.shape, search.point(&shard.to_flat(), step, |x| x))
        };
        let trial: Vec<_> = self.shards.iter().zip(&mut self.searches).map(trial).collect();
        let (squared_error, rho_hat, gradients) = self.evaluate_at(&trial)?;
        for (search, gradient) in self.searches.iter_mut().zip(gradients) {
            search.take_gradient(gradient.to_flat());
        }
        let slopes: Vec<f64> = self
            .searches
            .iter()
            .enumerate()
            .map(|(v, search)| search.slope_over(0..self.own_len(v)))
            .collect();
        let (objective, rows) = (self.objective, self.data.rows);
        let (cost, slope) = self.assemble(&objective, &trial, (squared_error, &rho_hat), (rows, &slopes))?;
        let b2 = self.own_len(0)..self.own_len(0) + self.shape.visible;
        Ok(Trial { cost, slope: slope.unwrap_or_default() + self.searches[0].slope_over(b2) })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        for (shard, search) in self.shards.iter_mut().zip(&mut self.searches) {
            *shard = Params::from_flat(shard.shape, search.accept(&shard.to_flat(), slot));
        }
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        self.over_all(|search, range| search.dots_over(pairs, range))
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.searches.iter_mut().for_each(|search| search.set_direction(terms));
        Ok(())
    }
}
