//! The place of the WebGPU engine in a build without the feature `gpu`: no adapter is found, and there is no device.

pub mod device {
    //! Devices that cannot be.

    use std::convert::Infallible;

    use crate::engine::variant::Variant;
    use crate::error::Result;

    /// A device that cannot be.
    #[derive(Debug)]
    pub struct Gpu {
        /// Its adapter.
        pub adapter: adapter::Adapter,
    }

    impl Gpu {
        /// Opens it.
        pub fn open(adapter: adapter::Adapter) -> Result<Self> {
            adapter.never()
        }

        /// Chooses its kernels.
        pub fn force(&self, _variant: Variant) -> Result<()> {
            self.adapter.never()
        }

        /// Its kernels.
        pub fn variant(&self) -> Variant {
            self.adapter.never()
        }
    }

    pub mod adapter {
        //! Adapters that cannot be.

        use super::Infallible;
        use crate::engine::selector::Selector;
        use crate::error::{Error, Result};

        /// An adapter that cannot be.
        #[derive(Clone, Debug)]
        pub struct Adapter(Infallible);

        impl Adapter {
            pub(in crate::engine) fn never(&self) -> ! {
                match self.0 {}
            }

            /// Whether it is a software adapter.
            pub fn is_software(&self) -> bool {
                self.never()
            }

            /// Name, backend and driver.
            pub fn description(&self) -> String {
                self.never()
            }
        }

        /// None.
        pub fn adapters() -> Vec<Adapter> {
            Vec::new()
        }

        /// `None` where the CPU will do.
        ///
        /// # Errors
        /// [`Error::Device`] where an adapter is asked for.
        pub fn select(selector: &Selector, _adapters: &[Adapter]) -> Result<Option<Adapter>> {
            match selector {
                Selector::Auto | Selector::Cpu | Selector::Reference => Ok(None),
                other => Err(Error::device(format!(
                    "device {other}: this program was built without the feature gpu; build it with, or take cpu"
                ))),
            }
        }
    }
}

pub mod engine {
    //! The engine that cannot be.

    use std::sync::Arc;

    use super::device::Gpu;
    use crate::data::batches::ExampleSet;
    use crate::engine::cpu::Cpu;
    use crate::engine::setup::Setup;
    use crate::error::Result;
    use crate::math::params::Params;

    /// Has no device to open an engine on.
    #[derive(Debug)]
    pub struct GpuEngine;

    impl GpuEngine {
        /// Never called: there is no device.
        #[allow(clippy::new_ret_no_self, reason = "there is no engine to return, and any will do")]
        pub fn new(gpu: Arc<Gpu>, _: &Setup, _: &Params<f32>, _: ExampleSet) -> Result<Cpu> {
            gpu.adapter.never()
        }
    }
}

pub mod sharded {
    //! The sharded engine that cannot be.

    use std::sync::Arc;

    use super::device::Gpu;
    use crate::data::batches::ExampleSet;
    use crate::engine::collective::Ranks;
    use crate::engine::cpu::ShardedCpu;
    use crate::engine::setup::Setup;
    use crate::error::Result;
    use crate::math::params::Params;

    /// Has no device to open an engine on.
    #[derive(Debug)]
    pub struct ShardedGpu;

    impl ShardedGpu {
        /// Never called: there is no device.
        #[allow(clippy::new_ret_no_self, reason = "there is no engine to return, and any will do")]
        pub fn new(gpu: Arc<Gpu>, _: &Setup, _: Ranks, _: &Params<f32>, _: ExampleSet) -> Result<ShardedCpu> {
            gpu.adapter.never()
        }
    }

    pub mod footprint {
        //! The memory of a sharded engine that cannot be.

        use std::ops::Range;

        use super::{Gpu, Result};
        use crate::engine::collective::Shards;
        use crate::engine::{ChunkPlan, Job};
        use crate::io::memory::Footprint;

        /// Never called: there is no device.
        pub fn footprint(gpu: &Gpu, _: &Job, _: Shards, _: &Range<usize>) -> Result<(ChunkPlan, Footprint)> {
            gpu.adapter.never()
        }
    }
}

pub mod network {
    //! The engine for classifiers that cannot be.

    use std::sync::Arc;

    use super::device::Gpu;
    use crate::engine::cpu::network::NetworkCpu;
    use crate::engine::network::{Labelled, NetworkCut, NetworkObjective};
    use crate::error::Result;
    use crate::math::network::Network;

    /// Has no device to open an engine on.
    #[derive(Debug)]
    pub struct NetworkGpu;

    impl NetworkGpu {
        /// Never called: there is no device.
        #[allow(clippy::new_ret_no_self, reason = "there is no engine to return, and any will do")]
        pub fn new(
            gpu: Arc<Gpu>,
            _: NetworkObjective,
            _: &Network<f32>,
            _: &Labelled<f32>,
            _: NetworkCut,
        ) -> Result<NetworkCpu> {
            gpu.adapter.never()
        }
    }
}

pub mod footprint {
    //! The memory of an engine that cannot be.

    use super::device::Gpu;
    use crate::engine::{ChunkPlan, Job};
    use crate::error::Result;
    use crate::io::memory::Footprint;

    /// Never called: there is no device.
    pub fn footprint(gpu: &Gpu, _: &Job) -> Result<(ChunkPlan, Footprint)> {
        gpu.adapter.never()
    }
}

pub mod tune {
    //! The choice among kernels that are not there.

    use super::device::Gpu;
    use crate::engine::variant::Variant;
    pub use crate::engine::variant::{Kernels, Origin, TuneMode, Workload};
    use crate::error::Result;

    /// How kernels are chosen.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Tune {
        /// Whether they are timed.
        pub mode: TuneMode,
    }

    /// Never called: there is no device.
    pub fn expected(gpu: &Gpu, _: &Workload) -> Result<Variant> {
        gpu.adapter.never()
    }

    /// Never called: there is no device.
    pub fn choose(gpu: &Gpu, _: &Workload, _: Tune, _: &cache::Cache) -> Result<Kernels> {
        gpu.adapter.never()
    }

    pub mod cache {
        //! The memory of checks and races that are not run.

        /// Knows nothing.
        #[derive(Debug)]
        pub struct Cache;

        impl Cache {
            /// Of every user.
            pub fn of_user() -> Self {
                Self
            }
        }
    }
}
