//! `rhohat stack`: autoencoders one above the other, each trained on the codes of the one below.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use toml::Table;

use super::train::Display;
use crate::api::Model;
use crate::cli::args::StackArgs;
use crate::cli::output::print;
use crate::cli::progress;
use crate::cli::signals;
use crate::cli::table::Table as Columns;
use crate::data::write::{RowsHeader, RowsKind, Sink, write};
use crate::engine::selector::Selector;
use crate::error::{Error, Result, shown};
use crate::io::atomic_write;
use crate::io::clock::Moment;
use crate::io::folder::Folder;
use crate::io::paths::Paths;
use crate::run::checkpoint::fail_point::{OF_STACKS, reach};
use crate::run::config::UserSettings;
use crate::run::session::{Outset, Place, Request};
use crate::run::stack::{StackDir, StackSettings};
use crate::run::summary::Summary;
use crate::run::{RunDir, run_name};
use crate::train::Ended;

/// Columns of a terminal that the table may take.
const WIDTH: usize = 1000;

/// Trains layer after layer and prints.
pub fn run(args: &StackArgs, started: Moment) -> anyhow::Result<u8> {
    let tune = args.tune.mode(args.settings.force_variant.is_some())?;
    let (stack, settings) = begun(args)?;
    signals::of_run("stack", stack.path(), Arc::default());
    Folder::at(stack.path()).remove_leftovers()?;
    let mut results: Vec<Summary> = Vec::new();
    for number in 1..=settings.layers.len() {
        let codes = (number > 1).then(|| stack.codes(number - 1));
        tracing::info!("layer {number} of {}", settings.layers.len());
        let layer = settings.of_layer(number, codes.as_deref());
        let request = Request {
            place: Place::Run(stack.layer(number)),
            report: !args.no_report,
            started,
            ..Request::new(layer, tune)
        };
        let mut display = Display::new("stack", None).of_part(stack.path());
        let summary = match request.prepare(&mut display)? {
            Outset::Finished(summary) => *summary,
            Outset::Prepared(prepared) => prepared.open(&mut display)?.train(&mut display)?.summary,
        };
        let stopped = summary.ended == Ended::Stopped;
        results.push(summary);
        let is_last = number == settings.layers.len();
        if !stopped && !is_last {
            encode(
                &stack,
                number,
                &settings,
                results.last().map_or("auto", |result| Selector::first_of(&result.device)),
            )?;
        }
        if let Some(signal) = signals::asked().filter(|_| stopped || !is_last) {
            tracing::info!("rhohat stack --resume {} goes on with the stack", shown(stack.path()));
            return Ok(128 + signal);
        }
    }
    let layers: Vec<Value> = results.iter().filter_map(|result| serde_json::to_value(result).ok()).collect();
    let report = json!({ "stack": stack.path().display().to_string(), "layers": layers });
    print(args.json, &report, |_| text(&stack, &results))?;
    Ok(0)
}

/// The folder of the stack and its settings, which are kept there from now on.
fn begun(args: &StackArgs) -> Result<(StackDir, StackSettings)> {
    // Paths are those of the folder in which they were typed.
    let flags = UserSettings::new(None, args.settings.table()?)?.all();
    if let Some(resumed) = &args.resume {
        let stack = StackDir::at(resumed);
        let settings = stack.settings()?;
        if flags.is_empty() && args.layers.is_none() {
            return Ok((stack, settings));
        }
        let fact =
            format!("--resume {}: a stack goes on with the settings that it began with", shown(resumed));
        return Err(Error::usage(format!("{fact}; leave other flags out, or begin another one with --out")));
    }
    let settings = args.config.as_deref().map(StackSettings::open).transpose()?.unwrap_or_default();
    let settings = settings.with(flags, args.layers.as_deref())?;
    let data: Option<Paths> = UserSettings::new(None, settings.all.clone())?.get("data")?;
    let name = format!("stack-{}", run_name(data.as_ref().map(Paths::first)));
    let stack = match (&args.run, &args.out) {
        (Some(run), _) if StackDir::at(run).has_begun()? => StackDir::at(run),
        (Some(run), _) => made(Some(("`run`", run)), &name)?,
        (None, out) => made(out.as_ref().map(|out| ("`out`", out)), &name)?,
    };
    stack.begin(&settings)?;
    Ok((stack, settings))
}

fn made(place: Option<(&str, &PathBuf)>, name: &str) -> Result<StackDir> {
    let run = RunDir::create(place.map(|(setting, path)| (setting, &**path)), name)?;
    Ok(StackDir::at(run.path()))
}

/// Writes the codes of a layer for the one above it, unless they are there already, or a signal asks for an end: codes of which
/// some are missing are none.
fn encode(stack: &StackDir, number: usize, settings: &StackSettings, device: &str) -> Result<()> {
    let path = stack.codes(number);
    if path.is_file() {
        return Ok(());
    }
    let below = (number > 1).then(|| stack.codes(number - 1));
    let data = data(settings.of_layer(number, below.as_deref()))?;
    let model = Model::load(stack.layer(number))?.device(device);
    let mut on = model.on(&data)?;
    let (rows, cols) = (on.examples(), on.shape().hidden);
    let bar = progress::bar(rows, 1);
    let (mut failed, mut stopped) = (None, false);
    let mut fill = |sink: &mut Sink<'_>| {
        for piece in on.pieces().collect::<Vec<_>>() {
            bar.set_position(piece.start as u64);
            if signals::asked().is_some() {
                stopped = true;
                return Err(ErrorKind::Interrupted.into());
            }
            match on.encode(&piece) {
                Ok(codes) => {
                    sink(&codes)?;
                    reach(OF_STACKS);
                }
                Err(error) => {
                    failed = Some(error);
                    return Err(std::io::Error::other("no codes to write"));
                }
            }
        }
        Ok(())
    };
    let header = RowsHeader { name: "codes", column: "unit", rows, cols, labels: None, shape: None };
    let written = atomic_write::write(&path, |out| write(RowsKind::Npy, out, &header, &mut fill));
    bar.finish_and_clear();
    if stopped { Ok(()) } else { failed.map_or(written, Err) }
}

/// The examples of a layer: all rows, or of pictures their patches side by side.
fn data(settings: Table) -> Result<crate::Data> {
    let settings = UserSettings::new(None, settings)?;
    let missing = || Error::usage("DATA is missing: a stack learns from files; name some");
    crate::Data::given_by(&settings)?.ok_or_else(missing)
}

/// The result for people.
fn text(stack: &StackDir, results: &[Summary]) -> String {
    let mut table =
        Columns::new(["layer", "hidden", "J", "explained", "rho-hat", "dead", "seconds", "model"]);
    for (number, result) in results.iter().enumerate() {
        let explained = result.measures.and_then(|measures| measures.explained_variance);
        let model = result.files.as_ref().map(|files| shown(&files.model)).unwrap_or_default();
        table.push(vec![
            (number + 1).to_string(),
            result.hidden.to_string(),
            format!("{:.4}", result.terms.j),
            explained.map_or("–".to_owned(), |share| format!("{share:.4}")),
            format!("{:.4}", result.rho_hat.mean),
            result.units.dead.to_string(),
            format!("{:.1}", result.seconds),
            model,
        ]);
    }
    let mut lines = table.lines(WIDTH).0;
    lines.push(format!(
        "stack  {}; rhohat classify DATA --encoder {0} tells classes apart by it",
        shown(stack.path())
    ));
    lines.join("\n")
}

/// The models that MODEL stands for: those of all layers, from below, of a stack.
pub fn models_of(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(StackDir::at(path).layers()?.unwrap_or_else(|| vec![path.to_owned()]))
}
