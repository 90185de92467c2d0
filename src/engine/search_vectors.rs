//! The vectors of L-BFGS on the host, in f64, and the search of every engine that has its parameters in one flat vector.

use std::ops::Range;

use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::lbfgs::HISTORY;
use crate::math::optim::{Role, SearchSpace, Trial};

/// An engine whose parameters are one flat vector, and which therefore is a [`SearchSpace`].
pub(in crate::engine) trait FlatEngine {
    /// The parameters.
    ///
    /// # Errors
    /// Those of the device.
    fn flat(&mut self) -> Result<Vec<f64>>;

    /// Replaces them, and nothing else.
    ///
    /// # Errors
    /// Those of the device.
    fn put_flat(&mut self, flat: &[f64]) -> Result<()>;

    /// J and its gradient at a point over all examples, which leaves the parameters as they are.
    ///
    /// # Errors
    /// Those of the device.
    fn cost_and_gradient_at(&mut self, point: &[f64]) -> Result<(Cost, Vec<f64>)>;

    /// A number as a parameter can hold it.
    fn rounded(x: f64) -> f64;

    /// The vectors of the search.
    fn vectors(&mut self) -> &mut SearchVectors;
}

impl<E: FlatEngine> SearchSpace for E {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        let params = self.flat()?;
        let (cost, gradient) = self.cost_and_gradient_at(&params)?;
        *self.vectors() = SearchVectors::begin(params, gradient, history);
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let params = self.flat()?;
        let point = self.vectors().point(&params, step, E::rounded).to_vec();
        let (cost, gradient) = self.cost_and_gradient_at(&point)?;
        Ok(Trial { cost, slope: self.vectors().take_gradient(gradient) })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let params = self.flat()?;
        let point = self.vectors().accept(&params, slot).to_vec();
        self.put_flat(&point)
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        Ok(self.vectors().dots(pairs))
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.vectors().set_direction(terms);
        Ok(())
    }
}

/// Gradient, direction, trial point and history of a search, each as long as the parameters.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct SearchVectors {
    gradient: Vec<f64>,
    direction: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    steps: Vec<Vec<f64>>,
    changes: Vec<Vec<f64>>,
}

impl SearchVectors {
    /// Begins at `params`, with room for `history` pairs.
    pub fn begin(params: Vec<f64>, gradient: Vec<f64>, history: usize) -> Self {
        let zeros = vec![0.0; params.len()];
        Self {
            trial_gradient: gradient.clone(),
            gradient,
            direction: zeros.clone(),
            trial: params,
            steps: vec![zeros.clone(); history],
            changes: vec![zeros; history],
        }
    }

    /// Goes on at `params` with the vectors of a state, zeros for those that it lacks.
    pub fn restored(params: Vec<f64>, vector: impl Fn(Role) -> Option<Vec<f64>>) -> Self {
        let length = params.len();
        let vector = |role| vector(role).unwrap_or_else(|| vec![0.0; length]);
        Self {
            gradient: vector(Role::Gradient),
            direction: vec![0.0; length],
            trial: params,
            trial_gradient: vector(Role::Gradient),
            steps: (0..HISTORY).map(|slot| vector(Role::Step(slot))).collect(),
            changes: (0..HISTORY).map(|slot| vector(Role::Change(slot))).collect(),
        }
    }

    /// One of the vectors that a search works with.
    pub fn vector(&self, role: Role) -> &[f64] {
        match role {
            Role::Gradient => &self.gradient,
            Role::Direction => &self.direction,
            Role::Step(i) => &self.steps[i],
            Role::Change(i) => &self.changes[i],
            Role::Params | Role::Moment(_) | Role::Best => unreachable!("{role:?} is no vector of a search"),
        }
    }

    /// The point `step` along the direction from `params`, which becomes the trial point. Its numbers are rounded as the engine
    /// rounds parameters, so that pairs are differences of what it computes with.
    pub fn point(&mut self, params: &[f64], step: f64, round: fn(f64) -> f64) -> &[f64] {
        self.trial.clear();
        self.trial.extend(params.iter().zip(&self.direction).map(|(w, d)| round(w + step * d)));
        &self.trial
    }

    /// Takes the gradient at the trial point; the slope along the direction.
    pub fn take_gradient(&mut self, gradient: Vec<f64>) -> f64 {
        self.trial_gradient = gradient;
        self.slope_over(0..self.direction.len())
    }

    /// What the numbers `range` add to the slope at the trial point.
    pub fn slope_over(&self, range: Range<usize>) -> f64 {
        dot(&self.trial_gradient[range.clone()], &self.direction[range])
    }

    /// Keeps the pair from `params` to the trial point in a history slot; the trial point, where the search is now.
    pub fn accept(&mut self, params: &[f64], slot: usize) -> &[f64] {
        self.steps[slot] = difference(&self.trial, params);
        self.changes[slot] = difference(&self.trial_gradient, &self.gradient);
        self.gradient.clone_from(&self.trial_gradient);
        &self.trial
    }

    /// x · y of every pair.
    pub fn dots(&self, pairs: &[(Role, Role)]) -> Vec<f64> {
        self.dots_over(pairs, 0..self.direction.len())
    }

    /// What the numbers `range` add to them.
    pub fn dots_over(&self, pairs: &[(Role, Role)], range: Range<usize>) -> Vec<f64> {
        let product = |&(x, y)| dot(&self.vector(x)[range.clone()], &self.vector(y)[range.clone()]);
        pairs.iter().map(product).collect()
    }

    /// direction ← Σ coefficient · vector.
    pub fn set_direction(&mut self, terms: &[(f64, Role)]) {
        let mut direction = vec![0.0; self.direction.len()];
        for &(coefficient, role) in terms {
            direction.iter_mut().zip(self.vector(role)).for_each(|(d, x)| *d += coefficient * x);
        }
        self.direction = direction;
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn difference(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x - y).collect()
}
