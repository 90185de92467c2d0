//! The run directory: settings, environment, identity of the data, metrics, model and picture of one training run. It is
//! made once everything that can be refused has been accepted, and never overwritten.

mod resume;
mod unfinished;

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::identity::{Identity, Inputs, Inventory, of_file};
use crate::data::{Preprocess, Source};
use crate::engine::gpu::tune::Kernels;
use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::io::{atomic_write, date};
use crate::math::params::Matrix;
use crate::run::columns_file;
use crate::run::config::Config;
use crate::run::metrics::{LinesFile, MetricsFile};
use crate::run::model_file::ModelFile;
use crate::run::tensorboard::is_events;
pub use resume::{Changes, Divergence, Sitting};

/// The longest name of data in the name of a run, bytes: file systems take 255, some 143, of which others are needed.
const LONGEST_NAME: usize = 100;
/// Where runs go that name no directory of their own.
const RUNS: &str = "runs";
/// Files of a run.
const CONFIG: &str = "config.toml";
const DATA: &str = "data.json";
const ENVIRONMENT: &str = "env.json";
const SUMMARY: &str = "summary.json";
const SITTINGS: &str = "resumed.jsonl";
const DIVERGENCE: &str = "diverged.json";
/// Its course, a line a report.
pub const METRICS: &str = "metrics.jsonl";
/// The same as a table.
pub const TABLE: &str = "metrics.csv";
/// The model that a run comes to.
pub const MODEL: &str = "model.safetensors";
/// The fitted columns of its preprocessing, where it has some.
const PREPROCESS: &str = "preprocess.safetensors";
/// The picture of its features.
pub const FEATURES: &str = "features.png";
/// The page that reports on it.
pub const REPORT: &str = "report.html";
/// All files that a run reads or writes, never written but by training, and its folders; events for TensorBoard, which have
/// a number in their name, are made anew and never read.
const FILES: [&str; 12] = [
    CONFIG,
    DATA,
    ENVIRONMENT,
    SUMMARY,
    SITTINGS,
    DIVERGENCE,
    METRICS,
    TABLE,
    PREPROCESS,
    MODEL,
    FEATURES,
    REPORT,
];
const FOLDERS: [&str; 2] = ["checkpoints", "rejected"];

/// Whether a file belongs to a run, by its name.
pub fn is_file_of_run(name: &OsStr) -> bool {
    FILES.iter().any(|own| name == *own) || name.to_str().is_some_and(is_events)
}

/// What a run ran on; `env.json`.
#[derive(Debug, Serialize)]
pub struct Environment {
    /// Version of this crate.
    pub rhohat: &'static str,
    /// The selector that was asked for.
    pub device: String,
    /// The hardware that computed, with its driver.
    pub adapter: String,
    /// The kernels of a WebGPU device, and who chose them.
    pub kernels: Option<Kernels>,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Threads that the machine offers.
    pub threads: usize,
    /// The command line.
    pub argv: Vec<String>,
    /// UTC, `YYYY-MM-DDThh:mm:ssZ`.
    pub started: String,
}

impl Environment {
    /// This machine, now.
    pub fn here(device: String, adapter: String, kernels: Option<Kernels>) -> Self {
        Self {
            rhohat: env!("CARGO_PKG_VERSION"),
            device,
            adapter,
            kernels,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            started: date::now(),
        }
    }
}

/// What a run is to learn from; `data.json`. Like `config.toml` it says what the run is meant to be from now on; what it
/// has been until a checkpoint, the checkpoint says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecord {
    /// The data, and the model to start from.
    pub inputs: Inputs,
    /// The files that the data lie in; nothing where they are more than anybody reads.
    pub inventory: Inventory,
    /// The files of held-out data.
    #[serde(default, skip_serializing_if = "Inventory::is_empty")]
    pub held_out: Inventory,
    /// Steps of the checkpoint that is gone on from on these data, which it was not taken on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<usize>,
}

impl DataRecord {
    /// The record of `source`, of which `patches` were cut, and of the model that training starts from.
    ///
    /// # Errors
    /// When rows on disk or the model cannot be read.
    pub fn of(
        source: &Source,
        patches: Option<&Matrix<f64>>,
        config: &Config,
        init: Option<&ModelFile>,
    ) -> Result<Self> {
        let (data, inventory) = Identity::of(source, patches)?;
        let init = init.and(config.init.as_deref()).map(of_file).transpose()?;
        let inputs = Inputs { data, validation: None, init };
        let (inventory, held_out) = (inventory.if_few(), Inventory::default());
        Ok(Self { inputs, inventory, held_out, accepted_at: None })
    }

    /// The same with that of held-out data, of which `patches` were cut.
    ///
    /// # Errors
    /// When rows on disk cannot be read.
    pub fn holding_out(self, source: &Source, patches: Option<&Matrix<f64>>) -> Result<Self> {
        let (validation, held_out) = Identity::of(source, patches)?;
        let inputs = Inputs { validation: Some(validation), ..self.inputs };
        Ok(Self { inputs, held_out: held_out.if_few(), ..self })
    }
}

/// A run directory.
#[derive(Clone, Debug)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Refuses a place that is a file or holds anything, before there is work to lose; `setting` named it.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is not new or empty, [`Error::Io`] when it cannot be looked at.
    pub fn check((setting, out): (&str, &Path)) -> Result<()> {
        let refused = |what| {
            let remedy = "a run is never overwritten; choose a new or empty directory";
            Err(Error::usage(format!("{setting} {}: {what}; {remedy}", out.display())))
        };
        // A program that was killed before there was a run may have left a temporary file and empty metrics.
        let counts = |entry: &std::io::Result<fs::DirEntry>| !entry.as_ref().is_ok_and(is_left_over);
        match fs::read_dir(out).map(|entries| entries.filter(counts).count()) {
            Ok(0) => Ok(()),
            Ok(_) => refused("the directory is not empty"),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => refused("there is a file of that name"),
            Err(error) => Err(Error::io("open", out, error)),
        }
    }

    /// Makes `out`, which a setting named, or `runs/<time>-<name>` where there is none.
    ///
    /// # Errors
    /// As [`RunDir::check`], and [`Error::Io`] when it cannot be made.
    pub fn create(out: Option<(&str, &Path)>, name: &str) -> Result<Self> {
        match out {
            Some(out) => {
                Self::check(out)?;
                make_folder(out.1)?;
                Ok(Self(out.1.to_owned()))
            }
            None => Self::dated(name),
        }
    }

    /// A new directory under `runs`; several runs within a second are numbered.
    fn dated(name: &str) -> Result<Self> {
        make_folder(Path::new(RUNS))?;
        let stem = format!("{}-{name}", date::now().replace(['-', ':'], ""));
        let mut path = Path::new(RUNS).join(&stem);
        for number in 2.. {
            match fs::create_dir(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    path.set_file_name(format!("{stem}-{number}"));
                }
                made => {
                    made.map_err(|error| Error::io("make", &path, error))?;
                    sync(Path::new(RUNS))?;
                    return Ok(Self(path));
                }
            }
        }
        unreachable!("the numbers do not end")
    }

    /// The folder of a run whose files another module knows.
    pub(in crate::run) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the model goes.
    pub fn model(&self) -> PathBuf {
        self.0.join(MODEL)
    }

    /// Where the picture of the features goes.
    pub fn features(&self) -> PathBuf {
        self.0.join(FEATURES)
    }

    /// Where the report goes.
    pub fn report(&self) -> PathBuf {
        self.0.join(REPORT)
    }

    /// Where the metrics go.
    pub fn metrics(&self) -> PathBuf {
        self.0.join(METRICS)
    }

    /// Where the settings are.
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    /// Its files, each of which may have come from anybody.
    pub fn folder(&self) -> Folder {
        Folder::at(&self.0)
    }

    /// Writes `data.json`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write_data(&self, record: &DataRecord) -> Result<()> {
        self.folder().write(DATA, |out| Ok(serde_json::to_writer(out, record)?))
    }

    /// Writes the fitted columns of a preprocessing, where it has some.
    ///
    /// # Errors
    /// [`Error::Io`] when they cannot be written.
    pub fn write_columns(&self, preprocess: &Preprocess) -> Result<()> {
        match preprocess.transform() {
            Some(transform) => self.folder().write(PREPROCESS, |out| columns_file::write_to(out, transform)),
            None => Ok(()),
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// [`Error::Input`] where they are missing, damaged or others, [`Error::Io`] when they cannot be read.
    pub fn read_columns(&self, preprocess: &mut Preprocess) -> Result<()> {
        columns_file::load_from(preprocess, &self.folder(), PREPROCESS)
    }

    /// Writes `config.toml`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        let settings = config.to_toml();
        self.folder().write(CONFIG, |out| out.write_all(settings.as_bytes()))
    }

    /// Writes `config.toml`, `data.json` and `env.json`, and starts `metrics.jsonl`.
    ///
    /// # Errors
    /// [`Error::Io`] when one of them cannot be written.
    pub fn begin(
        &self,
        config: &Config,
        environment: &Environment,
        record: &DataRecord,
    ) -> Result<MetricsFile> {
        // Settings come last: with them there is a run that can be gone on with.
        let metrics = LinesFile::claim(&self.metrics())?;
        if self.folder().has(CONFIG)? {
            let fact = "another rhohat has begun a run there at the same time";
            let place = self.0.display();
            return Err(Error::usage(format!("`out` {place}: {fact}; choose a new or empty directory")));
        }
        self.folder().write(ENVIRONMENT, |out| Ok(serde_json::to_writer_pretty(out, environment)?))?;
        self.write_data(record)?;
        self.write_config(config)?;
        Ok(MetricsFile::new(&self.metrics(), metrics, config.objective()))
    }
}

/// The name of data as part of a directory's, as much of it as fits.
pub fn run_name(data: Option<&Path>) -> String {
    let stem = data.and_then(Path::file_stem).map(OsStr::to_string_lossy);
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let mut name = stem.map_or("dead-leaves".to_owned(), |stem| stem.chars().map(plain).collect());
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    name
}

/// Makes a folder and those that it lies in, each made to last: a name that was not synced may be gone after a power loss,
/// with all that lies behind it.
fn make_folder(path: &Path) -> Result<()> {
    let path = std::path::absolute(path).map_err(|error| Error::io("make", path, error))?;
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::io("make", folder, error));
            }
            _ => folder.parent().map_or(Ok(()), sync)?,
        }
    }
    // One that was there may have been made a moment ago.
    path.parent().map_or(Ok(()), sync)
}

fn sync(folder: &Path) -> Result<()> {
    match atomic_write::sync_folder(folder) {
        // A folder that may be entered and not read cannot be opened; its owner decides how it lasts.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        other => other.map_err(|error| Error::io("sync", folder, error)),
    }
}

/// Whether a killed program can have left it before its run had settings: those come last.
fn is_left_over(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let is_empty = || entry.metadata().is_ok_and(|file| file.is_file() && file.len() == 0);
    let has_settings = entry.path().with_file_name("config.toml").exists();
    !has_settings
        && match name.to_str() {
            Some("metrics.jsonl") => is_empty(),
            Some("env.json" | "data.json") => true,
            Some(name) => name.starts_with(atomic_write::TEMPORARY),
            None => false,
        }
}
