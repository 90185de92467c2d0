//! The uniforms of a first-order step: β and the decay of the moving average of ρ̂, learning rates and momenta.

use crate::engine::Update;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel;
use crate::engine::gpu::memory::segment::Segment;
use crate::engine::gpu::ops::{adam_uniform, sgd_uniform};
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::LiveUniform;
use crate::error::Result;

/// One uniform a block for each.
#[derive(Debug)]
pub(crate) struct Rates {
    penalty: Vec<LiveUniform>,
    sgd: Vec<LiveUniform>,
    adam: Vec<LiveUniform>,
}

impl Rates {
    /// Unset ones for so many blocks.
    pub fn new(gpu: &Gpu, blocks: usize) -> Result<Self> {
        let make = |name, new: fn(&Gpu, &str) -> Result<LiveUniform>| {
            (0..blocks).map(|_| new(gpu, name)).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            penalty: make("penalty", LiveUniform::new::<kernel::PenaltyGradUniform>)?,
            sgd: make("SGD rates", LiveUniform::new::<kernel::SgdUniform>)?,
            adam: make("Adam rates", LiveUniform::new::<kernel::AdamUniform>)?,
        })
    }

    /// Names them in a plan.
    pub fn describe(&self, planner: &mut Planner) {
        planner.uniforms("penalty", &self.penalty);
        planner.uniforms("sgd", &self.sgd);
        planner.uniforms("adam", &self.adam);
    }

    /// β and decay of each block.
    pub fn penalties(&self) -> &[LiveUniform] {
        &self.penalty
    }

    /// η and μ of block `k`.
    pub fn sgd(&self, k: usize) -> &LiveUniform {
        &self.sgd[k]
    }

    /// η and the bias corrections of block `k`.
    pub fn adam(&self, k: usize) -> &LiveUniform {
        &self.adam[k]
    }

    /// Sets β and decay, block by block.
    pub fn set_penalties(&self, gpu: &Gpu, penalties: impl Iterator<Item = kernel::PenaltyGradUniform>) {
        self.penalty.iter().zip(penalties).for_each(|(live, penalty)| live.set(gpu, &penalty));
    }

    /// Sets the rates of an update of `weights`.
    pub fn set_update(&self, gpu: &Gpu, weights: &[Segment], update: &Update) {
        for (k, segment) in weights.iter().enumerate() {
            let len = segment.whole.len();
            match *update {
                Update::Sgd { lr, momentum } => self.sgd[k].set(gpu, &sgd_uniform(len, lr, momentum)),
                Update::Adam { lr, step } => self.adam[k].set(gpu, &adam_uniform(len, lr, step)),
            }
        }
    }
}
