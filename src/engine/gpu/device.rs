//! An opened device, whose errors come back as values.
//!
//! wgpu panics on uncaptured errors and tells of a lost device by callback alone; both end here in one slot that
//! every wait and every submission (`queue.rs`) looks at.

pub mod adapter;
mod profile;
mod queue;
mod sentinel;
mod submissions;
pub mod throttle;

use std::fmt;
use std::sync::{Arc, Mutex};

use super::kernel::{Pipelines, TEXTURE_WIDTH};
use super::recording::RangeTable;
use crate::engine::variant::Memory;
use crate::engine::variant::Variant;
use crate::error::{Error, Result};
use crate::io::lock::locked;
use adapter::Adapter;
use profile::Profile;
use submissions::Submissions;

/// Optional features that are used where there are: subgroups by variants of kernels, the clock by `rhohat bench`.
const USED_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::TIMESTAMP_QUERY);

/// The first thing that went wrong outside any call.
#[derive(Clone, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    pub fn note(&self, text: String) {
        locked(&self.0).get_or_insert(text);
    }

    fn check(&self) -> Result<()> {
        match locked(&self.0).clone() {
            None => Ok(()),
            Some(text) => Err(Error::device(text)),
        }
    }
}

/// An opened device with its queue and compiled pipelines. Threads may share it: one at a time submits or reads back.
pub struct Gpu {
    /// wgpu's device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// The adapter it was opened on.
    pub adapter: Adapter,
    /// The adapter's limits, all of which were asked for.
    pub limits: wgpu::Limits,
    /// The optional features that it has and that are used here.
    pub features: wgpu::Features,
    pub(crate) pipelines: Pipelines,
    pub(crate) profile: Profile,
    forced: Mutex<Option<Variant>>,
    pub(crate) ranges: RangeTable,
    pub(crate) submissions: Mutex<Submissions>,
    pub(crate) trouble: Trouble,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.adapter.info.name).finish_non_exhaustive()
    }
}

impl Gpu {
    /// Opens `adapter` with all its limits and the optional features that are used here.
    pub fn open(adapter: Adapter) -> Result<Self> {
        let limits = adapter.handle.limits();
        let features = adapter.handle.features() & USED_FEATURES;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("rhohat"),
            required_features: features,
            required_limits: limits.clone(),
            experimental_features: wgpu::ExperimentalFeatures::disabled(),
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        };
        let (device, queue) =
            pollster::block_on(adapter.handle.request_device(&descriptor)).map_err(|error| {
                Error::device(format!(
                    "{} cannot be opened: {error}; try another `device`",
                    adapter.info.name
                ))
            })?;

        let trouble = Trouble::default();
        let uncaptured = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            uncaptured.note(format!("the device refused work: {error}"))
        }));
        let lost = trouble.clone();
        device.set_device_lost_callback(move |reason, message| {
            lost.note(format!(
                "the device was lost ({reason:?}) {message}; lower `chunk` or `block` if it was busy for long, or use another `device`"
            ));
        });
        let (pipelines, profile) = (Pipelines::default(), Profile::default());
        let ranges = RangeTable::new(&device, &queue);
        let submissions = Mutex::new(Submissions::new(&device, &queue));
        Ok(Self {
            device,
            queue,
            adapter,
            limits,
            features,
            pipelines,
            profile,
            forced: Mutex::new(None),
            ranges,
            submissions,
            trouble,
        })
    }

    /// Another device on the same adapter, with the same choice of kernels.
    pub fn another(&self) -> Result<Self> {
        let other = Self::open(self.adapter.clone())?;
        self.forced().map_or(Ok(()), |variant| other.force(variant))?;
        Ok(other)
    }

    /// The kernels that recordings are made of from now on: those of the adapter's kind until others are chosen.
    pub fn variant(&self) -> Variant {
        self.forced().unwrap_or_else(|| Variant::preselected(self, None))
    }

    /// Those that were chosen by [`Self::force`].
    pub fn forced(&self) -> Option<Variant> {
        *locked(&self.forced)
    }

    /// Chooses them, if the adapter can run them.
    ///
    /// # Errors
    /// [`Error::Usage`] with what it can run.
    pub fn force(&self, variant: Variant) -> Result<()> {
        let checked = variant.check(self)?;
        *locked(&self.forced) = Some(checked);
        Ok(())
    }

    /// Whether its subgroups hold at least eight invocations.
    pub fn has_subgroups(&self) -> bool {
        self.features.contains(wgpu::Features::SUBGROUP) && self.adapter.info.subgroup_min_size >= 8
    }

    /// Whether compute shaders read textures of four f32.
    pub fn has_textures(&self) -> bool {
        let format = self.adapter.handle.get_texture_format_features(wgpu::TextureFormat::Rgba32Float);
        format.flags.contains(wgpu::TextureFormatFeatureFlags::STORAGE_READ_ONLY)
    }

    /// Most bytes of a buffer that is bound as a whole, and that a texture takes where kernels read textures.
    pub fn binding_limit(&self) -> u64 {
        let most = self.limits.max_buffer_size.min(self.limits.max_storage_buffer_binding_size);
        match self.variant().memory {
            Memory::Buffers => most,
            Memory::Textures => most.min(texture_bytes(&self.limits)),
        }
    }

    /// Fails if the device was lost or refused something since it was opened.
    pub fn check(&self) -> Result<()> {
        self.trouble.check()
    }

    /// Runs `create`, which makes buffers or pipelines, and turns whatever the device objects to into an error that
    /// names `what`.
    pub fn scoped<T>(&self, what: &str, create: impl FnOnce() -> T) -> Result<T> {
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = create();
        let errors = [validation, memory, internal].map(|scope| pollster::block_on(scope.pop()));
        match errors.into_iter().flatten().next() {
            None => self.check().map(|()| made),
            Some(wgpu::Error::OutOfMemory { .. }) => Err(Error::device(format!(
                "out of device memory at {what}; lower `chunk`, `batch` or `hidden`, or use `device` cpu"
            ))),
            Some(error) => Err(Error::device(format!("the device refused {what}: {error}"))),
        }
    }
}

/// Most bytes of a buffer that a texture takes, which has a row more where their number is a power of two.
fn texture_bytes(limits: &wgpu::Limits) -> u64 {
    16 * TEXTURE_WIDTH as u64 * u64::from(limits.max_texture_dimension_2d - 1)
}
