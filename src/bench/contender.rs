//! Who takes part: an engine on a device.

use std::sync::Arc;

use super::ladder::Size;
use super::results::DeviceRecord;
use super::row::{Row, What};
use crate::engine::device::{Choice, Selector, Setup};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::device::adapter::adapters;
use crate::engine::gpu::tune::{Tune, TuneMode, Workload};
use crate::engine::{Chunking, Engine};
use crate::error::{Error, Result};
use crate::math::objective::Objective;
use crate::math::params::{Matrix, Params};
use crate::math::random::Stream;
use crate::verify::kernels::check_candidate;

/// What stands for the kernels of an engine that has none to choose among.
pub const NO_CHOICE: &str = "default";

/// An engine on a device.
#[derive(Clone, Debug)]
pub struct Contender {
    /// The selector that opens it.
    pub device: String,
    /// The hardware with its driver.
    pub adapter: String,
    /// What runs on it.
    pub choice: Choice,
    /// How its kernels are chosen.
    pub tune: Tune,
}

impl Contender {
    fn new(device: String, choice: Choice) -> Self {
        let tune = Tune { mode: TuneMode::default(), check: check_candidate };
        let adapter = choice.adapter();
        Self { device, adapter, choice, tune }
    }

    /// Its adapter, if it is the WebGPU engine.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match &self.choice {
            Choice::Gpu(gpu) => Some(gpu),
            _ => None,
        }
    }

    /// Whether its kernels run on the processor.
    fn is_software(&self) -> bool {
        self.gpu().is_some_and(|gpu| gpu.adapter.is_software())
    }

    /// What results say of it.
    pub fn record(&self) -> DeviceRecord {
        DeviceRecord {
            device: self.device.clone(),
            engine: if self.gpu().is_some() { "gpu" } else { "cpu" }.to_owned(),
            adapter: self.adapter.clone(),
            software: self.is_software(),
        }
    }

    /// A row about it that holds nothing else yet.
    pub fn row(&self, what: What) -> Row {
        Row::of(what, &self.device)
    }

    /// Its engine on a problem, with the kernels that training would choose.
    ///
    /// # Errors
    /// When the device refuses or the memory does not suffice.
    pub fn open(&self, problem: &Problem) -> Result<Box<dyn Engine>> {
        self.tune(&problem.start)?;
        let setup = Setup { objective: problem.objective, ..Setup::default() };
        self.choice.open(&setup, &problem.start)
    }

    /// Chooses the kernels for parameters and examples as training would. The CPU engine has none to choose among, and
    /// takes part whatever is asked of others.
    ///
    /// # Errors
    /// Those of the choice.
    pub fn tune(&self, (params, data): &(Params<f32>, Matrix<f32>)) -> Result<()> {
        if self.gpu().is_some() {
            let (shape, examples) = (params.shape, data.rows);
            let work = Workload { shape, examples, batch: None, cut: Chunking::default() };
            self.choice.tune(&work, self.tune)?;
        }
        Ok(())
    }

    /// The kernels that its engine was opened with last.
    pub fn kernels(&self) -> String {
        self.choice.variant().map_or(NO_CHOICE.to_owned(), |variant| variant.to_string())
    }
}

/// What a step is timed and validated on.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Its shape.
    pub size: Size,
    /// What is minimised.
    pub objective: Objective,
    /// Parameters as training starts with them, and examples in [0.1, 0.9].
    pub start: (Params<f32>, Matrix<f32>),
}

impl Problem {
    /// Seeded numbers of a shape.
    pub fn new(size: Size, objective: Objective, seed: u64) -> Self {
        let mut stream = Stream::new(seed, "bench examples");
        let values = (0..size.m * size.n).map(|_| (0.1 + 0.8 * stream.unit()) as f32).collect();
        let start = (Params::random(size.units(), seed), Matrix::new(size.m, size.n, values));
        Self { size, objective, start }
    }
}

/// Those that were asked for, else the CPU engine and the best adapter that there is, a software adapter included.
///
/// # Errors
/// [`Error::Usage`] for the reference or a repetition, [`Error::Device`] for an adapter that is not there.
pub fn contenders(devices: &[String]) -> Result<Vec<Contender>> {
    if let Some((_, twice)) = devices.iter().enumerate().find(|(i, device)| devices[..*i].contains(device)) {
        return Err(Error::usage(format!("`device` {twice} is given twice; name different devices")));
    }
    if !devices.is_empty() {
        return devices.iter().map(|device| asked_for(device)).collect();
    }
    let mut all = vec![Contender::new("cpu".to_owned(), Choice::Cpu)];
    match adapters().into_iter().next() {
        Some(adapter) => {
            let device = if adapter.is_software() { "software" } else { "gpu:0" };
            all.push(Contender::new(device.to_owned(), Choice::Gpu(Arc::new(Gpu::open(adapter)?))));
        }
        None => tracing::warn!(
            "there is no WebGPU adapter: the CPU engine is measured alone; for a software adapter install Mesa's \
             lavapipe (Debian, Ubuntu: apt-get install mesa-vulkan-drivers)"
        ),
    }
    Ok(all)
}

fn asked_for(device: &str) -> Result<Contender> {
    let selector = device.parse()?;
    if selector == Selector::Reference {
        return Err(Error::usage(
            "`device` reference: it is what the others are checked against and never made fast; time cpu, gpu or \
             software",
        ));
    }
    Ok(Contender::new(device.to_owned(), Choice::resolve(&selector)?))
}
