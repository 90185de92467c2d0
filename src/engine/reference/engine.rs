//! The reference behind the engine trait: f64 throughout, every vector whole, no chunks, no blocks.

use super::kernels::{adam, gather, layer_nn, layer_nt, sgd};
use super::step::{cost, cost_and_gradient, forward};
use crate::engine::reference::kernels::{column_mean, penalty_grad};
use crate::engine::search_vectors::{FlatEngine, SearchVectors};
use crate::engine::setup::Setup;
use crate::engine::step::whole_rows;
use crate::engine::{
    Arrangement, ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, RhoHat, Role, Rows, State, Step, Update,
    VectorData, check_list,
};
use crate::error::Result;
use crate::math::objective::{Cost, Objective, RhoHatMode};
use crate::math::params::{Matrix, Params, Shape, cast};

/// The f64 engine that every other one is compared with.
#[derive(Debug)]
pub struct Reference {
    objective: Objective,
    rho_hat: RhoHat,
    params: Params<f64>,
    data: Matrix<f64>,
    /// ρ̂ of the moving average, once a batch has started it.
    average: Option<Vec<f64>>,
    /// v of SGD; first and second moment of Adam. Flat, in the order of [`Params::to_flat`].
    moments: [Vec<f64>; 2],
    search: SearchVectors,
}

impl Reference {
    /// Takes parameters and examples in full precision.
    pub fn new(setup: &Setup, params: Params<f64>, data: Matrix<f64>) -> Self {
        let moments = [vec![0.0; params.shape.parameters()], vec![0.0; params.shape.parameters()]];
        let search = SearchVectors::default();
        Self {
            objective: setup.objective,
            rho_hat: setup.rho_hat,
            params,
            data,
            average: None,
            moments,
            search,
        }
    }

    /// The parameters in full precision.
    pub fn params_f64(&self) -> &Params<f64> {
        &self.params
    }

    fn rows(&self, first: usize, count: usize) -> &[f64] {
        &self.data.values[first * self.data.cols..(first + count) * self.data.cols]
    }
}

impl Engine for Reference {
    fn shape(&self) -> Shape {
        self.params.shape
    }

    fn objective(&self) -> &Objective {
        &self.objective
    }

    fn examples(&self) -> usize {
        self.data.rows
    }

    fn adapter(&self) -> String {
        "f64 reference, one thread".to_owned()
    }

    fn plan(&self) -> ChunkPlan {
        ChunkPlan { chunk: self.data.rows, block: self.params.shape.hidden }
    }

    fn cost(&mut self) -> Result<Cost> {
        let x = &self.data.values;
        let layers = forward(&self.objective, &self.params, x);
        let mean = column_mean(&layers.a2, self.params.shape.hidden, self.data.rows);
        let (rho_hat, _) = penalty_grad(&self.objective, &mean, None);
        Ok(cost(&self.objective, &self.params, x, &layers.a3, rho_hat))
    }

    fn sampled_cost(&mut self, _most: usize) -> Result<(Cost, usize)> {
        Ok((self.cost()?, self.examples()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        Ok(cost_and_gradient(&self.objective, &self.params, &self.data.values, None))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        let x = match step.rows {
            Rows::All => self.data.values.clone(),
            Rows::Listed(rows) => gather(&self.data.values, self.data.cols, rows),
        };
        let average = self.average.as_deref().map(|before| (before, self.rho_hat.decay));
        let objective = self.objective.with_beta(step.beta);
        let (cost, gradient) = cost_and_gradient(&objective, &self.params, &x, average);
        if self.rho_hat.mode == RhoHatMode::Ema {
            self.average = Some(cost.rho_hat.clone());
        }

        let mut w = self.params.to_flat();
        let gradient = gradient.to_flat();
        let [first, second] = &mut self.moments;
        match step.update {
            Update::Sgd { lr, momentum } => sgd(&mut w, first, &gradient, lr, momentum),
            Update::Adam { lr, step } => adam(&mut w, first, second, &gradient, lr, step),
        }
        self.params = Params::from_flat(self.params.shape, &w);
        Ok(step.report.then_some(cost))
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        Ok(cast(&forward(&self.objective, &self.params, self.rows(first, count)).a2))
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.data.rows)?;
        let x = gather(&self.data.values, self.data.cols, rows);
        let layers = forward(&self.objective, &self.params, &x);
        Ok(cast(match layer {
            Layer::Input => &x,
            Layer::Hidden => &layers.a2,
            Layer::Output => &layers.a3,
        }))
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        Ok(cast(&forward(&self.objective, &self.params, self.rows(first, count)).a3))
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let Params { shape, w1, b1, .. } = &self.params;
        let count = whole_rows(rows, shape.visible, "rows")?;
        Ok(cast(&layer_nt(&cast(rows), w1, b1, count, shape.visible, self.objective.activation)))
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        let Params { shape, d, b2, .. } = &self.params;
        let count = whole_rows(codes, shape.hidden, "codes")?;
        Ok(cast(&layer_nn(&cast(codes), d, b2, count, shape.hidden, self.objective.output)))
    }

    fn params(&mut self) -> Result<Params<f32>> {
        Ok(self.params.cast())
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        self.params = params.cast();
        self.average = None;
        self.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        Ok(())
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        let shape = self.params.shape;
        let zeros = vec![0.0; shape.visible];
        for NewUnit { unit, w1, b1, d } in units {
            put_unit(&mut self.params, *unit, (&cast(w1), f64::from(*b1), &cast(d)));
            for flat in &mut self.moments {
                let mut moment = Params::from_flat(shape, flat);
                put_unit(&mut moment, *unit, (&zeros, 0.0, &zeros));
                *flat = moment.to_flat();
            }
            if let Some(average) = &mut self.average {
                average[*unit] = self.objective.penalty.rho;
            }
        }
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>, _: &mut ReusedBuffers) -> Result<State> {
        let vector = |role| match role {
            Role::Params => self.params.to_flat(),
            Role::Moment(i) => self.moments[i].clone(),
            other => self.search.vector(other).to_vec(),
        };
        let vectors = Role::of_state(pairs).map(|role| (role, VectorData::Double(vector(role)))).collect();
        let (shape, average) = (self.params.shape, self.average.clone());
        Ok(State { shape, order: Arrangement::Rows, vectors, average })
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        let kept = |role| state.get(role).map(|tensors: Params<f64>| tensors.to_flat());
        let zeros = || vec![0.0; self.params.shape.parameters()];
        self.moments = [0, 1].map(|i| kept(Role::Moment(i)).unwrap_or_else(zeros));
        self.params = state.get(Role::Params).expect("a state has parameters");
        self.average.clone_from(&state.average);
        self.search = SearchVectors::restored(self.params.to_flat(), kept);
        Ok(())
    }
}

impl FlatEngine for Reference {
    fn flat(&mut self) -> Result<Vec<f64>> {
        Ok(self.params.to_flat())
    }

    fn put_flat(&mut self, flat: &[f64]) -> Result<()> {
        self.params = Params::from_flat(self.params.shape, flat);
        Ok(())
    }

    fn cost_and_gradient_at(&mut self, point: &[f64]) -> Result<(Cost, Vec<f64>)> {
        let params = Params::from_flat(self.params.shape, point);
        let (cost, gradient) = cost_and_gradient(&self.objective, &params, &self.data.values, None);
        Ok((cost, gradient.to_flat()))
    }

    fn rounded(x: f64) -> f64 {
        x
    }

    fn vectors(&mut self) -> &mut SearchVectors {
        &mut self.search
    }
}

/// Puts W1 `[n]`, b1 and D `[n]` of one hidden unit into `params`.
fn put_unit(params: &mut Params<f64>, unit: usize, (w1, b1, d): (&[f64], f64, &[f64])) {
    let row = unit * params.shape.visible..(unit + 1) * params.shape.visible;
    params.w1[row.clone()].copy_from_slice(w1);
    params.b1[unit] = b1;
    params.d[row].copy_from_slice(d);
}
