//! L-BFGS with its vectors on the engine's side (Nocedal & Wright, Algorithm 7.4).
//!
//! The two-loop recursion runs on coefficients: the direction is a combination of the kept s_i, y_i and the gradient,
//! and every inner product that the recursion needs is one of their Gram matrix. An iteration therefore asks the
//! engine for one batch of dots, one combination and the evaluations of the line search; it says what it will ask for
//! before the first of these, so that a device can answer all of it at once.

use serde::{Deserialize, Serialize};

use super::SearchSpace;
use super::line_search::{SearchEnd, StepPoint, strong_wolfe};
use super::role::Role;
use crate::error::{Error, Result};
use crate::math::objective::Cost;

/// Pairs (s, y) that are kept.
pub const HISTORY: usize = 10;
/// A pair is kept only if s·y exceeds this share of ‖s‖‖y‖; below it the curvature is rounding noise.
const MIN_CURVATURE: f64 = 1e-8;

/// The optimiser between two iterations, where the line search has no state of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lbfgs {
    gram: Gram,
    /// History slots in use, oldest first.
    pairs: Vec<usize>,
    cost: Cost,
    /// ‖∇J‖ at the current parameters.
    gradient_norm: f64,
    evaluations: usize,
    iterations: usize,
}

/// The end of an iteration.
#[derive(Clone, Debug, PartialEq)]
pub enum Iteration {
    /// J went down; the step length along the direction.
    Accepted(f64),
    /// J cannot be lowered further in the engine's precision.
    Converged,
}

impl Lbfgs {
    /// Takes J and the gradient at the engine's current parameters.
    pub fn new(space: &mut dyn SearchSpace) -> Result<Self> {
        let cost = space.begin_search(HISTORY)?;
        let mut gram = Gram::new(HISTORY);
        gram.refresh(space, &pairs_of(&[Role::Gradient], &[]))?;
        let gradient_norm = gram.get(Role::Gradient, Role::Gradient).sqrt();
        let start = Self { gram, pairs: Vec::new(), cost, gradient_norm, evaluations: 1, iterations: 0 };
        start.check_finite()?;
        Ok(start)
    }

    /// J at the current parameters.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// ‖∇J‖ at the current parameters.
    pub fn gradient_norm(&self) -> f64 {
        self.gradient_norm
    }

    /// Evaluations of J and its gradient so far.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// History slots in use.
    pub fn pairs(&self) -> &[usize] {
        &self.pairs
    }

    /// Whether one that was read from a file can go on with `hidden` units.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn check(&self, hidden: usize) -> Result<(), String> {
        let size = 2 * HISTORY + 1;
        let Gram { history, products } = &self.gram;
        if *history != HISTORY || products.len() != size * size {
            return Err(format!("inner products of {history} pairs, but {HISTORY} are kept"));
        }
        let repeated = (1..self.pairs.len()).any(|i| self.pairs[..i].contains(&self.pairs[i]));
        if repeated || self.pairs.iter().any(|&slot| slot >= HISTORY) {
            return Err(format!("history slots {:?} of {HISTORY}", self.pairs));
        }
        if self.cost.rho_hat.len() != hidden {
            return Err(format!("ρ̂ of {} units, but there are {hidden}", self.cost.rho_hat.len()));
        }
        Ok(())
    }

    /// One iteration: direction, line search, update of the history. A search that fails along a direction from the
    /// history is tried once more along the gradient.
    pub fn iterate(&mut self, space: &mut dyn SearchSpace) -> Result<Iteration> {
        if self.gradient_norm == 0.0 {
            return Ok(Iteration::Converged);
        }
        loop {
            let slope = self.aim(space)?;
            let upcoming = self.upcoming();
            space.prepare(upcoming.slot, &upcoming.products);
            let found = if slope < 0.0 { self.search(space, slope)? } else { SearchEnd::Nothing };
            match found {
                SearchEnd::Wolfe(point) | SearchEnd::Decrease(point) => {
                    self.accept(space, &upcoming)?;
                    return Ok(Iteration::Accepted(point.step));
                }
                SearchEnd::Nothing if self.pairs.is_empty() => return Ok(Iteration::Converged),
                SearchEnd::Nothing => self.pairs.clear(),
            }
        }
    }

    /// Sets the direction −H∇J and returns its slope.
    fn aim(&self, space: &mut dyn SearchSpace) -> Result<f64> {
        let terms = two_loop(&self.gram, &self.pairs);
        space.set_direction(&terms)?;
        Ok(terms.iter().map(|&(c, slot)| c * self.gram.get(Role::Gradient, slot)).sum())
    }

    fn search(&mut self, space: &mut dyn SearchSpace, slope: f64) -> Result<SearchEnd> {
        let start = StepPoint { step: 0.0, value: self.cost.total(), slope };
        // Without curvature information the gradient's length says nothing about the step's: be careful.
        let first_step = if self.pairs.is_empty() { (1.0 / self.gradient_norm).min(1.0) } else { 1.0 };
        let (cost, evaluations) = (&mut self.cost, &mut self.evaluations);
        let before = cost.clone();
        let found = strong_wolfe(start, first_step, &mut |step| {
            let trial = space.evaluate(step)?;
            *evaluations += 1;
            *cost = trial.cost;
            Ok(StepPoint { step, value: cost.total(), slope: trial.slope })
        })?;
        if found == SearchEnd::Nothing {
            self.cost = before;
        }
        Ok(found)
    }

    /// What is kept of the trial that is accepted next.
    fn upcoming(&self) -> Upcoming {
        let slot = self.free_slot();
        let new = [Role::Step(slot), Role::Change(slot), Role::Gradient];
        let kept: Vec<Role> = self.slots().into_iter().filter(|other| !new.contains(other)).collect();
        Upcoming { slot, products: pairs_of(&new, &kept) }
    }

    /// Moves to the last trial and takes its pair into the history if it carries curvature.
    fn accept(&mut self, space: &mut dyn SearchSpace, upcoming: &Upcoming) -> Result<()> {
        let slot = upcoming.slot;
        space.accept(slot)?;
        self.iterations += 1;
        self.gram.refresh(space, &upcoming.products)?;
        self.gradient_norm = self.gram.get(Role::Gradient, Role::Gradient).sqrt();
        self.check_finite()?;

        self.pairs.retain(|&pair| pair != slot);
        let norm = |of: Role| self.gram.get(of, of).sqrt();
        let curvature = self.gram.get(Role::Step(slot), Role::Change(slot));
        if curvature > MIN_CURVATURE * norm(Role::Step(slot)) * norm(Role::Change(slot)) {
            self.pairs.push(slot);
        }
        Ok(())
    }

    /// An unused history slot, or the oldest.
    fn free_slot(&self) -> usize {
        (0..HISTORY).find(|slot| !self.pairs.contains(slot)).unwrap_or_else(|| self.pairs[0])
    }

    fn slots(&self) -> Vec<Role> {
        self.pairs.iter().flat_map(|&i| [Role::Step(i), Role::Change(i)]).collect()
    }

    fn check_finite(&self) -> Result<()> {
        let what = if !self.cost.total().is_finite() {
            "the cost"
        } else if !self.gradient_norm.is_finite() {
            "the gradient"
        } else {
            return Ok(());
        };
        let remedy = "`beta` or `lambda`, or check the data".to_owned();
        Err(Error::Diverged { step: self.iterations, what: what.to_owned(), remedy })
    }
}

/// The history slot of a trial, and the inner products that the Gram matrix needs once it is accepted.
struct Upcoming {
    slot: usize,
    products: Vec<(Role, Role)>,
}

/// Pairs of the `new` vectors with each other and with the `kept` ones.
fn pairs_of(new: &[Role], kept: &[Role]) -> Vec<(Role, Role)> {
    let of_new = |(i, &x): (usize, &Role)| -> Vec<(Role, Role)> {
        new[i..].iter().chain(kept).map(|&y| (x, y)).collect()
    };
    new.iter().enumerate().flat_map(of_new).collect()
}

/// −H∇J as coefficients over the history and the gradient.
fn two_loop(gram: &Gram, pairs: &[usize]) -> Vec<(f64, Role)> {
    let mut q = RoleTerms { terms: vec![(-1.0, Role::Gradient)] };
    let mut alphas = Vec::with_capacity(pairs.len());
    for &i in pairs.iter().rev() {
        let alpha = q.dot(gram, Role::Step(i)) / gram.get(Role::Step(i), Role::Change(i));
        q.add(-alpha, Role::Change(i));
        alphas.push(alpha);
    }
    if let Some(&newest) = pairs.last() {
        let (s, y) = (Role::Step(newest), Role::Change(newest));
        q.scale(gram.get(s, y) / gram.get(y, y));
    }
    for (&i, alpha) in pairs.iter().zip(alphas.iter().rev()) {
        let beta = q.dot(gram, Role::Change(i)) / gram.get(Role::Step(i), Role::Change(i));
        q.add(alpha - beta, Role::Step(i));
    }
    q.terms
}

/// A vector as a sum of coefficient times slot.
struct RoleTerms {
    terms: Vec<(f64, Role)>,
}

impl RoleTerms {
    fn dot(&self, gram: &Gram, with: Role) -> f64 {
        self.terms.iter().map(|&(c, slot)| c * gram.get(slot, with)).sum()
    }

    fn add(&mut self, coefficient: f64, slot: Role) {
        self.terms.push((coefficient, slot));
    }

    fn scale(&mut self, factor: f64) {
        self.terms.iter_mut().for_each(|(c, _)| *c *= factor);
    }
}

/// Inner products of the gradient and the history, `[2·history + 1]²`, symmetric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Gram {
    history: usize,
    /// Kept as bits in files: those of slots that are not in use may be infinite, for which JSON has no word.
    #[serde(with = "bits")]
    products: Vec<f64>,
}

impl Gram {
    fn new(history: usize) -> Self {
        let size = 2 * history + 1;
        Self { history, products: vec![0.0; size * size] }
    }

    fn index(&self, slot: Role) -> usize {
        match slot {
            Role::Step(i) => i,
            Role::Change(i) => self.history + i,
            Role::Gradient => 2 * self.history,
            other => unreachable!("{other:?} is never part of the Gram matrix"),
        }
    }

    fn get(&self, x: Role, y: Role) -> f64 {
        self.products[self.index(x) * (2 * self.history + 1) + self.index(y)]
    }

    fn set(&mut self, x: Role, y: Role, product: f64) {
        let (x, y, size) = (self.index(x), self.index(y), 2 * self.history + 1);
        self.products[x * size + y] = product;
        self.products[y * size + x] = product;
    }

    /// Takes the products of `pairs`, in one batch.
    fn refresh(&mut self, space: &mut dyn SearchSpace, pairs: &[(Role, Role)]) -> Result<()> {
        let products = space.dots(pairs)?;
        for (&(x, y), product) in pairs.iter().zip(products) {
            self.set(x, y, product);
        }
        Ok(())
    }
}

/// Numbers as their bits.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let bits: Vec<u64> = values.iter().map(|x| x.to_bits()).collect();
        bits.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let bits = Vec::<u64>::deserialize(deserializer)?;
        Ok(bits.into_iter().map(f64::from_bits).collect())
    }
}
