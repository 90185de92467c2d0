//! `rhohat bench`: from arguments to an answer, and to files of every kind; or two such files side by side.

use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::outputs::{Destination, Kind, Wanted};
use crate::Error;
use crate::bench::comparison::Comparison;
use crate::bench::ladder::ladder;
use crate::bench::{Bench, Options, Results, chart, report, tasks};
use crate::cli::args::BenchArgs;
use crate::cli::output::print;
use crate::cli::progress;
use crate::data::write::RowsKind;
use crate::error::shown;
use crate::io::atomic_write;
use crate::math::objective::{Objective, Penalty};
use crate::run::condition::flattened;

/// What can be exported.
const KINDS: [Kind; 4] = [Kind::Json, Kind::Rows(RowsKind::Csv), Kind::Markdown, Kind::Svg];
/// Columns of a table of measurements: of all rows, of the device, of the row.
const COLUMNS: [&str; 21] = [
    "rhohat",
    "started",
    "processor",
    "what",
    "device",
    "engine",
    "adapter",
    "shape.n",
    "shape.h",
    "shape.m",
    "variant",
    "median_ms",
    "best_ms",
    "q1_ms",
    "q3_ms",
    "runs",
    "gflops",
    "share_of_ceiling",
    "gbytes_per_second",
    "samples_per_second",
    "target",
];

/// Validates, measures and prints, or compares.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    if let [mine, theirs] = &args.compare[..] {
        return compare(mine, theirs, args);
    }
    let exports = exports(args)?;
    let mut bench = Bench::new(options(args)?)?;
    let tasks = tasks(&bench);
    let bar = progress::bar(tasks.len(), 20);
    for task in tasks {
        bar.set_message(task.name.clone());
        task.run(&mut bench)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let results = bench.finish();
    for warning in report::warnings(&results) {
        tracing::warn!("{warning}");
    }
    for export in &exports {
        atomic_write::write(export.path(), |out| write(&results, export.kind, out))?;
    }
    print(args.json, &results, |results| {
        let mut text = if args.markdown { report::markdown(results) } else { report::text(results) };
        for export in &exports {
            text += &format!("\n{}: {}", shown(export.path()), holds(export.kind));
        }
        text
    })
}

/// Two files of results.
fn compare(mine: &Path, theirs: &Path, args: &BenchArgs) -> anyhow::Result<()> {
    let (ours, others) = (Results::open(mine)?, Results::open(theirs)?);
    let names = [mine, theirs].map(|path| shown(path).to_string());
    let comparison = Comparison::of(names, [&ours, &others])?;
    print(args.json, &comparison, |comparison| comparison.text(args.markdown))
}

/// The files to write, none of them twice.
fn exports(args: &BenchArgs) -> crate::Result<Vec<Destination>> {
    let wanted =
        |path| Wanted { flag: "--export", path, kinds: &KINDS, inputs: &[], force: Some(args.force) };
    if let Some((_, twice)) =
        args.export.iter().enumerate().find(|(i, path)| args.export[..*i].contains(path))
    {
        return Err(Error::usage(format!("--export {} is given twice", shown(twice))));
    }
    args.export.iter().map(|path| wanted(path).check()).collect()
}

fn write(results: &Results, kind: Kind, out: &mut dyn Write) -> io::Result<()> {
    match kind {
        Kind::Json => {
            serde_json::to_writer_pretty(&mut *out, results)?;
            out.write_all(b"\n")
        }
        Kind::Markdown => out.write_all((report::markdown(results) + "\n").as_bytes()),
        Kind::Svg => out.write_all(chart::draw(results).as_bytes()),
        _ => table(results, out),
    }
}

/// A line a measurement.
fn table(results: &Results, out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS)?;
    for row in &results.rows {
        let mut cells = flattened(serde_json::to_value(row)?);
        if let Some(who) = results.devices.iter().find(|who| who.device == row.device) {
            cells.extend(flattened(serde_json::to_value(who)?));
        }
        for (name, text) in [
            ("rhohat", &results.rhohat),
            ("started", &results.started),
            ("processor", &results.host.processor),
        ] {
            cells.insert(name.to_owned(), text.as_str().into());
        }
        let text = |name: &&str| match cells.get(*name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        table.write_record(COLUMNS.iter().map(text))?;
    }
    table.flush()
}

fn holds(kind: Kind) -> &'static str {
    match kind {
        Kind::Json => "all of it, for programs and --compare",
        Kind::Markdown => "the same tables",
        Kind::Svg => "a chart of the devices, and rooflines",
        _ => "a line a measurement",
    }
}

/// What is asked for, ladders sorted by their work.
fn options(args: &BenchArgs) -> crate::Result<Options> {
    let flag = |name: &str, error: Error| match error {
        Error::Usage(why) => Error::usage(format!("{name} {why}")),
        other => other,
    };
    let usual = if args.quick { "small" } else { "usual" };
    let mut sizes = match &args.step {
        Some(step) => vec![step.parse().map_err(|error| flag("--step", error))?],
        None => ladder(args.ladder.as_deref().unwrap_or(usual)).map_err(|error| flag("--ladder", error))?,
    };
    sizes.sort_by(|a, b| a.flops().total_cmp(&b.flops()));
    let (activation, output) = (args.activation, args.output);
    let objective = Objective { activation, output, penalty: Penalty::kl(0.05), ..Objective::default() };
    Ok(Options {
        devices: args.device.clone(),
        sizes,
        steps_alone: args.step.is_some(),
        kernels: args.kernels,
        objective,
        quick: args.quick,
        tune: args.tune.mode(false)?,
    })
}
