//! `--resume`: the run that is meant, what is left of it, what differs from what its checkpoint was taken under, and the
//! record of it. Every decision compares with the checkpoint: what the other files of the run say may have been written
//! by a sitting that died before it came to one.

use std::fs::File;
use std::path::{Path, PathBuf};

use rhohat::checkpoint::fail_point::reach;
use rhohat::checkpoint::{Checkpoint, Checkpoints, Found, Patience, Provenance, Rejected};
use rhohat::config::{Batch, Config, Given, Written, absolute_paths};
use rhohat::data::identity::{Inputs, Likeness};
use rhohat::data::{Preprocess, Source};
use rhohat::engine::{Engine, Spare, State};
use rhohat::metrics::{Mark, MetricsFile};
use rhohat::objective::RhoHatMode;
use rhohat::run::{Changes, DataRecord, RunDir, Sitting};
use rhohat::train::Position;
use rhohat::{Error, Result};
use toml::Table;

use super::summary::Summary;
use crate::cli::TrainArgs;
use crate::progress;

/// Settings that a run keeps: its shape, how it reads what it learns from, its optimiser.
const KEPT: [&str; 19] = [
    "raw",
    "divide",
    "as",
    "axes",
    "hidden",
    "activation",
    "output",
    "optimizer",
    "shuffle_block",
    "shuffle_order",
    "patch",
    "samples",
    "replacement",
    "color",
    "whiten",
    "normalize",
    "fit_rows",
    "seed",
    "validation",
];
/// Settings that change J: a search of L-BFGS begins anew, and the lowest J over held-out examples is another.
const OF_J: [&str; 3] = ["rho", "beta", "lambda"];
/// Settings that decide no step: an end that was reached stands. What paths lead to is compared by its content.
const OF_SITTING: [&str; 7] = ["data", "init", "checkpoint_every", "max_time", "memory", "stream", "threads"];

/// Share by which J of a checkpoint of 0.1.0 may differ when it is computed again, in another order of sums.
const STALE: f64 = 1e-4;

/// What `--resume` has found.
pub enum Asked {
    /// A run with nothing left to do, and what came of it.
    Finished(Box<Summary>),
    /// A run to be gone on with.
    Unfinished(Box<Resumed>),
}

/// A run that is gone on with.
pub struct Resumed {
    run: RunDir,
    /// The settings that the state was taken under; those of `config.toml` where there is no checkpoint.
    settings: Table,
    /// What the run is meant to learn from, as its files say.
    record: Option<DataRecord>,
    /// `metrics.jsonl`, claimed for this program.
    metrics: File,
    /// Where the run goes on, and the checkpoint's name.
    from: Option<(String, Checkpoint)>,
    rejected: Vec<Rejected>,
    /// The best parameters so far by held-out examples, as the engine has them.
    best: Option<State>,
    /// Whether other data than those of the checkpoint are learned from, on request.
    data_changed: bool,
    /// Whether 0.1.0 has written the settings, which knew no scale, and drew whole pictures with replacement.
    of_010: bool,
    /// Whether the search of a checkpoint of 0.1.0 is of another J than the settings say.
    stale: bool,
}

/// Finds the run.
pub fn open(asked: &Path, args: &TrainArgs) -> anyhow::Result<Asked> {
    if asked == Path::new("auto") {
        return newest(args);
    }
    let run = RunDir::open(asked)?;
    if let Some(summary) = finished(&run, args)? {
        return Ok(Asked::Finished(Box::new(summary)));
    }
    let metrics = MetricsFile::claim(&run.metrics())?;
    Ok(Asked::Unfinished(Box::new(go_on(run, metrics, args)?)))
}

/// The unfinished run that was begun last and can be gone on with.
fn newest(args: &TrainArgs) -> anyhow::Result<Asked> {
    let mut passed = Vec::new();
    loop {
        let (run, metrics) = RunDir::newest_unfinished(&passed)?;
        let path = run.path().to_owned();
        match go_on(run, metrics, args) {
            Err(why @ Error::Input { .. }) => tracing::info!("{why}; passed over"),
            resumed => return Ok(Asked::Unfinished(Box::new(resumed?))),
        }
        passed.push(path);
    }
}

/// What is left of a run, which is locked by way of its `metrics`.
fn go_on(run: RunDir, metrics: File, args: &TrainArgs) -> Result<Resumed> {
    reach("resume-locked");
    let stage = progress::stage("reading the checkpoint");
    let Found { newest, rejected } = Checkpoints::of(run.path()).find()?;
    drop(stage);
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let from = newest.map(|(path, checkpoint)| (name(&path), checkpoint));
    check_scratch(&run, from.as_ref().map(|(name, _)| name.as_str()), &rejected, args.from_scratch)?;
    for Rejected { path, reason } in &rejected {
        tracing::warn!("{}: rejected, {reason}", path.display());
    }
    // Settings and data are read under the lock: who held it before may have changed them.
    let settings = settings_of(&run, from.as_ref().map(|(_, checkpoint)| checkpoint))?;
    let record = run.data_record()?;
    let of_010 = match &from {
        Some((_, checkpoint)) => checkpoint.provenance.is_none(),
        None => run.settings()?.1 == Written::Of010,
    };
    match &from {
        Some((name, _)) => tracing::info!("{}: going on from {name}", run.path().display()),
        None => tracing::info!("{}: starting from its config.toml", run.path().display()),
    }
    let (best, data_changed, stale) = (None, false, false);
    Ok(Resumed { run, settings, record, metrics, from, rejected, best, data_changed, of_010, stale })
}

/// The result of a run with nothing left to do, as long as flags ask for nothing else, its settings are those that it was
/// reached under, and its model is there.
fn finished(run: &RunDir, args: &TrainArgs) -> anyhow::Result<Option<Summary>> {
    let asks_for_more = args.save_patches.is_some() || args.data_changed || args.from_scratch;
    let Some(summary) = run.summary()?.filter(|_| !asks_for_more) else { return Ok(None) };
    let (before, _) = run.settings()?;
    let mut flags = args.settings.table();
    absolute_paths(&mut flags);
    if flags.iter().any(|(name, value)| before.get(name) != Some(value) && !name.ends_with("_as_given")) {
        return Ok(None);
    }
    let summary: Summary = serde_json::from_str(&summary).map_err(|error| {
        Error::input(run.path(), format!("summary.json: {error}; remove it to have the run looked at"))
    })?;
    match summary.still_holds(run)? {
        Ok(()) => Ok(Some(summary.in_place(run))),
        Err(why) => {
            tracing::warn!("{}: {why}; made anew from the last checkpoint", run.path().display());
            Ok(None)
        }
    }
}

/// Refuses to begin again by itself where checkpoints have been, and to put a good one aside.
fn check_scratch(run: &RunDir, newest: Option<&str>, rejected: &[Rejected], wanted: bool) -> Result<()> {
    if let Some(name) = newest {
        return if wanted {
            let remedy =
                "leave --from-scratch out to go on from it, or begin a new run with --config RUN/config.toml";
            Err(Error::usage(format!(
                "--from-scratch: {name} of {} can be used; {remedy}",
                run.path().display()
            )))
        } else {
            Ok(())
        };
    }
    let before = Checkpoints::of(run.path()).put_aside_before()?;
    let result = run.has_result()?.then(|| "the run has had a result, but there are none left".to_owned());
    let reasons = rejected.iter().map(|Rejected { path, reason }| {
        format!("{}: {reason}", path.file_name().unwrap_or_default().to_string_lossy())
    });
    let aside = before.iter().map(|steps| format!("step {steps} in rejected/, from an earlier sitting"));
    let lost: Vec<String> = reasons.chain(aside).chain(result).collect();
    if lost.is_empty() || wanted {
        return Ok(());
    }
    let fact = format!("none of its checkpoints can be used ({})", lost.join("; "));
    let remedy = "bring a good one back, or give --from-scratch to begin again from config.toml (they are kept in rejected/)";
    Err(Error::input(run.path(), format!("{fact}; {remedy}")))
}

/// The settings that the run's state was taken under.
fn settings_of(run: &RunDir, from: Option<&Checkpoint>) -> Result<Table> {
    match from {
        Some(Checkpoint { provenance: Some(provenance), .. }) => Ok(provenance.settings.clone()),
        Some(Checkpoint { position, .. }) => run.settings_of_010(&run.settings()?.0, position.steps),
        None => Ok(run.settings()?.0),
    }
}

impl Resumed {
    /// Its settings.
    pub fn config(&self) -> PathBuf {
        self.run.config()
    }

    /// Refuses settings that are given and would make another run of it, whether a flag or an edited `config.toml` has
    /// them.
    ///
    /// # Errors
    /// [`Error::Usage`] with both values.
    pub fn admit(&self, given: &Given, flags: &Table) -> Result<()> {
        let set = given.all();
        let changes = self.changes_to(&set).into_iter().filter(|(name, _)| set.contains_key(name));
        self.admit_changes(&changes.collect(), given, flags)
    }

    /// The same for all settings, those that were left out among them.
    ///
    /// # Errors
    /// As [`Resumed::admit`].
    pub fn admit_all(&self, config: &Config, given: &Given, flags: &Table) -> Result<()> {
        let of_order = |name: &str| ["shuffle_block", "shuffle_order"].contains(&name);
        let mut changes = self.changes(config);
        // Where every update takes all rows there is no order.
        changes.retain(|(name, _)| config.batch != Batch::Full || !of_order(name));
        self.admit_changes(&changes, given, flags)
    }

    fn admit_changes(&self, changes: &Changes, given: &Given, flags: &Table) -> Result<()> {
        if self.of_010 && flags.contains_key("divide") {
            return Err(Error::usage(
                "--divide: version 0.1.0 began this run, and divided bytes by 255; leave it out",
            ));
        }
        let kept = |(name, _): &&(String, (String, String))| KEPT.contains(&name.as_str());
        let Some((name, (was, is))) = changes.iter().find(kept) else { return Ok(()) };
        let config = self.run.config();
        let (said, remedy) = if flags.contains_key(name) {
            (format!("--{} {is}", name.replace('_', "-")), "leave it out")
        } else if given.all().get(name).is_none() {
            (format!("{} does not say {name}, which is {is} by default", config.display()), "put it back")
        } else {
            (format!("{} says {name} = {is}", config.display()), "put it back")
        };
        let was = if was == "none" { "no such setting" } else { was };
        Err(Error::usage(format!(
            "{said}: the run has {was}, and keeps its shape, its data and its optimiser; {remedy}, or begin a new run \
             with --config RUN/config.toml"
        )))
    }

    /// Settings that are others than the state was taken under.
    fn changes(&self, config: &Config) -> Changes {
        self.changes_to(&config.to_table())
    }

    fn changes_to(&self, after: &Table) -> Changes {
        let text =
            |table: &Table, name: &str| table.get(name).map_or("none".to_owned(), toml::Value::to_string);
        let names =
            self.settings.keys().chain(after.keys().filter(|name| !self.settings.contains_key(*name)));
        let pairs = names.map(|name| (name.clone(), (text(&self.settings, name), text(after, name))));
        let was_in_010 = |name: &str| self.of_010 && ["divide", "replacement"].contains(&name);
        let counts = |name: &str| !name.ends_with("_as_given") && !was_in_010(name);
        pairs.filter(|(name, (was, is))| was != is && counts(name)).collect()
    }

    /// The preprocessing that the state has learned under, its limits included.
    pub fn preprocess(&self) -> Option<&Preprocess> {
        self.provenance().map(|provenance| &provenance.preprocess)
    }

    /// Whether version 0.1.0 has written what is gone on with.
    pub fn is_of_010(&self) -> bool {
        self.of_010
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.from.as_ref().and_then(|(_, checkpoint)| checkpoint.provenance.as_ref())
    }

    /// What the state was taken on; what the run was begun with where there is no state yet.
    fn inputs(&self) -> Option<&Inputs> {
        let of_record = || self.record.as_ref().map(|record| &record.inputs);
        let of_checkpoint = self.provenance().map(|provenance| &provenance.inputs);
        of_checkpoint.or_else(|| of_record().filter(|_| self.from.is_none()))
    }

    /// Compares the data with those that the run has learned from. Others are refused unless they are asked for, now or in
    /// an earlier sitting.
    ///
    /// # Errors
    /// [`Error::Input`] with what differs.
    pub fn check_data(
        &mut self,
        source: &Source,
        now: &DataRecord,
        config: &Config,
        accepted: bool,
    ) -> Result<()> {
        let name =
            config.data.as_ref().map_or("the built-in pictures".into(), |path| path.display().to_string());
        let Some(then) = self.inputs().cloned() else {
            if self.from.is_some() && !self.are_turned(&name, source, now, accepted)? {
                tracing::info!(
                    "{name}: a checkpoint of 0.1.0 does not say what it was learned from; taken to be the same"
                );
            }
            return Ok(());
        };
        self.check_init(&then, &now.inputs, config)?;
        let likeness = then.data.compare(&now.inputs.data, source)?;
        if likeness == Likeness::Same {
            self.expect_rows(source, &then, accepted);
            return Ok(());
        }
        let told = self.difference(&likeness, now, config);
        let meant = self.record.as_ref().map(|record| record.inputs.data.compare(&now.inputs.data, source));
        let meant = meant.transpose()?.is_some_and(|likeness| likeness == Likeness::Same);
        if !accepted && !meant {
            let remedy = "give the data that it was learning from, or --data-changed to go on with these";
            return Err(Error::input(name, format!("{told}; {remedy}")));
        }
        tracing::warn!("{name}: {told}; gone on with, since --data-changed was given");
        self.data_changed = self.from.is_some();
        Ok(())
    }

    /// Whether pictures are others than those of a checkpoint of 0.1.0, which has learned from the pixels as they lie in the
    /// files: those are that the EXIF orientation turns, and they are refused unless they are asked for.
    fn are_turned(&mut self, name: &str, source: &Source, now: &DataRecord, accepted: bool) -> Result<bool> {
        let Source::Images(pictures) = source else { return Ok(false) };
        let (turned, all) = (pictures.turned(), pictures.list().len());
        if turned == 0 {
            return Ok(false);
        }
        let told = format!(
            "{turned} of {all} pictures are turned as the EXIF orientation in the file says, but version 0.1.0, which \
             began this run, took them as they lie in the file"
        );
        let meant = self.record.as_ref().map(|record| record.inputs.data.compare(&now.inputs.data, source));
        if !accepted && meant.transpose()? != Some(Likeness::Same) {
            let remedy =
                "give copies of them without EXIF, or --data-changed to go on with them as they are shown";
            return Err(Error::input(name, format!("{told}; {remedy}")));
        }
        tracing::warn!("{name}: {told}; gone on with, since --data-changed was given");
        self.data_changed = true;
        Ok(true)
    }

    /// Rows on disk are the same as far as samples of them tell. The first pass that reads them whole will know better,
    /// unless others are asked for: then it is taken at its word.
    fn expect_rows(&mut self, source: &Source, then: &Inputs, accepted: bool) {
        let (Some(store), Some(sum)) = (source.stored(), then.data.sum) else { return };
        if accepted || self.was_accepted() {
            tracing::info!(
                "no sample of the rows has changed; since --data-changed was given, a search begins anew all the same"
            );
            self.data_changed = self.from.is_some();
        } else {
            store.check().expect(sum);
        }
    }

    /// Whether an earlier sitting has accepted other data and come to no checkpoint on them.
    fn was_accepted(&self) -> bool {
        let at = self.record.as_ref().and_then(|record| record.accepted_at);
        at.is_some() && at == self.from.as_ref().map(|(_, checkpoint)| checkpoint.position.steps)
    }

    /// What is to be kept of the data from now on: those that were looked at, and what is known from before.
    pub fn completed(&self, mut record: DataRecord) -> DataRecord {
        let before = self.inputs().and_then(|inputs| inputs.init.clone());
        record.inputs.init = record.inputs.init.or(before);
        let steps = self.from.as_ref().map(|(_, checkpoint)| checkpoint.position.steps);
        record.accepted_at = steps.filter(|_| self.data_changed);
        record
    }

    /// What differs, in words.
    fn difference(&self, likeness: &Likeness, now: &DataRecord, config: &Config) -> String {
        let mut told = match likeness {
            Likeness::Same => "the same data".to_owned(),
            Likeness::Appended { was, is } => {
                format!("{} rows more than the run has learned from stand behind its {was}", is - was)
            }
            Likeness::Other(why) => why.clone(),
        };
        let inventory = self.record.as_ref().map(|record| &record.inventory);
        if let Some(files) = inventory.and_then(|then| now.inventory.differences(then)) {
            told += &format!(": {files}");
        }
        if config.validation.is_some() {
            told += "; held-out rows are drawn anew from them, so that some may have been learned from";
        }
        told
    }

    /// A model to start from matters where the run starts.
    fn check_init(&self, then: &Inputs, now: &Inputs, config: &Config) -> Result<()> {
        if then.init == now.init || now.init.is_none() && self.from.is_some() {
            return Ok(());
        }
        let is_path_of_run = config.to_table().get("init") == self.settings.get("init");
        if self.from.is_some() && is_path_of_run {
            tracing::info!("the model of --init has changed since; nothing more is taken from it");
            return Ok(());
        }
        let remedy = "bring it back, leave --init out, or begin a new run with --config RUN/config.toml";
        let fact = "the model of --init is another than the one that the run was begun with";
        Err(Error::input(self.run.path(), format!("{fact}; {remedy}")))
    }

    /// What is known of held-out examples: the lowest J, and the parameters that it belongs to. Nothing under another J or
    /// on other data.
    pub fn judged(&mut self, config: &Config) -> (Option<Patience>, Option<State>) {
        let known = self.from.as_ref().and_then(|(_, checkpoint)| checkpoint.patience);
        if known.is_some() && self.has_another_j(config) {
            tracing::info!("early stopping begins anew: its lowest J was of other data or another objective");
            self.best = None;
            return (None, None);
        }
        (known, self.best.take())
    }

    /// Whether J is another function than the one of the checkpoint.
    fn has_another_j(&self, config: &Config) -> bool {
        self.data_changed
            || self.stale
            || self.changes(config).iter().any(|(name, _)| OF_J.contains(&name.as_str()))
    }

    /// Rows that mini-batches have taken.
    pub fn taken(&self) -> u64 {
        self.from.as_ref().map_or(0, |(_, checkpoint)| checkpoint.position.samples)
    }

    /// Whether the model that the run started from is not needed any more: parameters and preprocessing are known.
    pub fn has_outgrown_init(&self) -> bool {
        self.preprocess().is_some()
    }

    /// Puts the engine where the run was.
    ///
    /// # Errors
    /// [`Error::Input`] when the data are of another width than they were.
    pub fn restore(&mut self, engine: &mut dyn Engine, config: &Config) -> Result<()> {
        let Some((name, checkpoint)) = &mut self.from else { return Ok(()) };
        if config.rho_hat != RhoHatMode::Ema {
            // Of a mode that was left: nothing would bring it up to date.
            checkpoint.state.average = None;
        }
        let (shape, found) = (engine.shape(), checkpoint.state.shape);
        if shape != found {
            let fact = format!("{name} has {} visible and {} hidden units", found.visible, found.hidden);
            let reason = format!("{fact}, but the data ask for {} and {}", shape.visible, shape.hidden);
            return Err(Error::input(self.run.path(), reason + "; give the data that it was learning from"));
        }
        if let Some(best) = checkpoint.state.take_best() {
            // In the order of this engine, whichever it was written by.
            engine.set_state(&best)?;
            self.best = Some(engine.state(None, &mut Spare::default())?.only_params());
        }
        engine.set_state(&checkpoint.state)?;
        if let (None, Some(search)) = (&checkpoint.provenance, &checkpoint.position.search) {
            // What it was taken under can only be told by what it knows.
            let (found, known) = (engine.cost()?.total(), search.cost().total());
            let is_alike = (found - known).abs() <= STALE * known.abs();
            self.stale = !is_alike;
            if self.stale {
                tracing::info!(
                    "J is {found} under the settings of today, but the search of the checkpoint knows {known}: it begins anew"
                );
            }
            engine.set_state(&checkpoint.state)?;
        }
        // The engine has it now.
        checkpoint.state = State { vectors: Vec::new(), average: None, ..checkpoint.state };
        Ok(())
    }

    /// Brings the run back to where its checkpoint was, publishes what is meant from now on, and records the sitting. A
    /// death between any two of these leaves a run that the next sitting reads the same way.
    ///
    /// # Errors
    /// [`Error::Io`] when the run cannot be written.
    pub fn begin(
        self,
        config: &Config,
        adapter: String,
        record: &DataRecord,
    ) -> Result<(RunDir, MetricsFile, Position)> {
        let changed = self.changes(config);
        let another_j = self.has_another_j(config);
        let Self { run, metrics, from, rejected, data_changed, .. } = self;
        let checkpoints = Checkpoints::of(run.path());
        checkpoints.clear_up()?;
        checkpoints.put_aside(&rejected)?;
        reach("resume-cleaned");
        for (name, (was, is)) in &changed {
            tracing::info!("{name}: {is}, was {was}");
        }
        let (name, position, mut mark) = match from {
            Some((name, checkpoint)) => (Some(name), checkpoint.position, checkpoint.metrics),
            None => (None, Position::default(), Mark::default()),
        };
        // First of all: of a checkpoint of 0.1.0 nothing else tells what it was taken under.
        run.record(&Sitting::now(name, position.steps, adapter, &rejected, &changed, data_changed))?;
        reach("resume-recorded");
        run.unfinish()?;
        reach("resume-unfinished");
        run.write_config(config)?;
        run.write_data(record)?;
        reach("resume-configured");
        if another_j {
            (mark.validation, mark.validation_reconstruction) = (None, None);
        }
        let mut metrics = MetricsFile::new(&run.metrics(), metrics, config.objective());
        if !metrics.cut(mark)? {
            tracing::warn!("{}: lines before the checkpoint are missing", run.metrics().display());
        }
        reach("resume-cut");
        let decides = |(name, _): &(String, (String, String))| !OF_SITTING.contains(&name.as_str());
        let position = Position {
            ended: position.ended.filter(|_| !data_changed && !changed.iter().any(decides)),
            search: position.search.filter(|_| !another_j),
            ..position
        };
        Ok((run, metrics, position))
    }
}
