//! What a first-order step sets before it runs: β and the decay of the moving average of ρ̂, learning rates and momenta.

use crate::engine::Update;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::ops::{PENALTY_RATES, RATES, adam_rates, penalty_rates, sgd_rates};
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::{Commands, Uploads};
use crate::error::Result;

/// Tensors that kernels read when a recording runs.
#[derive(Debug)]
pub(crate) struct Rates {
    penalty: Tensor,
    update: Tensor,
    /// What they have been set to: the same rates are not written again.
    set: (Option<[f32; PENALTY_RATES]>, Option<[f32; RATES]>),
}

impl Rates {
    /// Unset ones.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        let [penalty, update] = allocate(gpu, Self::allocations())?.map(single);
        Ok(Self { penalty, update, set: (None, None) })
    }

    /// The tensors, in the order of the fields.
    pub fn allocations() -> [Allocation; 2] {
        let of = |name, len| Allocation::vectors(name, Category::OptimizerState, [len]);
        [of("penalty", PENALTY_RATES), of("rates", RATES)]
    }

    /// Names them in a plan.
    pub fn describe(&self, planner: &mut Planner) {
        planner.tensors("penalty", [&self.penalty]);
        planner.tensors("rates", [&self.update]);
    }

    /// β, and the decay of the moving average of ρ̂.
    pub fn penalty(&self) -> &Tensor {
        &self.penalty
    }

    /// Rates of the optimiser.
    pub fn update(&self) -> &Tensor {
        &self.update
    }

    /// Sets β and decay for the commands that follow.
    pub fn set_penalty(&mut self, to: (&mut Uploads, &mut Commands<'_>), beta: f64, decay: f64) {
        set(to, &self.penalty, &mut self.set.0, penalty_rates(beta, decay));
    }

    /// Sets the rates of an update for the commands that follow.
    pub fn set_update(&mut self, to: (&mut Uploads, &mut Commands<'_>), update: &Update) {
        set(to, &self.update, &mut self.set.1, rates_of(update));
    }
}

/// Uploads `rates` where others have been `written`.
fn set<const N: usize>(
    (uploads, commands): (&mut Uploads, &mut Commands<'_>),
    tensor: &Tensor,
    written: &mut Option<[f32; N]>,
    rates: [f32; N],
) {
    if *written != Some(rates) {
        uploads.write(commands, tensor, bytemuck::cast_slice(&rates));
        *written = Some(rates);
    }
}

/// The rates of an update as its kernels take them.
pub(crate) fn rates_of(update: &Update) -> [f32; RATES] {
    match *update {
        Update::Sgd { lr, momentum } => sgd_rates(lr, momentum),
        Update::Adam { lr, step } => adam_rates(lr, step),
    }
}
