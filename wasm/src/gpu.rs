//! What a host on WebGPU asks for: a plan for the run that has begun, the actions of its steps, and the checks of `rhohat verify`.

mod checks;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;

use rhohat::Result;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::device::adapter::inert;
use rhohat::engine::gpu::kernel::{ALL, Host};
use rhohat::engine::gpu::plan::Plan;
use serde::Deserialize;

pub use checks::Checks;
pub use run::GpuRun;

use crate::request::refused;

/// The adapter of the page, as the host found it.
#[derive(Deserialize)]
struct Adapter {
    name: String,
    software: bool,
    limits: AdapterLimits,
}

/// Limits of WebGPU that kernels and tensors meet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdapterLimits {
    max_buffer_size: u64,
    max_storage_buffer_binding_size: u64,
    min_uniform_buffer_offset_alignment: u32,
    max_compute_workgroup_storage_size: u32,
    max_compute_invocations_per_workgroup: u32,
}

/// Says what the adapter is.
///
/// # Errors
/// For what is no description of one.
pub fn describe(bytes: &[u8]) -> Result<Vec<u8>> {
    let adapter: Adapter =
        serde_json::from_slice(bytes).map_err(|error| refused(format!("no adapter: {error}")))?;
    let limits = wgpu::Limits {
        max_buffer_size: adapter.limits.max_buffer_size,
        max_storage_buffer_binding_size: adapter.limits.max_storage_buffer_binding_size,
        min_uniform_buffer_offset_alignment: adapter.limits.min_uniform_buffer_offset_alignment,
        max_compute_workgroup_storage_size: adapter.limits.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: adapter.limits.max_compute_invocations_per_workgroup,
        ..wgpu::Limits::default()
    };
    wgpu::describe(wgpu::Described { name: adapter.name, is_software: adapter.software, limits });
    Ok(Vec::new())
}

/// The adapter that was described, as a device that computes nothing.
fn device() -> Result<Arc<Gpu>> {
    Gpu::open(inert()?).map(Arc::new)
}

/// Name and text of the kernels of a plan, as its adapter takes them.
fn texts(gpu: &Gpu, plan: &Plan) -> BTreeMap<&'static str, String> {
    let dispatches = plan.recordings.values().flatten();
    let names: std::collections::BTreeSet<_> = dispatches.map(|dispatch| dispatch.kernel).collect();
    let used = ALL.iter().filter(|kernel| names.contains(kernel.name));
    used.map(|kernel| (kernel.name, kernel.text(Host::of(gpu)))).collect()
}
