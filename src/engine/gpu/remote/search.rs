//! The search of L-BFGS: what `step/lbfgs.rs` does on a device of its own, as actions.

use bytemuck::Pod;

use super::{Action, EXACT, Part, Remote};
use crate::engine::gpu::ops::{axpy_uniform, keep_uniform, linear_combination_uniform, sum_blocks};
use crate::engine::gpu::step::lbfgs::merge;
use crate::engine::gpu::step::lbfgs::products::{ProductList, Products};
use crate::engine::gpu::step::lbfgs::vectors::stack_index;
use crate::error::{Error, Result};
use crate::math::objective::Cost;
use crate::math::optim::lbfgs::HISTORY;
use crate::math::optim::{Role, SearchSpace, Trial};

/// Where a search stands.
#[derive(Clone, Debug, Default)]
pub(super) struct SearchState {
    /// Whether the terms of the direction have been set and it has not been computed.
    turns: bool,
    /// The slot that takes the accepted trial, and the products that are asked for then.
    prepared: Option<(usize, ProductList)>,
    /// Inner products as they are if the last trial is accepted.
    taken: Products,
    stage: Stage,
}

/// Where the last trial has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Parameters, gradient and stack are those of the current point.
    #[default]
    Current,
    /// The gradient in the stack is that of a trial that has not been accepted.
    Tried,
    /// The trial is accepted: parameters and gradient have still to be copied from it.
    Accepted,
}

impl Remote {
    /// Brings parameters, gradient and stack to the current point, for whoever reads them.
    pub fn settle(&mut self) {
        match self.search.stage {
            Stage::Current => return,
            Stage::Accepted => self.copy("lbfgs accept"),
            Stage::Tried => {
                self.copy("lbfgs restore");
                self.search.taken = Products::default();
            }
        }
        self.search.stage = Stage::Current;
    }

    fn copy(&mut self, name: &str) {
        self.actions.push(Action::Copy(name.to_owned()));
    }

    /// Sets the uniforms of a name, one for each of `lengths`.
    fn set<T: Pod>(&mut self, name: &str, lengths: &[usize], uniform: impl Fn(usize) -> T) {
        for (number, &length) in lengths.iter().enumerate() {
            let uniform = uniform(length);
            let words = bytemuck::cast_slice(bytemuck::bytes_of(&uniform)).to_vec();
            self.actions.push(Action::Set(format!("{name} {number}"), words));
        }
    }

    fn settle_trial(&mut self) {
        if self.search.stage == Stage::Tried {
            self.settle();
        }
    }
}

fn index(role: Role) -> usize {
    stack_index(HISTORY, role)
}

fn indices(pairs: &[(Role, Role)]) -> Vec<(usize, usize)> {
    pairs.iter().map(|&(x, y)| (index(x), index(y))).collect()
}

impl SearchSpace for Remote {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        assert_eq!(history, HISTORY, "the plan's history");
        self.search = SearchState::default();
        self.prepare(0, &[(Role::Gradient, Role::Gradient)]);
        // A direction of zeros: the trial point is the current one.
        let Trial { cost, .. } = self.evaluate(0.0)?;
        self.accept(0)?;
        Ok(cost)
    }

    fn prepare(&mut self, slot: usize, pairs: &[(Role, Role)]) {
        let mut lists = ProductList::of(&indices(pairs));
        self.search.prepared = (lists.len() == 1).then(|| (slot, lists.remove(0)));
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        if self.search.stage == Stage::Accepted {
            self.settle();
        }
        let (segments, pieces) = (self.sizes.segments.clone(), self.sizes.pieces.clone());
        self.set("step", &segments, |length| axpy_uniform(length, step, 1.0));
        let (slot, list) = self.search.prepared.clone().unzip();
        let list = list.unwrap_or_default();
        let roles = |slot| [Role::Step(slot), Role::Change(slot), Role::Gradient].map(index);
        self.set("places", &pieces, |length| keep_uniform(length, slot.map(roles)));
        self.set("lists", &pieces, |length| list.uniform(length));
        if slot.is_some() {
            self.search.stage = Stage::Tried;
        }

        let turns = std::mem::take(&mut self.search.turns);
        self.run(if turns { "lbfgs first trial" } else { "lbfgs trial" });
        let blocks: Vec<usize> = pieces.iter().map(|&length| sum_blocks(length)).collect();
        let products = Part {
            tensors: "inner products".into(),
            numbers: Some(blocks.iter().map(|blocks| list.len() * blocks).collect()),
        };
        let objective = self.objective;
        let (cost, sums) =
            self.read_cost(&objective, self.sizes.count, EXACT, vec![Part::whole("slopes"), products])?;
        let slopes = segments.iter().map(|&length| sum_blocks(length)).sum();
        let expected = slopes + list.len() * blocks.iter().sum::<usize>();
        if sums.len() != expected {
            return Err(Error::device(format!("{} numbers of a trial, {expected} expected", sums.len())));
        }
        let (slopes, sums) = sums.split_at(slopes);
        self.search.taken = list.sum_up(blocks, sums);
        Ok(Trial { cost, slope: slopes.iter().map(|&x| f64::from(x)).sum() })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let prepared = self.search.prepared.take();
        assert!(prepared.is_some_and(|(prepared, _)| prepared == slot), "an accepted trial was prepared for");
        self.search.stage = Stage::Accepted;
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        self.settle_trial();
        let known = |pair| self.search.taken.get(pair);
        let products: Option<Vec<f64>> = indices(pairs).into_iter().map(known).collect();
        Ok(products.expect("the products of an accepted trial were prepared for"))
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.settle_trial();
        let terms = merge(terms.iter().map(|&(c, role)| (c, index(role))));
        let pieces = self.sizes.pieces.clone();
        self.set("terms", &pieces, |length| linear_combination_uniform(length, &terms));
        self.search.turns = true;
        Ok(())
    }
}
