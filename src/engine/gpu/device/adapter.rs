//! Adapters: which there are, and which one a selector means.

use crate::engine::selector::Selector;
use crate::error::{Error, Result};

/// An adapter that the machine offers.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// wgpu's handle.
    pub handle: wgpu::Adapter,
    /// Name, type, backend, driver.
    pub info: wgpu::AdapterInfo,
}

impl Adapter {
    /// A software adapter such as lavapipe or WARP.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Workgroups of a product that keep it busy, by which tiles are chosen and sums over k split. A discrete GPU gets 1.5
    /// for each of the 132 processors of the largest at hand, an H100: with fewer, some of these have nothing to do for a
    /// part of the time. Integrated ones have some 8 to 16 processors: 32 give each of them two at once. What does not say
    /// what it is is taken for one of these, on which too many workgroups cost more than too few on a large one, since
    /// smaller tiles read the same numbers more often.
    ///
    /// It is no measurement and must not become one: the split of a sum and the number of partial sums of J are part of
    /// the last bits, which a run that is gone on with has to repeat.
    pub fn wanted_workgroups(&self) -> usize {
        match self.info.device_type {
            wgpu::DeviceType::DiscreteGpu => 200,
            wgpu::DeviceType::IntegratedGpu
            | wgpu::DeviceType::VirtualGpu
            | wgpu::DeviceType::Other
            | wgpu::DeviceType::Cpu => 32,
        }
    }

    /// Name, backend and driver for people.
    pub fn description(&self) -> String {
        let driver = [self.info.driver.as_str(), self.info.driver_info.as_str()].join(" ");
        match driver.trim() {
            "" => format!("{} ({})", self.info.name, self.info.backend),
            driver => format!("{} ({}, {driver})", self.info.name, self.info.backend),
        }
    }
}

/// All adapters of the native backends, or of those that `WGPU_BACKEND` names; `WGPU_ADAPTER_NAME` keeps only those
/// whose name contains it. Real GPUs first, software last.
pub fn adapters() -> Vec<Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    let backends = descriptor.backends;
    let instance = wgpu::Instance::new(descriptor);
    let wanted = std::env::var("WGPU_ADAPTER_NAME").unwrap_or_default().to_lowercase();
    let handles = pollster::block_on(instance.enumerate_adapters(backends));
    let mut adapters: Vec<Adapter> = handles
        .into_iter()
        .map(|handle| Adapter { info: handle.get_info(), handle })
        .filter(|adapter| adapter.info.name.to_lowercase().contains(&wanted))
        .collect();
    adapters.sort_by_key(|adapter| preference(adapter.info.device_type));
    adapters
}

/// wgpu's adapter that computes nothing, with WebGPU's default limits, or in a page with those of its own: recordings are made on it to be described.
///
/// # Errors
/// Where wgpu offers none.
pub fn inert() -> Result<Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::NOOP;
    descriptor.backend_options.noop.enable = true;
    descriptor.backend_options.noop.limits = Some(wgpu::Limits::default());
    let instance = wgpu::Instance::new(descriptor);
    let handle = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::NOOP)).into_iter().next();
    let handle = handle.ok_or_else(|| Error::device("wgpu offers no adapter that computes nothing"))?;
    Ok(Adapter { info: handle.get_info(), handle })
}

/// Smaller is taken first.
fn preference(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// The adapter that a selector means among `adapters`; `None` when `auto` finds no real GPU.
pub fn select(selector: &Selector, adapters: &[Adapter]) -> Result<Option<Adapter>> {
    let real = || adapters.iter().find(|adapter| !adapter.is_software());
    let found = match selector {
        Selector::Auto => return Ok(real().cloned()),
        Selector::Cpu | Selector::Reference => return Ok(None),
        Selector::Gpu(None) => real(),
        Selector::Gpu(Some(number)) => adapters.get(*number).filter(|adapter| !adapter.is_software()),
        Selector::Pci(place) => {
            adapters.iter().find(|adapter| adapter.info.device_pci_bus_id.eq_ignore_ascii_case(place))
        }
        Selector::Software => adapters.iter().find(|adapter| adapter.is_software()),
        Selector::Named(part) => {
            let part = part.to_lowercase();
            adapters.iter().find(|adapter| adapter.info.name.to_lowercase().contains(&part))
        }
    };
    match found {
        Some(adapter) => Ok(Some(adapter.clone())),
        None => Err(no_such_adapter(selector, adapters)),
    }
}

fn no_such_adapter(selector: &Selector, adapters: &[Adapter]) -> Error {
    let remedy = match selector {
        Selector::Software => {
            "install Mesa's lavapipe (Debian, Ubuntu: apt-get install mesa-vulkan-drivers) or use `device` cpu"
        }
        _ => {
            "use `device` cpu, or `device` software for a software adapter; `rhohat devices` lists what there is"
        }
    };
    let names: Vec<&str> = adapters.iter().map(|adapter| adapter.info.name.as_str()).collect();
    let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Error::device(format!("`device` {selector}: no such adapter (found: {found}); {remedy}"))
}
