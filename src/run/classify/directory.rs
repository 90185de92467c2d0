//! The directory of a classifier's run: settings, what it learns from, the softmax layer, checkpoints and the result. The same
//! request begins it, goes on with it, or finds its result.
//!
//! ```text
//! RUN/classify.toml         settings, and under [inputs] what was given to learn from; with it there is a run
//! RUN/data.json             hashes of the examples, labels and encoders
//! RUN/env.json              the machine and the command line
//! RUN/before.safetensors    the classifier before it is fine-tuned, and before.json what is known of it
//! RUN/metrics.jsonl         a line a report of fine-tuning; locked while a program trains the run
//! RUN/checkpoints/          as those of an autoencoder's run
//! RUN/model.safetensors     the classifier, confusion.svg and confusion.csv its confusion matrix, summary.json the result,
//!                           report.html the page
//! ```

mod resume;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::confusion_picture;
use super::file::write_to;
use super::fine_tune::Keeper;
use super::meta::ClassifierMeta;
use super::page::ClassifierPage;
use super::settings::ClassifySettings;
use super::sitting::{Finished, Sitting, Start};
use super::summary::{ClassifierFiles, ClassifierSummary};
use super::units;
use crate::data::identity::of_file;
use crate::engine::State;
use crate::engine::network::NetworkEngine;
use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::math::network::NetworkShape;
use crate::run::checkpoint::fail_point::reach;
use crate::run::checkpoint::{Checkpoint, CheckpointWriter, Checkpoints};
use crate::run::metrics::LinesFile;
use crate::run::picture::form_of;
use crate::run::report::history::History;
use crate::run::session::Place;
use crate::run::{Environment, METRICS, MODEL, REPORT, RunDir, run_name};
use crate::train::{Progress, StepContext, TrainProgress};

/// Files of a classifier's run besides those that every run has.
const CONFIG: &str = "classify.toml";
const DATA: &str = "data.json";
const ENVIRONMENT: &str = "env.json";
const BEFORE: &str = "before.safetensors";
const KNOWN: &str = "before.json";
const PICTURE: &str = "confusion.svg";
const TABLE: &str = "confusion.csv";
const SUMMARY: &str = "summary.json";
const FILES: [&str; 11] =
    [CONFIG, DATA, ENVIRONMENT, BEFORE, KNOWN, METRICS, MODEL, PICTURE, TABLE, SUMMARY, REPORT];
const FOLDERS: [&str; 2] = ["checkpoints", "rejected"];
/// What was given to learn from, in the settings.
const INPUTS: &str = "inputs";
/// Most bytes of a small file of a run.
const MOST: u64 = 1 << 24;

/// `summary.json`.
#[derive(Debug, Serialize, Deserialize)]
struct SealedSummary {
    #[serde(flatten)]
    summary: ClassifierSummary,
    /// XXH3 of the model, by which the result is known to belong to it.
    seal: String,
}

/// What a request has come upon.
pub enum Outset {
    /// The run has its result.
    Finished(Box<ClassifierSummary>),
    /// The run begins or goes on.
    Unfinished(Box<ClassifierDir>),
}

/// The directory of a classifier's run, locked for this program.
pub struct ClassifierDir {
    run: RunDir,
    lines: LinesFile,
    checkpoints: CheckpointWriter<NetworkShape>,
    /// The classifier before fine-tuning, where an earlier sitting has come so far.
    start: Option<Start>,
    /// Where fine-tuning has come to.
    from: Option<(TrainProgress, State<NetworkShape>)>,
}

/// The settings of a run, and what was given to learn from.
///
/// # Errors
/// [`Error::Input`] where there is no run of a classifier.
pub fn settings_of(path: &Path) -> Result<(ClassifySettings, Table)> {
    let folder = Folder::at(path);
    let missing = || Error::input(path, "no run of a classifier; `rhohat classify` begins one");
    if !path.is_dir() {
        return Err(missing());
    }
    let bytes = folder.small(CONFIG, "settings", MOST)?.ok_or_else(missing)?;
    let bad = |error: toml::de::Error| Error::input(folder.join(CONFIG), error.message().to_owned());
    let mut table: Table = toml::from_str(&String::from_utf8_lossy(&bytes)).map_err(bad)?;
    let inputs = table.remove(INPUTS).and_then(|inputs| inputs.try_into().ok()).unwrap_or_default();
    Ok((table.try_into().map_err(bad)?, inputs))
}

impl ClassifierDir {
    /// Begins a run in `place`, goes on with the one there, or finds its result; a folder in `runs` is named after `data`.
    ///
    /// # Errors
    /// [`Error::Usage`] where something else is there, another program trains the run, or it has other settings or data;
    /// [`Error::Io`].
    pub fn open(
        place: &Place,
        data: Option<&Path>,
        sitting: &Sitting,
        inputs: Table,
    ) -> Result<Option<Outset>> {
        let name = &format!("classify-{}", run_name(data));
        let has_begun = |run: &Path| Ok(run.is_dir() && Folder::at(run).has(CONFIG)?);
        let run = match place {
            Place::Memory => return Ok(None),
            Place::Dated => RunDir::create(None, name)?,
            Place::Out(out) => RunDir::create(Some(("`out`", out)), name)?,
            Place::Run(run) if !has_begun(run)? => RunDir::create(Some(("`run`", run)), name)?,
            Place::Run(run) | Place::Resume(run) => return resume::resumed(run, sitting).map(Some),
            Place::Newest => {
                return Err(Error::usage("`resume` auto: name the folder of the classifier's run"));
            }
        };
        let path = run.path().to_owned();
        let lines = LinesFile::claim(&run.metrics())?;
        if has_begun(&path)? {
            let fact = "another rhohat has begun a run there at the same time";
            return Err(Error::usage(format!("{}: {fact}; choose another directory", path.display())));
        }
        let folder = run.folder();
        let environment = Environment::here(sitting.settings.device.clone(), sitting.choice.adapter(), None);
        write_json(&folder, ENVIRONMENT, &environment)?;
        write_json(&folder, DATA, &resume::hashes(sitting))?;
        // Settings come last: with them there is a run that can be gone on with.
        write_config(&folder, &sitting.settings, inputs)?;
        let lines = LinesFile::new(&run.metrics(), lines);
        Ok(Some(Outset::Unfinished(Box::new(Self::of(run, lines, sitting, (None, None))))))
    }

    fn of(
        run: RunDir,
        lines: LinesFile,
        sitting: &Sitting,
        (start, from): (Option<Start>, Option<(TrainProgress, State<NetworkShape>)>),
    ) -> Self {
        let taken = from.as_ref().map(|(position, _)| position.steps);
        let remedy =
            if sitting.settings.lr.is_some() { "`lr`" } else { "`hidden_lambda`, or check the data" };
        let every = sitting.settings.checkpoint_every;
        let checkpoints = CheckpointWriter::new(Checkpoints::of(run.path()), every, taken, remedy.to_owned());
        Self { run, lines, checkpoints, start, from }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.run.path()
    }

    /// The steps of the checkpoint that was published last, as they change.
    pub fn published(&self) -> std::sync::Arc<std::sync::atomic::AtomicUsize> {
        self.checkpoints.published()
    }

    /// The classifier before fine-tuning, where an earlier sitting has come so far.
    pub fn take_start(&mut self) -> Option<Start> {
        self.start.take()
    }

    /// Where fine-tuning has come to, if it has begun; from now on time counts until the next checkpoint.
    pub fn take_position(&mut self) -> Option<(TrainProgress, State<NetworkShape>)> {
        self.checkpoints.begins();
        self.from.take()
    }

    /// Keeps the classifier before fine-tuning.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn begun(&self, start: &Start, meta: &ClassifierMeta) -> Result<()> {
        let folder = self.run.folder();
        folder.write(BEFORE, |out| write_to(out, &start.network, meta))?;
        write_json(&folder, KNOWN, &start.known)?;
        reach("before-written");
        Ok(())
    }

    /// Keeps the result, and tells where its files are. One of a run that goes on is no result: it has the model alone.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn finish(&self, sitting: &Sitting, finished: &mut Finished) -> Result<()> {
        let folder = self.run.folder();
        folder.write(MODEL, |out| write_to(out, &finished.network, &finished.meta))?;
        let confusion = &finished.summary.confusion;
        folder.write(PICTURE, |out| out.write_all(confusion_picture::svg(confusion).as_bytes()))?;
        folder.write(TABLE, |out| out.write_all(confusion_picture::csv(confusion).as_bytes()))?;
        reach("model-written");
        // The run has its result whether there is a page of it or not.
        if let Err(error) = self.write_page(sitting, finished) {
            tracing::warn!("{}: no report was written: {error}", self.path().display());
        }
        finished.summary.files = Some(files(&self.run));
        if !finished.summary.goes_on() {
            let seal = of_file(&self.run.model())?;
            write_json(&folder, SUMMARY, &SealedSummary { summary: finished.summary.clone(), seal })?;
        }
        reach("summary-written");
        Ok(())
    }

    /// Writes the page.
    fn write_page(&self, sitting: &Sitting, finished: &Finished) -> Result<()> {
        let folder = self.run.folder();
        let path = std::path::absolute(self.path()).unwrap_or_else(|_| self.path().to_owned());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let history = folder.open(METRICS)?.map_or_else(History::default, |(file, _)| History::read(file));
        let preprocess = &finished.meta.preprocess;
        let page = ClassifierPage {
            name,
            summary: &finished.summary,
            settings: Table::try_from(&sitting.settings).unwrap_or_default(),
            environment: read_json(&folder, ENVIRONMENT)?.unwrap_or_default(),
            history,
            preprocess,
            form: form_of(Some(preprocess), finished.network.shape.inputs),
            layers: units::of_layers(sitting, &finished.network)?,
        };
        folder.write(REPORT, |out| page.write_to(out))
    }
}

impl Keeper for ClassifierDir {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        #[derive(Serialize)]
        struct Line {
            step: usize,
            j: f64,
            cross_entropy: f64,
            decay: f64,
            gradient_norm: Option<f64>,
            lr: f64,
            seconds: f64,
        }
        let Progress { step, cost, gradient_norm, rate, samples, seconds, .. } = progress;
        let line = Line {
            step: *step,
            j: cost.total(),
            cross_entropy: cost.reconstruction,
            decay: cost.decay,
            gradient_norm: *gradient_norm,
            lr: *rate,
            seconds: *seconds,
        };
        self.lines.add(&line, (*samples, *seconds))
    }

    fn step(&mut self, context: &mut StepContext<'_, dyn NetworkEngine>, last: bool) -> Result<()> {
        let steps = context.position.steps;
        let due = self.checkpoints.is_due(steps)?;
        if last {
            self.checkpoints.wait()?;
        }
        if (last || due) && !self.checkpoints.has(steps) {
            let lines = self.lines.handle();
            let mut spare = self.checkpoints.spare()?;
            let (position, state) = context.snapshot(&mut spare)?;
            let metrics = self.lines.mark();
            let checkpoint = Checkpoint { position, state, metrics, patience: None, provenance: None };
            self.checkpoints.keep(checkpoint, lines)?;
        }
        if last {
            self.checkpoints.wait()?;
            reach("end-kept");
        }
        Ok(())
    }
}

fn files(run: &RunDir) -> ClassifierFiles {
    ClassifierFiles {
        run: run.path().into(),
        model: run.model().into(),
        confusion_picture: run.path().join(PICTURE).into(),
        report: Some(run.report()).filter(|path| path.exists()).map(Into::into),
    }
}

fn write_config(folder: &Folder, settings: &ClassifySettings, inputs: Table) -> Result<()> {
    let unwritable = |error: toml::ser::Error| Error::usage(format!("settings: {error}"));
    let mut table = Table::try_from(settings).map_err(unwritable)?;
    table.insert(INPUTS.to_owned(), inputs.into());
    let text = toml::to_string(&table).map_err(unwritable)?;
    folder.write(CONFIG, |out| out.write_all(text.as_bytes()))
}

fn write_json(folder: &Folder, name: &str, value: &impl Serialize) -> Result<()> {
    folder.write(name, |out| Ok(serde_json::to_writer_pretty(out, value)?))
}

fn read_json<T: DeserializeOwned>(folder: &Folder, name: &str) -> Result<Option<T>> {
    let Some(bytes) = folder.small(name, "JSON of a run", MOST)? else { return Ok(None) };
    let damaged =
        |error| Error::input(folder.join(name), format!("{error}; it is damaged, begin another run"));
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}
