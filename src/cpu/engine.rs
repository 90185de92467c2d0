//! The engine trait on the CPU: parameters, optimiser state and the vectors of L-BFGS as flat f32 vectors.

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::pass::{Work, cost, forward, gradient};
use crate::device::Setup;
use crate::engine::{Engine, Plan, RhoHat, Rows, SearchSpace, Slot, Trial, Update};
use crate::error::{Error, Result};
use crate::model::{Matrix, Params, Shape};
use crate::objective::{Cost, Objective, RhoHatMode};
use crate::reference::kernels::{ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON};

/// The CPU engine.
#[derive(Debug)]
pub struct Cpu {
    objective: Objective,
    rho_hat: RhoHat,
    shape: Shape,
    params: Vec<f32>,
    data: Matrix<f32>,
    gradient: Vec<f32>,
    moments: [Vec<f32>; 2],
    average: Option<Vec<f64>>,
    work: Work,
    search: Search,
    pool: ThreadPool,
}

#[derive(Debug, Default)]
struct Search {
    gradient: Vec<f32>,
    direction: Vec<f32>,
    trial: Vec<f32>,
    trial_gradient: Vec<f32>,
    steps: Vec<Vec<f32>>,
    changes: Vec<Vec<f32>>,
}

impl Search {
    fn vector(&self, slot: Slot) -> &[f32] {
        match slot {
            Slot::Gradient => &self.gradient,
            Slot::Direction => &self.direction,
            Slot::Step(i) => &self.steps[i],
            Slot::Change(i) => &self.changes[i],
        }
    }
}

impl Cpu {
    /// Takes parameters and examples; fails only if the threads cannot be started.
    pub fn new(setup: &Setup, params: Params<f32>, data: Matrix<f32>) -> Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(setup.threads).build().map_err(|error| {
            Error::device(format!("cannot start {} threads: {error}; lower --threads", setup.threads))
        })?;
        let zeros = vec![0.0; params.shape.parameters()];
        Ok(Self {
            objective: setup.objective,
            rho_hat: setup.rho_hat,
            shape: params.shape,
            params: params.to_flat(),
            data,
            gradient: zeros.clone(),
            moments: [zeros.clone(), zeros],
            average: None,
            work: Work::default(),
            search: Search::default(),
            pool,
        })
    }

    /// J and ∇J at `params` over the rows X.
    fn pass(
        &mut self,
        params: &[f32],
        x: &[f32],
        average: Option<(Vec<f64>, f64)>,
        into: &mut [f32],
    ) -> Cost {
        let (objective, shape) = (&self.objective, self.shape);
        let work = &mut self.work;
        self.pool.install(|| {
            let sums = forward(objective, shape, params, x, work);
            let m = (x.len() / shape.visible) as f64;
            let mut rho_hat: Vec<f64> =
                sums.iter().map(|s| objective.activation.active_fraction(s / m)).collect();
            if let Some((before, mu)) = average {
                rho_hat
                    .iter_mut()
                    .zip(before)
                    .for_each(|(now, before)| *now = mu * before + (1.0 - mu) * *now);
            }
            let slope: Vec<f32> = rho_hat.iter().map(|&r| objective.kl_slope(r) as f32).collect();
            let cost = cost(objective, shape, params, x, work, rho_hat);
            gradient(objective, shape, params, x, work, &slope, into);
            cost
        })
    }

    /// A2 and A3 of some examples.
    fn layers(&mut self, first: usize, count: usize) -> &Work {
        let x = &self.data.values[first * self.data.cols..(first + count) * self.data.cols];
        let (objective, shape, params, work) = (&self.objective, self.shape, &self.params, &mut self.work);
        self.pool.install(|| forward(objective, shape, params, x, work));
        &self.work
    }

    fn update(&mut self, update: &Update, gradient: &[f32]) {
        let [first, second] = &mut self.moments;
        let state = self.params.iter_mut().zip(first).zip(second).zip(gradient);
        match *update {
            Update::Sgd { lr, momentum } => state.for_each(|(((w, v), _), g)| {
                *v = momentum as f32 * *v + g;
                *w -= lr as f32 * *v;
            }),
            Update::Adam { lr, step } => {
                let corrections =
                    [ADAM_BETA1, ADAM_BETA2].map(|beta| (1.0 / (1.0 - beta.powf(step as f64))) as f32);
                let rest = [ADAM_BETA1, ADAM_BETA2].map(|beta| (1.0 - beta) as f32);
                state.for_each(|(((w, m), v), g)| {
                    *m = ADAM_BETA1 as f32 * *m + rest[0] * g;
                    *v = ADAM_BETA2 as f32 * *v + rest[1] * g * g;
                    *w -= lr as f32 * (*m * corrections[0])
                        / ((*v * corrections[1]).sqrt() + ADAM_EPSILON as f32);
                });
            }
        }
    }

    /// [`Cpu::pass`] over all examples with the exact ρ̂.
    fn full_pass(&mut self, params: &[f32], into: &mut [f32]) -> Cost {
        let x = std::mem::take(&mut self.data.values);
        let cost = self.pass(params, &x, None, into);
        self.data.values = x;
        cost
    }
}

impl Engine for Cpu {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn examples(&self) -> usize {
        self.data.rows
    }

    fn adapter(&self) -> String {
        format!("{}, {} threads", processor(), self.pool.current_num_threads())
    }

    fn plan(&self) -> Plan {
        Plan { chunk: self.data.rows, block: self.shape.hidden }
    }

    fn cost(&mut self) -> Result<Cost> {
        let m = self.data.rows as f64;
        let (objective, shape, params, work) = (&self.objective, self.shape, &self.params, &mut self.work);
        let x = &self.data.values;
        Ok(self.pool.install(|| {
            let sums = forward(objective, shape, params, x, work);
            let rho_hat = sums.iter().map(|s| objective.activation.active_fraction(s / m)).collect();
            cost(objective, shape, params, x, work, rho_hat)
        }))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let params = self.params.clone();
        let mut gradient = vec![0.0; params.len()];
        let cost = self.full_pass(&params, &mut gradient);
        Ok((cost, Params::from_flat(self.shape, &gradient).cast()))
    }

    fn step(&mut self, rows: Rows<'_>, update: &Update, report: bool) -> Result<Option<Cost>> {
        let decay = self.rho_hat.decay;
        let average = self.average.clone().map(|before| (before, decay));
        let params = std::mem::take(&mut self.params);
        let mut gradient = std::mem::take(&mut self.gradient);
        let cost = match rows {
            Rows::All => {
                let x = std::mem::take(&mut self.data.values);
                let cost = self.pass(&params, &x, average, &mut gradient);
                self.data.values = x;
                cost
            }
            Rows::Listed(list) => {
                let x: Vec<f32> = list.iter().flat_map(|&row| self.data.row(row as usize)).copied().collect();
                self.pass(&params, &x, average, &mut gradient)
            }
        };
        self.params = params;
        if self.rho_hat.mode == RhoHatMode::Ema {
            self.average = Some(cost.rho_hat.clone());
        }
        self.update(update, &gradient);
        self.gradient = gradient;
        Ok(report.then_some(cost))
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        Ok(self.layers(first, count).a2.clone())
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        Ok(self.layers(first, count).a3.clone())
    }

    fn params(&mut self) -> Result<Params<f32>> {
        Ok(Params::from_flat(self.shape, &self.params))
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        self.params = params.to_flat();
        self.average = None;
        self.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        Ok(())
    }
}

impl SearchSpace for Cpu {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        let params = self.params.clone();
        let mut gradient = vec![0.0; params.len()];
        let cost = self.full_pass(&params, &mut gradient);
        let zeros = vec![0.0; params.len()];
        self.search = Search {
            trial_gradient: gradient.clone(),
            gradient,
            direction: zeros.clone(),
            trial: params,
            steps: vec![zeros.clone(); history],
            changes: vec![zeros; history],
        };
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let mut trial = std::mem::take(&mut self.search.trial);
        let mut gradient = std::mem::take(&mut self.search.trial_gradient);
        let along = self.params.iter().zip(&self.search.direction);
        trial.iter_mut().zip(along).for_each(|(trial, (w, d))| *trial = w + step as f32 * d);
        let cost = self.full_pass(&trial, &mut gradient);
        let slope = dot(&gradient, &self.search.direction);
        (self.search.trial, self.search.trial_gradient) = (trial, gradient);
        Ok(Trial { cost, slope })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let search = &mut self.search;
        subtract(&mut search.steps[slot], &search.trial, &self.params);
        subtract(&mut search.changes[slot], &search.trial_gradient, &search.gradient);
        self.params.copy_from_slice(&search.trial);
        search.gradient.copy_from_slice(&search.trial_gradient);
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Slot, Slot)]) -> Result<Vec<f64>> {
        Ok(pairs.iter().map(|&(x, y)| dot(self.search.vector(x), self.search.vector(y))).collect())
    }

    fn set_direction(&mut self, terms: &[(f64, Slot)]) -> Result<()> {
        let mut direction = std::mem::take(&mut self.search.direction);
        direction.fill(0.0);
        for &(coefficient, slot) in terms {
            let vector = self.search.vector(slot);
            direction.iter_mut().zip(vector).for_each(|(d, v)| *d += coefficient as f32 * v);
        }
        self.search.direction = direction;
        Ok(())
    }
}

fn dot(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

fn subtract(out: &mut [f32], x: &[f32], y: &[f32]) {
    out.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (x, y))| *out = x - y);
}

/// The processor's name where the system tells it, else its architecture.
pub(crate) fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}
