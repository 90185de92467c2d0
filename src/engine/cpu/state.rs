//! The state of the CPU engine, copied out and put back.

use rayon::prelude::*;

use super::engine::Cpu;
use super::search::CpuSearch;
use crate::engine::{Arrangement, ReusedBuffers, Role, State, VectorData, are_finite};
use crate::math::optim::lbfgs::HISTORY;

/// Numbers that one task copies.
const TASK: usize = 1 << 16;

impl Cpu {
    /// [`crate::engine::Engine::state`]: all vectors as they lie.
    pub(super) fn copy_state(&self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> State {
        let vectors: Vec<_> = self.vectors(Role::of_state(pairs)).collect();
        let copied = |(role, vector): (Role, &[f32])| {
            let mut to = spare.take(vector.len());
            copy(vector, &mut to);
            (role, VectorData::Single(to))
        };
        let vectors = self.pool.install(|| vectors.into_iter().map(copied).collect());
        let average = self.evaluator.average().map(<[f64]>::to_vec);
        State { shape: self.layout.shape, order: Arrangement::Panels, vectors, average }
    }

    /// Those vectors among `roles` that there are: moments are made by updates.
    fn vectors(&self, roles: impl Iterator<Item = Role>) -> impl Iterator<Item = (Role, &[f32])> {
        let vector = |role| match role {
            Role::Params => &self.params[..],
            Role::Moment(i) => &self.moments[i],
            other => self.search.vector(other),
        };
        roles.map(move |role| (role, vector(role))).filter(|(_, vector)| !vector.is_empty())
    }

    /// Whether parameters and moments are finite, judged on bits.
    pub(super) fn is_finite(&self) -> bool {
        let finite = |(_, vector): (_, &[f32])| vector.par_chunks(TASK).all(are_finite);
        self.pool.install(|| self.vectors(Role::of_state(None)).all(finite))
    }

    /// [`crate::engine::Engine::set_state`].
    pub(super) fn put_state(&mut self, state: &State) {
        let layout = self.layout;
        let vector = |role| state.get(role).map(|tensors| layout.flatten(&tensors));
        self.params = vector(Role::Params).expect("a state has parameters");
        self.moments = [0, 1].map(|i| vector(Role::Moment(i)).unwrap_or_default());
        self.evaluator.set_average(state.average.as_deref());
        self.search = CpuSearch::default();
        if !state.holds(Role::Gradient) {
            return;
        }
        self.search = CpuSearch::new(&self.params, HISTORY);
        for role in Role::of_search(0..HISTORY) {
            if let Some(kept) = vector(role) {
                *self.search.vector_mut(role) = kept;
            }
        }
    }
}

/// Copies with all threads: new memory is cleared page by page when it is touched first.
fn copy(from: &[f32], to: &mut [f32]) {
    to.par_chunks_mut(TASK).zip(from.par_chunks(TASK)).for_each(|(to, from)| to.copy_from_slice(from));
}
