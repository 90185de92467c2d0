//! What a first-order step sets before it runs: β and the decay of the moving average of ρ̂, learning rates and momenta.

use crate::engine::Update;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::ops::{PENALTY_RATES, RATES, adam_rates, penalty_rates, sgd_rates};
use crate::engine::gpu::plan::Planner;
use crate::error::Result;

/// Tensors that kernels read when a recording runs.
#[derive(Debug)]
pub(crate) struct Rates {
    penalty: Tensor,
    update: Tensor,
}

impl Rates {
    /// Unset ones.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        let [penalty, update] = allocate(gpu, Self::allocations())?.map(single);
        Ok(Self { penalty, update })
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

    /// Sets β and decay.
    pub fn set_penalty(&self, gpu: &Gpu, beta: f64, decay: f64) {
        self.penalty.write(gpu, &penalty_rates(beta, decay));
    }

    /// Sets the rates of an update.
    pub fn set_update(&self, gpu: &Gpu, update: &Update) {
        self.update.write(gpu, &rates_of(update));
    }
}

/// The rates of an update as its kernels take them.
pub(crate) fn rates_of(update: &Update) -> [f32; RATES] {
    match *update {
        Update::Sgd { lr, momentum } => sgd_rates(lr, momentum),
        Update::Adam { lr, step } => adam_rates(lr, step),
    }
}
