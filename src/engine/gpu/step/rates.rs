//! What a first-order step sets before it runs: β and the decay of the moving average of ρ̂, learning rates and momenta.

use crate::engine::Update;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::ops::{RATES, adam_rates, sgd_rates};
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::LiveUniform;
use crate::error::Result;

/// A uniform a block for the penalty, a tensor for the rates of the optimiser.
#[derive(Debug)]
pub(crate) struct Rates {
    penalty: Vec<LiveUniform>,
    update: Tensor,
}

impl Rates {
    /// Unset ones for so many blocks.
    pub fn new(gpu: &Gpu, blocks: usize) -> Result<Self> {
        let penalty = (0..blocks).map(|_| LiveUniform::new::<kernel::PenaltyGradUniform>(gpu, "penalty"));
        Ok(Self { penalty: penalty.collect::<Result<_>>()?, update: Tensor::vector(gpu, "rates", RATES)? })
    }

    /// Names them in a plan.
    pub fn describe(&self, planner: &mut Planner) {
        planner.uniforms("penalty", &self.penalty);
        planner.tensors("rates", [&self.update]);
    }

    /// β and decay of each block.
    pub fn penalties(&self) -> &[LiveUniform] {
        &self.penalty
    }

    /// Rates of the optimiser.
    pub fn update(&self) -> &Tensor {
        &self.update
    }

    /// Sets β and decay, block by block.
    pub fn set_penalties(&self, gpu: &Gpu, penalties: impl Iterator<Item = kernel::PenaltyGradUniform>) {
        self.penalty.iter().zip(penalties).for_each(|(live, penalty)| live.set(gpu, &penalty));
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
