//! `rhohat devices`: adapters with their limits and features, which one `auto` takes and why, the texts of all kernels.

mod shaders;

use crate::engine::device::Selector;
use crate::engine::gpu::device::adapter::{Adapter, adapters, select};
use crate::verify::witness::Witness;
use indicatif::HumanBytes;
use serde::Serialize;

use crate::cli::args::DevicesArgs;
use crate::cli::output::print;

/// What the machine offers, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Offer {
    auto: String,
    why: &'static str,
    adapters: Vec<Described>,
}

/// One adapter.
#[derive(Debug, Serialize)]
struct Described {
    selector: String,
    name: String,
    kind: &'static str,
    backend: String,
    driver: String,
    /// Its place on the PCI bus, by which `--device pci:BUS` means it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pci: Option<String>,
    limits: Limits,
    features: Vec<&'static str>,
}

/// The limits that decide how work is cut.
#[derive(Debug, Serialize)]
struct Limits {
    binding_bytes: u64,
    buffer_bytes: u64,
    workgroup_memory_bytes: u64,
    workgroup_invocations: u32,
    workgroups_per_dimension: u32,
}

/// Lists the adapters and writes the shaders if asked.
pub fn run(args: &DevicesArgs) -> anyhow::Result<()> {
    if let Some(folder) = &args.shaders {
        shaders::write(folder)?;
        if let Some(size) = &args.plan {
            shaders::write_plan(folder, size.parse()?)?;
        }
        if args.witness {
            shaders::write_json(&folder.join("witness.json"), &Witness::new(0)?)?;
        }
    }
    let adapters = adapters();
    let (auto, why) = match select(&Selector::Auto, &adapters)? {
        Some(adapter) => (adapter.info.name, "the first real GPU"),
        None if adapters.is_empty() => ("cpu".to_owned(), "there is no adapter"),
        None => ("cpu".to_owned(), "software adapters are slower than the CPU engine"),
    };
    let adapters = adapters.iter().enumerate().map(|(number, adapter)| describe(number, adapter)).collect();
    print(args.json, &Offer { auto, why, adapters }, text)
}

fn describe(number: usize, adapter: &Adapter) -> Described {
    let limits = adapter.handle.limits();
    let features = adapter.handle.features();
    let of_interest = [
        ("timestamps", wgpu::Features::TIMESTAMP_QUERY),
        ("subgroups", wgpu::Features::SUBGROUP),
        ("f16", wgpu::Features::SHADER_F16),
        ("int64", wgpu::Features::SHADER_INT64),
    ];
    let info = &adapter.info;
    Described {
        selector: if adapter.is_software() { "software".to_owned() } else { format!("gpu:{number}") },
        name: info.name.clone(),
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "unknown kind",
        },
        backend: info.backend.to_string(),
        pci: Some(info.device_pci_bus_id.clone()).filter(|place| !place.is_empty()),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        limits: Limits {
            binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            workgroup_memory_bytes: limits.max_compute_workgroup_storage_size.into(),
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
        },
        features: of_interest.iter().filter(|(_, f)| features.contains(*f)).map(|(name, _)| *name).collect(),
    }
}

fn text(offer: &Offer) -> String {
    let mut lines: Vec<String> = offer.adapters.iter().map(Described::text).collect();
    lines.push("--device cpu        all cores, no adapter needed".to_owned());
    lines.push("--device reference  f64, slow, what everything is checked against".to_owned());
    lines.push(format!("--device auto       takes {}: {}", offer.auto, offer.why));
    lines.join("\n")
}

impl Described {
    fn text(&self) -> String {
        let Limits { binding_bytes, buffer_bytes, workgroup_memory_bytes, workgroup_invocations, .. } =
            self.limits;
        let features = if self.features.is_empty() { "none".to_owned() } else { self.features.join(", ") };
        format!(
            "--device {:<10} {}\n    {}, {}, {}{}\n    binds {}, buffers {}, workgroups of {} invocations with {}\n    \
             optional features: {features}",
            self.selector,
            self.name,
            self.kind,
            self.backend,
            self.driver,
            self.pci.as_ref().map_or_else(String::new, |place| format!(", pci:{place}")),
            HumanBytes(binding_bytes),
            HumanBytes(buffer_bytes),
            workgroup_invocations,
            HumanBytes(workgroup_memory_bytes),
        )
    }
}
