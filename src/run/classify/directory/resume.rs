//! A classifier's run that goes on: its settings and what it learns from compared with what it began with, its newest checkpoint.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Table;
use xxhash_rust::xxh3::Xxh3Default;

use super::{
    BEFORE, ClassifierDir, DATA, FILES, FOLDERS, KNOWN, Outset, SUMMARY, SealedSummary, files, read_json,
    settings_of, write_config,
};
use crate::data::identity::of_file;
use crate::engine::network::Labelled;
use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::math::network::NetworkShape;
use crate::run::RunDir;
use crate::run::checkpoint::{Checkpoint, Checkpoints, Found, Rejected};
use crate::run::classify::file::ClassifierFile;
use crate::run::classify::settings::ClassifySettings;
use crate::run::classify::sitting::{Known, Sitting, Start};
use crate::run::classify::summary::ClassifierSummary;
use crate::run::metrics::LinesFile;
use crate::train::Ended;

/// Settings that a run may have others of when it goes on.
const MAY_CHANGE: [&str; 4] = ["fine_tune", "lr", "device", "checkpoint_every"];

/// Hashes of what a classifier learns from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    examples: String,
    labels: String,
    encoders: String,
    test: Option<String>,
}

/// The run in a folder, which goes on or has its result.
pub fn resumed(path: &Path, sitting: &Sitting) -> Result<Outset> {
    let run = RunDir::at(path);
    let folder = run.folder();
    folder.check(&FILES, &FOLDERS)?;
    let (settings, inputs) = settings_of(path)?;
    let lines = LinesFile::claim(&run.metrics())?;
    check_settings(path, &settings, &sitting.settings)?;
    check_inputs(path, sitting)?;
    let longer = sitting.settings.fine_tune != settings.fine_tune;
    if let Some(SealedSummary { summary, seal }) = read_json::<SealedSummary>(&folder, SUMMARY)?
        && !longer
    {
        if run.model().exists() && of_file(&run.model())? == seal {
            return Ok(Outset::Finished(Box::new(ClassifierSummary { files: Some(files(&run)), ..summary })));
        }
        tracing::warn!("{}: its model is gone or another one; it is made again", path.display());
    }
    folder.remove(SUMMARY)?;
    write_config(&folder, &sitting.settings, inputs)?;
    let known = read_json::<Known>(&folder, KNOWN)?;
    let start = match known {
        Some(known) if folder.has(BEFORE)? => {
            let path = folder.join(BEFORE);
            let network = ClassifierFile::open(&path)?.network()?;
            if network.shape != sitting.shape() {
                let fact = format!("a classifier of {}, not of the run", network.shape.words());
                return Err(Error::input(path, format!("{fact}; it is damaged, begin another run")));
            }
            Some(Start { network, known })
        }
        _ => None,
    };
    let checkpoints = Checkpoints::of(path);
    checkpoints.clear_up()?;
    let newest = newest(&checkpoints, &sitting.shape())?;
    let mut lines = LinesFile::new(&run.metrics(), lines);
    let (mark, from) = match newest.filter(|_| start.is_some()) {
        Some((place, Checkpoint { mut position, state, metrics, .. })) => {
            tracing::info!("{}: going on after step {}", place.display(), position.steps);
            if longer && position.ended == Some(Ended::Steps) {
                position.ended = None;
            }
            (metrics, Some((position, state)))
        }
        None => Default::default(),
    };
    lines.cut(mark)?;
    Ok(Outset::Unfinished(Box::new(ClassifierDir::of(run, lines, sitting, (start, from)))))
}

/// The newest checkpoint of a network of these widths, and where it is; those that are newer are put aside.
fn newest(
    checkpoints: &Checkpoints<NetworkShape>,
    shape: &NetworkShape,
) -> Result<Option<(PathBuf, Checkpoint<NetworkShape>)>> {
    loop {
        let Found { newest, mut rejected } = checkpoints.find()?;
        let other = newest.as_ref().filter(|(_, checkpoint)| checkpoint.state.shape != *shape);
        if let Some((path, checkpoint)) = other {
            let reason = format!("it is of a network of {}", checkpoint.state.shape.words());
            rejected.push(Rejected { path: path.clone(), reason });
        }
        for rejected in &rejected {
            tracing::warn!("{}: {}; put aside", rejected.path.display(), rejected.reason);
        }
        checkpoints.put_aside(&rejected)?;
        if other.is_none() {
            return Ok(newest);
        }
    }
}

/// Refuses settings that a run cannot change.
fn check_settings(path: &Path, was: &ClassifySettings, now: &ClassifySettings) -> Result<()> {
    let table = |settings: &ClassifySettings| Table::try_from(settings).unwrap_or_default();
    let (was, now) = (table(was), table(now));
    let names = was.keys().chain(now.keys()).filter(|name| !MAY_CHANGE.contains(&name.as_str()));
    let shown = |table: &Table, name: &str| table.get(name).map_or("none".to_owned(), ToString::to_string);
    for name in names {
        if was.get(name) != now.get(name) {
            let (was, now) = (shown(&was, name), shown(&now, name));
            let fact = format!("{}: the run has `{name}` {was}, not {now}", path.display());
            return Err(Error::usage(format!("{fact}; leave it out, or begin another run with `out`")));
        }
    }
    Ok(())
}

/// Refuses examples, labels or encoders that are others than those of a run.
fn check_inputs(path: &Path, sitting: &Sitting) -> Result<()> {
    let folder = Folder::at(path);
    let missing = || Error::input(folder.join(DATA), "it is missing; begin another run");
    let was: Inputs = read_json(&folder, DATA)?.ok_or_else(missing)?;
    let now = hashes(sitting);
    let differ = [
        ("examples", was.examples != now.examples),
        ("labels", was.labels != now.labels),
        ("encoders", was.encoders != now.encoders),
        ("rows of the test", was.test != now.test),
    ];
    match differ.iter().find(|(_, differ)| *differ) {
        None => Ok(()),
        Some((what, _)) => {
            let fact = format!("{}: the run has learned from other {what}", path.display());
            Err(Error::usage(format!(
                "{fact}; give those that it began with, or begin another run with `out`"
            )))
        }
    }
}

pub fn hashes(sitting: &Sitting) -> Inputs {
    let Sitting { rows, test, encoders, classes, .. } = sitting;
    let hash = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let mut hasher = Xxh3Default::new();
        parts.for_each(|part| hasher.update(part));
        format!("{:032x}", hasher.digest128())
    };
    let labels = |rows: &Labelled<f32>| -> Vec<u8> {
        rows.labels.iter().flat_map(|&label| (label as u64).to_le_bytes()).collect()
    };
    let examples =
        |rows: &Labelled<f32>| hash(&mut [bytemuck::cast_slice(&rows.examples.values)].into_iter());
    let names = classes.join("\n");
    let layers = encoders.iter().flat_map(|encoder| {
        let layer = &encoder.layer;
        [
            bytemuck::cast_slice(&layer.weight),
            bytemuck::cast_slice(&layer.bias),
            encoder.activation.name().as_bytes(),
        ]
    });
    let of_test = |test: &Labelled<f32>| {
        hash(&mut [bytemuck::cast_slice(&test.examples.values), &labels(test)].into_iter())
    };
    Inputs {
        examples: examples(rows),
        labels: hash(&mut [&labels(rows)[..], names.as_bytes()].into_iter()),
        encoders: hash(&mut layers.into_iter()),
        test: test.as_ref().map(of_test),
    }
}
