//! The run that is meant, whether anything is left to do, and the checkpoint that it goes on from.

use std::fs::File;
use std::path::Path;

use crate::run::RunDir;
use crate::run::checkpoint::fail_point::reach;
use crate::run::checkpoint::{Checkpoint, Checkpoints, Found, Rejected};
use crate::run::config::{Written, absolute_paths};
use crate::run::metrics::LinesFile;
use toml::Table;

use super::{Resumed, Target};
use crate::error::{Error, Result};
use crate::run::session::{Place, ProgressObserver, Request, Stage};
use crate::run::summary::Summary;

/// Finds the run that a request wants to go on with, if it wants that.
pub fn open(request: &Request, observer: &mut dyn ProgressObserver) -> Result<Option<Target>> {
    let run = match &request.place {
        Place::Memory | Place::Dated | Place::Out(_) | Place::Run(_) => return Ok(None),
        Place::Newest => return newest(request, observer).map(Some),
        Place::Resume(path) => RunDir::open(path)?,
    };
    if let Some(summary) = finished(&run, request)? {
        return Ok(Some(Target::Finished(Box::new(summary))));
    }
    let metrics = LinesFile::claim(&run.metrics())?;
    let resumed = go_on(run, metrics, request.from_scratch, observer)?;
    Ok(Some(Target::Unfinished(Box::new(resumed))))
}

/// The unfinished run that was begun last and can be gone on with.
fn newest(request: &Request, observer: &mut dyn ProgressObserver) -> Result<Target> {
    let mut passed = Vec::new();
    loop {
        let (run, metrics) = RunDir::newest_unfinished(&passed)?;
        let path = run.path().to_owned();
        match go_on(run, metrics, request.from_scratch, observer) {
            Err(why @ Error::Input { .. }) => tracing::info!("{why}; passed over"),
            resumed => return Ok(Target::Unfinished(Box::new(resumed?))),
        }
        passed.push(path);
    }
}

/// The remains of a run, which is locked by way of its `metrics`.
fn go_on(
    run: RunDir,
    metrics: File,
    from_scratch: bool,
    observer: &mut dyn ProgressObserver,
) -> Result<Resumed> {
    reach("resume-locked");
    observer.stage(Stage::ReadingCheckpoint);
    let found = Checkpoints::of(run.path()).find();
    observer.stage(Stage::Idle);
    let Found { newest, rejected } = found?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let from = newest.map(|(path, checkpoint)| (name(&path), checkpoint));
    check_scratch(&run, from.as_ref().map(|(name, _)| name.as_str()), &rejected, from_scratch)?;
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
    let (best, data_changed, held_out_changed, stale) = (None, false, false, false);
    Ok(Resumed {
        run,
        settings,
        record,
        metrics,
        from,
        rejected,
        best,
        data_changed,
        held_out_changed,
        of_010,
        stale,
    })
}

/// The result of a run with nothing left to do, as long as flags ask for nothing else, its settings are those that it was
/// reached under, and its model is there.
fn finished(run: &RunDir, request: &Request) -> Result<Option<Summary>> {
    let asks_for_more = request.save_patches.is_some() || request.data_changed || request.from_scratch;
    let Some(summary) = run.summary()?.filter(|_| !asks_for_more) else { return Ok(None) };
    let (before, _) = run.settings()?;
    let mut flags = request.settings.clone();
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
                "leave `from_scratch` out to go on from it, or begin a new run with `config` RUN/config.toml";
            Err(Error::usage(format!(
                "`from_scratch`: {name} of {} can be used; {remedy}",
                run.path().display()
            )))
        } else {
            Ok(())
        };
    }
    let before = <Checkpoints>::of(run.path()).put_aside_before()?;
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
    let remedy = "bring a good one back, or give `from_scratch` to begin again from config.toml (they are kept in rejected/)";
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
