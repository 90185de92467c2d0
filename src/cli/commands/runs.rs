//! `rhohat runs`: the runs of a folder, with what tells them apart and what came of them. `rhohat compare`: some of them side by
//! side.

use std::path::{Path, PathBuf};

use console::Term;
use serde::Serialize;
use serde_json::Value;

use super::outputs::{Destination, Kind, Wanted};
use crate::Error;
use crate::cli::args::{CompareArgs, RunsArgs};
use crate::cli::output::print;
use crate::cli::table::Table;
use crate::data::write::RowsKind;
use crate::error::{plain, shown};
use crate::io::atomic_write;
use crate::io::text::counted;
use crate::run::catalog::{RESULTS, RunRecord, differing, names, runs_in, sort, yardstick};
use crate::run::condition::{Condition, text};
use crate::run::report::compare;

/// Columns of a line where there is no terminal.
const WIDTH: usize = 200;

/// Lists runs.
pub fn list(args: &RunsArgs) -> anyhow::Result<()> {
    let kinds = [Kind::Rows(RowsKind::Csv), Kind::Rows(RowsKind::Tsv)];
    let out = args.out.as_deref().map(|path| Wanted {
        flag: "-o",
        path,
        kinds: &kinds,
        inputs: &[],
        force: Some(args.force),
    });
    let out = out.map(|wanted| wanted.check()).transpose()?;
    let found = runs_in(&args.folder)?;
    let known = names(&found);
    let asked = args.conditions.iter().map(Condition::name).chain(args.sort.as_deref());
    for name in asked {
        if !["run", "state", "begun"].contains(&name) && !known.contains_key(name) && !found.is_empty() {
            let all: Vec<&str> = RESULTS.iter().copied().filter(|name| known.contains_key(*name)).collect();
            let fact = format!("{name}: no run has a setting or a result of that name");
            let way = format!("give one of config.toml or of summary.json, as beta or {}", all.join(", "));
            return Err(Error::usage(format!("{fact}; {way}")).into());
        }
    }
    let all = found.len();
    let mut runs: Vec<RunRecord> = found
        .into_iter()
        .filter(|run| {
            args.conditions.iter().all(|condition| condition.holds(run.value(condition.name()).as_ref()))
        })
        .collect();
    let (best, more_is_better) = yardstick(&runs);
    match args.sort.as_deref() {
        Some(name) => sort(&mut runs, name, args.reverse),
        None => sort(&mut runs, best, more_is_better != args.reverse),
    }
    if let Some(out) = &out {
        write(&runs, out)?;
    }
    print(args.json, &runs, |runs| {
        if runs.is_empty() {
            return format!("{}: no run of {all}", shown(&args.folder));
        }
        let settings = differing(runs);
        let mut text = words(runs, &["state"], settings.iter().map(String::as_str));
        let by = args.sort.as_deref().unwrap_or(best);
        text += &format!("\n{} of {all}, by {by}", counted(runs.len(), "run"));
        let data = |run: &RunRecord| run.result.get("data.path").cloned();
        if args.sort.is_none() && runs.iter().any(|run| data(run) != data(&runs[0])) {
            text += "; they learned from different data, on which the same number means different things";
        }
        text
    })
}

/// What differs between some runs.
#[derive(Serialize)]
struct Compared {
    differing: Vec<String>,
    runs: Vec<RunRecord>,
}

/// Compares runs.
pub fn side_by_side(args: &CompareArgs) -> anyhow::Result<()> {
    if args.runs.len() < 2 {
        return Err(
            Error::usage("one run is nothing to compare; give two or more, or rhohat report RUN").into()
        );
    }
    let inputs: Vec<PathBuf> = args.runs.iter().map(|run| run.join("metrics.jsonl")).collect();
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    let wanted =
        |path| Wanted { flag: "-o", path, kinds: &[Kind::Html], inputs: &inputs, force: Some(args.force) };
    let out = args.out.as_deref().map(|path| wanted(path).check()).transpose()?;
    let runs = args.runs.iter().map(|run| RunRecord::open(run)).collect::<crate::Result<Vec<_>>>()?;
    if let Some(out) = &out {
        let mut failed = None;
        let written = atomic_write::write(out.path(), |to| match compare::write(&runs, to) {
            Ok(written) => written,
            Err(error) => {
                failed = Some(error);
                Err(std::io::Error::other("a run cannot be read"))
            }
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        written?;
    }
    let compared = Compared { differing: differing(&runs), runs };
    print(args.json, &compared, |Compared { differing, runs }| {
        let mut text = across(runs, differing);
        if let Some(out) = &args.out {
            text += &format!("\n{}: their curves", shown(out));
        }
        text
    })
}

/// Settings and results, a column each.
fn words<'a>(runs: &[RunRecord], first: &[&'a str], settings: impl Iterator<Item = &'a str>) -> String {
    let results = RESULTS.into_iter().filter(|name| runs.iter().any(|run| run.result.contains_key(*name)));
    let columns: Vec<&str> = first.iter().copied().chain(settings).chain(results).collect();
    let mut table = Table::new(std::iter::once("run").chain(columns.iter().copied()));
    for run in runs {
        let cells = columns.iter().map(|name| cell(run.value(name)));
        table.push(std::iter::once(plain(&run.name()).into_owned()).chain(cells).collect());
    }
    let (lines, left) = table.lines(width());
    let mut text = lines.join("\n");
    if !left.is_empty() {
        text += &format!("\nno room for {}; --json or -o runs.csv has all", left.join(", "));
    }
    text
}

/// Settings that differ and results, a row each.
fn across(runs: &[RunRecord], settings: &[String]) -> String {
    let names: Vec<String> = runs.iter().map(|run| plain(&run.name()).into_owned()).collect();
    let mut table = Table::new(std::iter::once("").chain(names.iter().map(String::as_str)));
    let results = RESULTS.into_iter().filter(|name| runs.iter().any(|run| run.result.contains_key(*name)));
    for name in std::iter::once("state").chain(settings.iter().map(String::as_str)).chain(results) {
        let cells = runs.iter().map(|run| match settings.iter().any(|setting| setting == name) {
            true => cell(run.settings.get(name).cloned()),
            false => cell(run.value(name)),
        });
        table.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    let (lines, left) = table.lines(width());
    let mut text = lines.join("\n");
    if !left.is_empty() {
        text += &format!("\nno room for {}; --json or -o compare.html has all", left.join(", "));
    }
    text
}

fn width() -> usize {
    let term = Term::stdout();
    if term.is_term() { usize::from(term.size().1) } else { WIDTH }
}

/// A value in a table: numbers in four digits.
fn cell(value: Option<Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(value) => match value.as_f64() {
            Some(number) if value.is_f64() => crate::run::report::number(number),
            _ => plain(&text(&value)).into_owned(),
        },
    }
}

/// All settings and results as a table of text, a row a run.
fn write(runs: &[RunRecord], out: &Destination) -> crate::Result<()> {
    let known = names(runs);
    let columns: Vec<&str> =
        ["run", "state", "begun"].into_iter().chain(known.keys().map(String::as_str)).collect();
    let delimiter = if out.kind == Kind::Rows(RowsKind::Tsv) { b'\t' } else { b',' };
    atomic_write::write(out.path(), |to| {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(to);
        writer.write_record(&columns)?;
        for run in runs {
            let value = |name: &&str| run.value(name).map(|value| text(&value)).unwrap_or_default();
            writer.write_record(columns.iter().map(value))?;
        }
        writer.flush()
    })
}
