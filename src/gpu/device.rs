//! An opened device, whose errors come back as values and whose waits end.
//!
//! wgpu panics on uncaptured errors and tells of a lost device by callback alone; both end here in one slot that
//! every wait and every submission looks at.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_intrusive::channel::shared::oneshot_channel;

use super::adapter::Adapter;
use super::kernel::Pipelines;
use super::recording::Profile;
use super::variant::Variant;
use crate::error::{Error, Result};

/// A device that has ended no submission for this long counts as hung. Many may be under way: between two reports of a
/// training run nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at the device-lost flag.
const GLANCE: Duration = Duration::from_millis(20);

/// Optional features that are used where there are: subgroups by variants of kernels, the clock by `rhohat bench`.
const USED_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::TIMESTAMP_QUERY);

/// The first thing that went wrong outside any call.
#[derive(Clone, Default)]
struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    fn note(&self, text: String) {
        if let Ok(mut slot) = self.0.lock() {
            slot.get_or_insert(text);
        }
    }

    fn check(&self) -> Result<()> {
        match self.0.lock().ok().and_then(|slot| slot.clone()) {
            None => Ok(()),
            Some(text) => Err(Error::device(text)),
        }
    }
}

/// An opened device with its queue and compiled pipelines.
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
    pub(super) pipelines: Pipelines,
    pub(super) profile: Profile,
    variant: Cell<Variant>,
    trouble: Trouble,
    /// Submissions that have ended.
    ended: Arc<AtomicUsize>,
    waits: Cell<usize>,
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
                    "{} cannot be opened: {error}; try another --device",
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
            lost.note(format!("the device was lost ({reason:?}): {message}"));
        });
        let (pipelines, profile) = (Pipelines::default(), Profile::default());
        let variant = Cell::new(Variant::PLAIN);
        let (ended, waits) = (Arc::default(), Cell::new(0));
        let gpu = Self {
            device,
            queue,
            adapter,
            limits,
            features,
            pipelines,
            profile,
            variant,
            trouble,
            ended,
            waits,
        };
        gpu.variant.set(Variant::preselected(&gpu));
        Ok(gpu)
    }

    /// The kernels that recordings are made of from now on.
    pub fn variant(&self) -> Variant {
        self.variant.get()
    }

    /// Chooses them, if the adapter can run them.
    ///
    /// # Errors
    /// [`Error::Usage`] with what it can run.
    pub fn force(&self, variant: Variant) -> Result<()> {
        self.variant.set(variant.check(self)?);
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

    /// Most bytes of a buffer that is bound as a whole.
    pub fn binding_limit(&self) -> u64 {
        self.limits.max_buffer_size.min(self.limits.max_storage_buffer_binding_size)
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
                "out of device memory at {what}; lower --chunk, --batch or --hidden, or use --device cpu"
            ))),
            Some(error) => Err(Error::device(format!("the device refused {what}: {error}"))),
        }
    }

    /// Submits one command buffer. Does not wait.
    pub fn submit(&self, encoder: wgpu::CommandEncoder) -> Result<()> {
        self.queue.submit([encoder.finish()]);
        let ended = self.ended.clone();
        self.queue.on_submitted_work_done(move || {
            ended.fetch_add(1, Ordering::Relaxed);
        });
        self.check()
    }

    /// How often the host has waited for the device so far.
    pub fn waits(&self) -> usize {
        self.waits.get()
    }

    /// Reads `bytes` bytes of a buffer that was made with `MAP_READ`, after all work submitted so far.
    pub fn read(&self, staging: &wgpu::Buffer, bytes: u64) -> Result<Vec<f32>> {
        let slice = staging.slice(..bytes);
        let (sender, receiver) = oneshot_channel();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // The receiver is gone only when the wait was given up.
            let _ = sender.send(result);
        });
        match self.wait_for(receiver.receive())? {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.failure(&format!("reading results failed: {error}"))),
            None => return Err(self.failure("reading results failed: the request was dropped")),
        }
        let view =
            slice.get_mapped_range().map_err(|error| self.failure(&format!("mapping failed: {error}")))?;
        let values = bytemuck::pod_collect_to_vec(&view[..]);
        drop(view);
        staging.unmap();
        Ok(values)
    }

    /// Waits until all submitted work is done.
    pub fn finish(&self) -> Result<()> {
        let (sender, receiver) = oneshot_channel();
        self.queue.on_submitted_work_done(move || {
            let _ = sender.send(());
        });
        self.wait_for(receiver.receive()).map(|_| ())
    }

    /// Drives the device until `future` is ready. Never blocks on the future alone: a lost device may not answer.
    fn wait_for<F: Future>(&self, future: F) -> Result<F::Output> {
        let mut future = pin!(future);
        self.waits.set(self.waits.get() + 1);
        let mut last_sign = (self.ended.load(Ordering::Relaxed), Instant::now());
        loop {
            // A timeout is the normal case while work goes on; any other error shows in the flag.
            let _ = self.device.poll(wgpu::PollType::Wait { submission_index: None, timeout: Some(GLANCE) });
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Ok(value);
            }
            self.check()?;
            let ended = self.ended.load(Ordering::Relaxed);
            if ended != last_sign.0 {
                last_sign = (ended, Instant::now());
            }
            if last_sign.1.elapsed() > PATIENCE {
                return Err(Error::device(format!(
                    "{} has not answered for {} s; lower --batch or --chunk, or use another --device",
                    self.adapter.info.name,
                    PATIENCE.as_secs()
                )));
            }
        }
    }

    /// The recorded trouble if there is one, since it explains more than its consequence.
    fn failure(&self, consequence: &str) -> Error {
        self.check().err().unwrap_or_else(|| Error::device(consequence))
    }
}
