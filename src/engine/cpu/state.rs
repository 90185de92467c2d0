//! What the CPU engine gives away to be gone on from, and takes back.

use std::iter;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::engine::Cpu;
use super::search::CpuSearch;
use crate::engine::{Arrangement, ReusedBuffers, Role, State, VectorData, are_finite};
use crate::math::optim::Slot;
use crate::math::optim::lbfgs::HISTORY;

/// Numbers that one task copies.
const TASK: usize = 1 << 16;

impl Cpu {
    /// [`crate::engine::Engine::state`]: all vectors as they lie.
    pub(super) fn copy_state(&self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> State {
        let mut vectors = self.descending();
        if let Some(pairs) = pairs {
            vectors.push((Role::Gradient, self.search.vector(Slot::Gradient)));
            for &slot in pairs {
                vectors.push((Role::Step(slot), self.search.vector(Slot::Step(slot))));
                vectors.push((Role::Change(slot), self.search.vector(Slot::Change(slot))));
            }
        }
        let copied = |(role, vector): (Role, &[f32])| {
            let mut to = spare.take(vector.len());
            copy(vector, &mut to);
            (role, VectorData::Single(to))
        };
        let vectors = self.pool.install(|| vectors.into_iter().map(copied).collect());
        let average = self.evaluator.average().map(<[f64]>::to_vec);
        State { shape: self.layout.shape, order: Arrangement::Panels, vectors, average }
    }

    /// The parameters and the moments that there are.
    fn descending(&self) -> Vec<(Role, &[f32])> {
        let moments = self.moments.iter().enumerate().filter(|(_, moment)| !moment.is_empty());
        let moments = moments.map(|(i, moment)| (Role::Moment(i), &moment[..]));
        iter::once((Role::Params, &self.params[..])).chain(moments).collect()
    }

    /// Whether all of them are finite, judged on bits.
    pub(super) fn is_finite(&self) -> bool {
        let finite = |(_, vector): (_, &[f32])| vector.par_chunks(TASK).all(are_finite);
        self.pool.install(|| self.descending().into_iter().all(finite))
    }

    /// [`crate::engine::Engine::set_state`].
    pub(super) fn put_state(&mut self, state: &State) {
        let layout = self.layout;
        let vector = |role| state.get(role).map(|tensors| layout.flatten(&tensors));
        self.params = vector(Role::Params).expect("a state has parameters");
        self.moments = [0, 1].map(|i| vector(Role::Moment(i)).unwrap_or_default());
        self.evaluator.set_average(state.average.as_deref());
        self.search = CpuSearch::default();
        let Some(gradient) = vector(Role::Gradient) else { return };
        self.search = CpuSearch::new(&self.params, HISTORY);
        self.search.set_vector(Slot::Gradient, gradient);
        for slot in 0..HISTORY {
            let pair = [(Role::Step(slot), Slot::Step(slot)), (Role::Change(slot), Slot::Change(slot))];
            for (role, slot) in pair {
                vector(role).into_iter().for_each(|vector: Buffer| self.search.set_vector(slot, vector));
            }
        }
    }
}

/// Copies with all threads: new memory is cleared page by page when it is touched first.
fn copy(from: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(TASK).zip(from.par_chunks(TASK)).for_each(|(to, from)| to.copy_from_slice(from));
}
