//! The sharded reference behind the engine trait. Whatever asks for all units is answered on every rank.

use std::ops::Range;

use super::{Forward, cost, forward, hidden, output, pass};
use crate::engine::collective::{
    Ranks, Shards, columns, join_columns, of_units, whole_columns, whole_params,
};
use crate::engine::reference::kernels::{adam, column_mean, gather, penalty_grad, sgd, squared_error};
use crate::engine::search_vectors::SearchVectors;
use crate::engine::setup::Setup;
use crate::engine::step::whole_rows;
use crate::engine::{
    Arrangement, ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, RhoHat, Role, Rows, State, Step, Update,
    VectorData, check_list,
};
use crate::error::Result;
use crate::math::objective::{Cost, Objective, RhoHatMode};
use crate::math::params::{Matrix, Params, Shape, cast};

/// The f64 engine whose hidden units are spread over ranks.
#[derive(Debug)]
pub struct ShardedReference {
    pub(super) objective: Objective,
    rho_hat: RhoHat,
    pub(super) ranks: Ranks,
    cut: Shards,
    pub(super) shape: Shape,
    /// The parameters of each shard of this rank. Every one has a copy of b2.
    pub(super) shards: Vec<Params<f64>>,
    pub(super) data: Matrix<f64>,
    /// ρ̂ of the moving average of each shard, once a batch has started it.
    averages: Option<Vec<Vec<f64>>>,
    /// v of SGD; first and second moment of Adam, of each shard.
    moments: Vec<[Vec<f64>; 2]>,
    pub(super) searches: Vec<SearchVectors>,
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

    fn forward_rows(&mut self, x: &[f64]) -> Result<Forward> {
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

    fn units(&self) -> Range<usize> {
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
        let Self { ranks, objective, shards, data, .. } = self;
        let Forward { a2, a3 } = forward(ranks, objective, shards, &data.values)?;
        let rho_hat = |(a2, shard): (&Vec<f64>, &Params<f64>)| {
            penalty_grad(objective, &column_mean(a2, shard.shape.hidden, data.rows), None).0
        };
        let rho_hat: Vec<_> = a2.iter().zip(&*shards).map(rho_hat).collect();
        let squared_error = squared_error(&a3, &data.values, data.cols).iter().sum();
        Ok(cost(ranks, objective, shards, data.rows, (squared_error, &rho_hat), &[])?.0)
    }

    fn sampled_cost(&mut self, _most: usize) -> Result<(Cost, usize)> {
        Ok((self.cost()?, self.examples()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let Self { ranks, objective, shards, data, cut, .. } = self;
        let found = pass(ranks, objective, shards, &data.values, None)?;
        let (cost, _) = cost(ranks, objective, shards, data.rows, found.terms(), &[])?;
        Ok((cost, whole_params(ranks, *cut, &found.gradients)?))
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
        let rows = x.len() / self.shape.visible;
        Ok(Some(cost(&mut self.ranks, &objective, &before, rows, found.terms(), &[])?.0))
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
        Ok(whole_params(&mut self.ranks, self.cut, &self.shards)?.cast())
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
        let own = |average: &Vec<f64>| {
            self.ranks.own_shards().map(|shard| average[self.cut.units(shard)].to_vec()).collect()
        };
        let averages = state.average.as_ref().map(own);
        (self.shards, self.moments, self.searches, self.averages) = (shards, moments, searches, averages);
        Ok(())
    }
}
