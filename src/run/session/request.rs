//! The request for a sitting.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Table;

use super::continued::Continued;
use super::kept::Kept;
use crate::data::{DataDescription, Opened, Preprocess, Source, Taken};
use crate::engine::gpu::tune::Tune;
#[cfg(feature = "files")]
use crate::engine::world::World;
use crate::error::Result;
use crate::io::clock::Moment;
use crate::run::DataRecord;

/// Where a run lies, and whether it begins or goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In memory alone: no file is written.
    #[default]
    Memory,
    /// A new directory `runs/<time>-<name>`.
    Dated,
    /// A new or empty directory.
    Out(PathBuf),
    /// A directory in which the run begins, goes on, or has its result, whichever is due.
    Run(PathBuf),
    /// A run that goes on from its newest checkpoint.
    Resume(PathBuf),
    /// The unfinished run in `runs/` that was begun last.
    Newest,
}

/// Data that are open already.
#[derive(Clone, Debug)]
pub struct OpenData {
    /// Where examples come from; `None` for the built-in pictures.
    pub source: Option<Arc<Source>>,
    /// The data as they were read.
    pub description: Arc<DataDescription>,
}

/// A run that has a model, which is judged by the examples that it has learned from.
#[derive(Clone, Debug)]
pub struct JudgedRun {
    /// The preprocessing of the model.
    pub preprocess: Option<Preprocess>,
    /// What the run has learned from; not known of a run of 0.1.0.
    pub record: Option<DataRecord>,
}

/// A training run, as it is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Settings by name; they win over those of `config` and of a run that goes on.
    pub settings: Table,
    /// A file of settings.
    pub config: Option<PathBuf>,
    /// The data, where they are open; else they are opened as the settings say.
    pub data: Option<OpenData>,
    /// Data of held-out examples, where they are open; else they are opened as the settings say.
    pub held_out: Option<OpenData>,
    /// The run in memory that this one goes on with.
    pub continued: Option<Continued>,
    /// What of the state after the last step is kept, for another run in memory to go on from.
    pub keeps: Option<Kept>,
    /// Where the run lies.
    pub place: Place,
    /// Whether a run goes on although its data are others now.
    pub data_changed: bool,
    /// Whether a run whose checkpoints cannot be used begins again.
    pub from_scratch: bool,
    /// Whether a run with a directory has a page there that reports on it.
    pub report: bool,
    /// Whether a run with a directory writes events for TensorBoard there; one that has some goes on writing them.
    pub tensorboard: bool,
    /// How the kernels of a WebGPU device are chosen.
    pub tune: Tune,
    /// The run whose model is judged by its examples; nothing is trained.
    pub judged: Option<JudgedRun>,
    /// The MPI job whose processes train one model, of which this one is the first.
    #[cfg(feature = "files")]
    pub world: Option<World>,
    /// A NumPy file for the examples after preprocessing.
    pub save_patches: Option<PathBuf>,
    /// When the start-up began that the summary tells.
    pub started: Moment,
}

impl Request {
    /// A run in memory under these settings, kernels chosen like this.
    pub fn new(settings: Table, tune: Tune) -> Self {
        Self {
            settings,
            config: None,
            data: None,
            held_out: None,
            continued: None,
            keeps: None,
            place: Place::Memory,
            data_changed: false,
            from_scratch: false,
            report: true,
            tensorboard: false,
            tune,
            judged: None,
            #[cfg(feature = "files")]
            world: None,
            save_patches: None,
            started: Moment::now(),
        }
    }

    /// Processes that train one model; 0 where this one is alone.
    pub(super) fn processes(&self) -> usize {
        #[cfg(feature = "files")]
        return self.world.as_ref().map_or(0, World::size);
        #[cfg(not(feature = "files"))]
        0
    }

    /// The directory in which a run is to begin, and the name of the setting that says so.
    pub(super) fn new_place(&self) -> Option<(&'static str, &Path)> {
        match &self.place {
            Place::Out(out) => Some(("`out`", out)),
            Place::Run(run) => Some(("`run`", run)),
            Place::Memory | Place::Dated | Place::Resume(_) | Place::Newest => None,
        }
    }
}

impl From<Opened> for OpenData {
    fn from(Opened { source, description }: Opened) -> Self {
        Self { source: Some(Arc::new(source)), description: Arc::new(description) }
    }
}

impl OpenData {
    /// Those of the rows or pictures that were asked for; the built-in pictures are always all.
    ///
    /// # Errors
    /// As [`Taken::of`].
    pub fn taking(self, taken: Taken) -> Result<Self> {
        let Self { source: Some(source), description } = self else { return Ok(self) };
        if taken == Taken::default() {
            return Ok(Self { source: Some(source), description });
        }
        let source = Arc::try_unwrap(source).unwrap_or_else(|source| source.shared());
        let opened = Opened { source, description: (*description).clone() };
        opened.taking(taken).map(Self::from)
    }

    /// The built-in pictures.
    pub fn built_in() -> Self {
        Self { source: None, description: Arc::new(DataDescription::built_in()) }
    }
}
