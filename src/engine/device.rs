//! The device that a selector means on this machine, and the engine that it opens.

use std::ops::Range;
use std::sync::Arc;

use crate::data::batches::ExampleSet;
use crate::engine::collective::{Ranks, Shards};
use crate::engine::cpu::network::NetworkCpu;
use crate::engine::cpu::{Cpu, ShardedCpu};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::device::adapter::{adapters, select};
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::network::NetworkGpu;
use crate::engine::gpu::sharded::ShardedGpu;
use crate::engine::gpu::tune::cache::Cache;
use crate::engine::gpu::tune::{self, Kernels, Tune, TuneMode, Workload};
use crate::engine::network::{Labelled, NetworkCut, NetworkEngine, NetworkObjective};
use crate::engine::reference::network::NetworkReference;
use crate::engine::reference::{Reference, ShardedReference};
pub use crate::engine::selector::Selector;
pub use crate::engine::setup::Setup;
use crate::engine::variant::Variant;
use crate::engine::{ChunkPlan, Engine, Job, Sharding};
use crate::error::{Error, Result};
use crate::io::memory::Footprint;
use crate::math::network::Network;
use crate::math::params::{Matrix, Params};

/// A selector that has been resolved against what the machine has.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The f64 reference.
    Reference,
    /// The CPU engine.
    Cpu,
    /// An opened WebGPU adapter.
    Gpu(Arc<Gpu>),
}

/// Parameters and examples, in the precision that the engine asks for.
pub trait ParamsAndExamples {
    /// For the CPU and GPU engines.
    fn single(&self) -> Result<(Params<f32>, ExampleSet)>;
    /// For the reference.
    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)>;
}

/// Parameters and examples in the precision of one engine.
#[derive(Debug)]
pub enum EngineStart {
    /// For the CPU and GPU engines.
    Single(Params<f32>, ExampleSet),
    /// For the reference.
    Double(Params<f64>, Matrix<f64>),
}

/// Parameters and examples at hand in single precision.
impl ParamsAndExamples for (Params<f32>, Matrix<f32>) {
    fn single(&self) -> Result<(Params<f32>, ExampleSet)> {
        Ok((self.0.clone(), self.1.clone().into()))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.0.cast(), self.1.cast()))
    }
}

impl Choice {
    /// Resolves `selector`; fails with what was found and the way out when there is no such adapter.
    pub fn resolve(selector: &Selector) -> Result<Self> {
        match selector {
            Selector::Reference => Ok(Self::Reference),
            Selector::Cpu => Ok(Self::Cpu),
            _ => match select(selector, &adapters())? {
                Some(adapter) => Ok(Self::Gpu(Arc::new(Gpu::open(adapter)?))),
                None => Ok(Self::Cpu),
            },
        }
    }

    /// The hardware, for people.
    pub fn adapter(&self) -> String {
        match self {
            Self::Reference => "f64 reference".to_owned(),
            Self::Cpu => crate::engine::cpu::processor(),
            Self::Gpu(gpu) => gpu.adapter.description(),
        }
    }

    /// Chooses the kernels of a WebGPU device.
    ///
    /// # Errors
    /// [`Error::Usage`] for another device, or one that cannot run them.
    pub fn force(&self, variant: Variant) -> Result<()> {
        match self {
            Self::Gpu(gpu) => gpu.force(variant),
            _ => Err(Error::usage(format!(
                "`force_variant` {variant}: {} is no WebGPU device; leave it out, or name one with `device`",
                self.adapter()
            ))),
        }
    }

    /// The kernels that [`Self::tune`] will choose for a workload unless a race finds others; `None` for devices that are no
    /// WebGPU devices.
    ///
    /// # Errors
    /// When the work does not fit the device.
    pub fn expected_kernels(&self, work: &Workload) -> Result<Option<Variant>> {
        match self {
            Self::Gpu(gpu) => tune::expected(gpu, work).map(Some),
            _ => Ok(None),
        }
    }

    /// Chooses the kernels of a WebGPU device for a workload, by the user's cache, by its kind or by a race; `None` for other
    /// devices.
    ///
    /// # Errors
    /// [`Error::Usage`] when a race is asked for on another device, else as [`tune::choose`].
    pub fn tune(&self, work: &Workload, how: Tune) -> Result<Option<Kernels>> {
        match self {
            Self::Gpu(gpu) => tune::choose(gpu, work, how, &Cache::of_user()).map(Some),
            _ if how.mode == TuneMode::Always => Err(Error::usage(format!(
                "`retune`: {} is no WebGPU device, there are no kernels to time; leave it out, or name one with `device`",
                self.adapter()
            ))),
            _ => Ok(None),
        }
    }

    /// The kernels of a WebGPU device.
    pub fn variant(&self) -> Option<Variant> {
        match self {
            Self::Gpu(gpu) => Some(gpu.variant()),
            _ => None,
        }
    }

    fn check_binding_limit(&self, limit: Option<u64>) -> Result<()> {
        match (self, limit) {
            (Self::Gpu(_), _) | (_, None) => Ok(()),
            (_, Some(limit)) => Err(Error::usage(format!(
                "`binding_limit` {limit}: {} is no WebGPU device; leave it out, or name one with `device`",
                self.adapter()
            ))),
        }
    }

    /// How the engine would cut a job, and what it would hold.
    ///
    /// # Errors
    /// When the job does not fit the bindings of a WebGPU device.
    pub fn footprint(&self, job: &Job) -> Result<(ChunkPlan, Footprint)> {
        self.check_binding_limit(job.cut.binding_limit)?;
        if job.sharding == Sharding::NONE {
            return match self {
                Self::Reference => Ok(crate::engine::reference::footprint(job)),
                Self::Cpu => Ok(crate::engine::cpu::memory::footprint(job)),
                Self::Gpu(gpu) => crate::engine::gpu::footprint::footprint(gpu, job),
            };
        }
        let Sharding { shards, here, .. } = job.sharding;
        // The last shards are the largest.
        let own = shards - job.sharding.share()..shards;
        let (plan, of_rank) = self.footprint_of_rank(job, &own)?;
        // The ranks of a process share the memory of the host.
        let ranks = if self.has_own_memory() { 1 } else { here as u64 };
        Ok((plan, of_rank.times(ranks)))
    }

    /// The same of the rank that has these shards, with Z3 on its way to the others and back. Where the memory is the host's, shards
    /// are taken to be as large as the largest.
    ///
    /// # Errors
    /// [`Error::Usage`] for more shards than hidden units, else as [`Choice::footprint`].
    pub fn footprint_of_rank(&self, job: &Job, own: &Range<usize>) -> Result<(ChunkPlan, Footprint)> {
        self.check_binding_limit(job.cut.binding_limit)?;
        if job.sharding == Sharding::NONE {
            return self.footprint(job);
        }
        let cut = Shards::new(job.shape.hidden, job.sharding.shards)?;
        match self {
            Self::Reference => Ok(crate::engine::reference::footprint_of_rank(job)),
            Self::Cpu => Ok(crate::engine::cpu::sharded_footprint(job)),
            Self::Gpu(gpu) => crate::engine::gpu::sharded::footprint::footprint(gpu, job, cut, own),
        }
    }

    /// Whether it is a software adapter.
    pub fn is_software(&self) -> bool {
        matches!(self, Self::Gpu(gpu) if gpu.adapter.is_software())
    }

    /// Whether it computes in other memory than the host's.
    pub fn has_own_memory(&self) -> bool {
        matches!(self, Self::Gpu(_)) && !self.is_software()
    }

    /// Sets up an engine for a classifier, which holds all labelled examples at once.
    ///
    /// # Errors
    /// [`Error::Usage`] for a network or examples that do not fit the device, else those of the device.
    pub fn open_network(
        &self,
        objective: NetworkObjective,
        network: &Network<f32>,
        data: &Arc<Labelled<f32>>,
    ) -> Result<Box<dyn NetworkEngine>> {
        Ok(match self {
            Self::Reference => Box::new(NetworkReference::new(objective, network.cast(), data.wide())),
            Self::Cpu => Box::new(NetworkCpu::new(objective, network.clone(), Arc::clone(data))),
            Self::Gpu(gpu) => {
                Box::new(NetworkGpu::new(gpu.clone(), objective, network, data, NetworkCut::default())?)
            }
        })
    }

    /// What an engine of this choice begins with.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn start(&self, start: &dyn ParamsAndExamples) -> Result<EngineStart> {
        Ok(match self {
            Self::Reference => {
                let (params, data) = start.double()?;
                EngineStart::Double(params, data)
            }
            Self::Cpu | Self::Gpu(_) => {
                let (params, examples) = start.single()?;
                EngineStart::Single(params, examples)
            }
        })
    }

    /// Sets up an engine. Engines of one choice share its device and its compiled kernels.
    ///
    /// # Errors
    /// [`Error::Usage`] for a binding limit on a device that binds nothing, else those of the engine.
    pub fn open(&self, setup: &Setup, start: &dyn ParamsAndExamples) -> Result<Box<dyn Engine>> {
        self.check_binding_limit(setup.cut.binding_limit)?;
        Ok(match (self, self.start(start)?) {
            (Self::Gpu(gpu), EngineStart::Single(params, examples)) => {
                Box::new(GpuEngine::new(gpu.clone(), setup, &params, examples)?)
            }
            (_, EngineStart::Single(params, examples)) => Box::new(Cpu::new(setup, params, examples)?),
            (_, EngineStart::Double(params, data)) => Box::new(Reference::new(setup, params, data)),
        })
    }

    /// The same for one of several ranks, which together hold the hidden units and are all given the same start. One shard on
    /// one rank is the engine of [`Choice::open`].
    ///
    /// # Errors
    /// [`Error::Usage`] for more shards than hidden units, and for WebGPU devices that differ; else as there.
    pub fn open_sharded(
        &self,
        setup: &Setup,
        ranks: Ranks,
        start: &dyn ParamsAndExamples,
    ) -> Result<Box<dyn Engine>> {
        if (ranks.shards(), ranks.size()) == (1, 1) {
            return self.open(setup, start);
        }
        self.open_share(setup, ranks, self.start(start)?)
    }

    /// The same for a start at hand, in the precision of this choice.
    ///
    /// # Errors
    /// As [`Choice::open_sharded`].
    pub fn open_share(&self, setup: &Setup, ranks: Ranks, start: EngineStart) -> Result<Box<dyn Engine>> {
        self.check_binding_limit(setup.cut.binding_limit)?;
        Ok(match (self, start) {
            (Self::Gpu(gpu), EngineStart::Single(params, examples)) => {
                Box::new(ShardedGpu::new(gpu.clone(), setup, ranks, &params, examples)?)
            }
            (_, EngineStart::Single(params, examples)) => {
                Box::new(ShardedCpu::new(setup, ranks, &params, examples)?)
            }
            (_, EngineStart::Double(params, data)) => {
                Box::new(ShardedReference::new(setup, ranks, &params, data)?)
            }
        })
    }
}
