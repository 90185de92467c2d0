//! From a request to settings, data, device and memory plan: all that can be refused before examples are made.

use std::path::Path;
use std::sync::Arc;

use super::device::Device;
use super::observer::ProgressObserver;
use super::resume::{Resumed, Target, open as open_run};
use super::{Request, begun};
use crate::data::{DataDescription, Opened, Reading, Source};
use crate::error::{Error, Result};
use crate::io::paths::{PathText, Paths};
use crate::run::RunDir;
use crate::run::config::{Config, ConfigContext, HeldOut, MemoryPlan, SourceKind, UserSettings, Written};
use crate::run::data_log::{self, FOREIGN};
use crate::run::model_file::ModelFile;
use crate::run::session::request::OpenData;
use crate::run::summary::Summary;

/// The result of a request, or the run that it asks for.
pub enum Outset {
    /// A run with nothing left to do, and its result.
    Finished(Box<Summary>),
    /// A run to be trained.
    Prepared(Box<Prepared>),
}

/// A run whose settings, data, device and memory have been accepted; nothing has been written yet.
pub struct Prepared {
    pub(super) request: Request,
    pub(super) config: Config,
    pub(super) plan: MemoryPlan,
    pub(super) device: Device,
    pub(super) source: Option<Arc<Source>>,
    /// Held-out data of their own.
    pub(super) held_out: Option<Source>,
    pub(super) init: Option<ModelFile>,
    pub(super) resumed: Option<Resumed>,
    /// The description of the data, as JSON.
    pub(super) data: serde_json::Value,
}

impl Request {
    /// Settles everything that can be refused before anything large is read.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that contradict each other or do not fit the data or the memory, [`Error::Input`] for
    /// files that are not what they should be, [`Error::Device`] where there is no such device.
    pub fn prepare(self, observer: &mut dyn ProgressObserver) -> Result<Outset> {
        let forces_variant = self.settings.contains_key("force_variant");
        let request = begun::as_due(self)?;
        let resumed = match open_run(&request, observer)? {
            Some(Target::Finished(summary)) => return Ok(Outset::Finished(summary)),
            Some(Target::Unfinished(resumed)) => Some(*resumed),
            None => None,
        };
        let prepared = Prepared::new(request, forces_variant, resumed, observer)?;
        Ok(Outset::Prepared(Box::new(prepared)))
    }
}

impl Prepared {
    fn new(
        mut request: Request,
        forces_variant: bool,
        resumed: Option<Resumed>,
        observer: &mut dyn ProgressObserver,
    ) -> Result<Self> {
        let file = resumed.as_ref().map(Resumed::config).or_else(|| request.config.clone());
        let given = UserSettings::new(file.as_deref(), request.settings.clone())?;
        request.new_place().map(RunDir::check).transpose()?;
        let init = match given.get::<PathText>("init")? {
            // What has been learned since is in the checkpoint.
            Some(path) if resumed.as_ref().is_some_and(Resumed::has_outgrown_init) && !path.exists() => None,
            path => path.as_deref().map(open_init).transpose()?,
        };
        if let Some(resumed) = &resumed {
            resumed.admit(&given, &request.settings)?;
        }
        let (data, start) = (given.get::<Paths>("data")?, given.get::<PathText>("init")?);
        let validation = given.get::<HeldOut>("validation")?;
        let judge = validation.as_ref().and_then(HeldOut::data);
        let of_data = data.iter().chain(judge).flat_map(Paths::iter).map(|path| &**path);
        let read: Vec<&Path> = of_data.chain(start.as_deref()).chain(file.as_deref()).collect();
        observer.reads(&read)?;
        let open = match request.data.take() {
            Some(open) => open,
            None => open_data(&given, data.as_ref(), resumed.is_some())?,
        };
        let OpenData { source, description } = open.taking(given.taken()?)?;
        let held_out = match request.held_out.take() {
            Some(open) => Some(open),
            None => judge.map(|judge| open_held_out(&given, judge, resumed.is_some())).transpose()?,
        };
        let held_out_line = held_out.as_ref().map(|open| Arc::clone(&open.description));
        let seed = given.get("seed")?.unwrap_or_default();
        let held_out = held_out.map(|open| match open.source {
            Some(source) => Arc::try_unwrap(source).unwrap_or_else(|source| source.shared()),
            None => Source::built_in(seed),
        });
        let kind = SourceKind::of(source.as_deref());
        let is_of_010 = resumed.as_ref().is_some_and(Resumed::is_of_010);
        let given = if is_of_010 { given.begun_by_010() } else { given };
        let given = if resumed.is_some() { given.gone_on_with() } else { given.over_data(kind) };
        let facts = ConfigContext {
            kind,
            held_out: held_out.as_ref().map(|held_out| SourceKind::of(Some(held_out))),
            init: init.as_ref(),
            processes: request.processes(),
            scale: description.usual_scale(),
            scale_of_pixels: description.scale_of_pixels(),
        };
        let config = Config::resolve(&given, &facts)?;
        let config = match &request.continued {
            Some(continued) => continued.settle(config)?,
            None => config,
        };
        if let Some(resumed) = &resumed {
            resumed.admit_all(&config, &given, &request.settings)?;
        }
        let device = Device::open(&config, request.tune, forces_variant)?;
        let (config, plan) = config.plan_memory(kind, &device.choice)?;
        let plan = plan.with_pictures(&config, (source.as_deref(), held_out.as_ref()), &device.choice)?;
        log(&description, &config, &given, init.as_ref());
        if let Some(held_out) = held_out_line {
            tracing::info!("held out: {}", held_out.line(config.scale()));
        }
        let mut data = description.json(config.scale());
        data["line"] = description.line(config.scale()).into();
        Ok(Self { request, config, plan, device, source, held_out, init, resumed, data })
    }

    /// The memory that the run will take.
    pub fn plan(&self) -> &MemoryPlan {
        &self.plan
    }

    /// The description of the data, as JSON.
    pub fn data(&self) -> &serde_json::Value {
        &self.data
    }
}

fn open_data(given: &UserSettings, data: Option<&Paths>, resumed: bool) -> Result<OpenData> {
    let reading = given.reading()?;
    let open = |data: &Paths| {
        let paths: Vec<&PathText> = data.iter().collect();
        Opened::all(&paths, &reading).map_err(|why| elsewhere(why, resumed))
    };
    Ok(data.map(open).transpose()?.map_or_else(OpenData::built_in, OpenData::from))
}

/// Held-out data are read as those that are learned from; in a file there are no folders to search.
fn open_held_out(given: &UserSettings, data: &Paths, resumed: bool) -> Result<OpenData> {
    let reading = given.reading()?;
    let recursive = reading.recursive && data.iter().all(|path| path.is_dir());
    // Labels and classes are those of the rows that are learned from.
    let reading = Reading { recursive, labels: None, classes: None, ..reading };
    let paths: Vec<&PathText> = data.iter().collect();
    let opened = Opened::all(&paths, &reading).map_err(|why| match why {
        Error::Input { path, reason } if resumed && !path.exists() => {
            Error::input(path, reason + "; say where it is now with `validation`")
        }
        other => other,
    });
    opened.map(OpenData::from)
}

/// Data that are not where they were may be somewhere else.
fn elsewhere(why: Error, resumed: bool) -> Error {
    match why {
        Error::Input { path, reason } if resumed && !path.exists() => {
            Error::Input { path, reason: reason + "; give where it is now: rhohat train DATA --resume RUN" }
        }
        other => other,
    }
}

fn open_init(path: &Path) -> Result<ModelFile> {
    let file = ModelFile::open(path)?;
    if file.meta().is_none() {
        tracing::info!("{}: no rhohat metadata; {FOREIGN}", path.display());
    }
    Ok(file)
}

/// Logs how the data were read.
fn log(data: &DataDescription, config: &Config, given: &UserSettings, init: Option<&ModelFile>) {
    data_log::log(data, config.scale(), init.map(|file| file.shape().visible));
    if given.written() == Written::Of010 {
        data_log::log_scale_of_010(data, config.scale());
    }
}
