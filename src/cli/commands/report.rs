//! `rhohat report`: the page of a run.

use std::path::Path;

use serde_json::{Value, json};

use super::outputs::{Kind, Wanted};
use crate::Error;
use crate::cli::args::ReportArgs;
use crate::cli::output::print;
use crate::cli::progress;
use crate::engine::gpu::tune::{Tune, TuneMode};
use crate::error::shown;
use crate::io::paths::PathText;
use crate::run::session::{ProgressObserver, Reported, Stage, report};

/// Writes the reports.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    if args.out.is_some() && args.runs.len() > 1 {
        let fact = format!("-o names one file, but {} runs are given", args.runs.len());
        return Err(Error::usage(format!(
            "{fact}; leave it out, for a report.html in each, or give one run"
        ))
        .into());
    }
    let mut written = Vec::new();
    for run in &args.runs {
        let out = args.out.as_deref().map(|out| destination(args, run, out)).transpose()?;
        let Reported { page, without_result, without_units } =
            report(run, out, (&args.device, unchecked()), &mut Line(None))?;
        if let Some(why) = without_result {
            tracing::warn!("{}: without the result in summary.json: {why}", shown(&page));
        }
        if let Some(why) = &without_units {
            tracing::warn!("{}: without features and examples: {why}", shown(&page));
        }
        written.push(json!({
            "run": PathText::from(run.as_path()),
            "report": PathText::from(page.as_path()),
            "bytes": page.metadata().map(|metadata| metadata.len()).ok(),
            "without_result": without_result,
            "without_units": without_units.map(|why| why.to_string()),
        }));
    }
    let lines = |written: &Vec<Value>| {
        let line = |report: &Value| {
            format!("{}: {} bytes", report["report"].as_str().unwrap_or_default(), report["bytes"])
        };
        written.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    print(args.json, &written, lines)
}

/// Kernels by the kind of the device: a page is not worth a race.
fn unchecked() -> Tune {
    Tune { mode: TuneMode::Never, check: crate::verify::kernels::check_candidate }
}

/// The file of `-o`, if it may be written.
fn destination<'a>(args: &ReportArgs, run: &Path, out: &'a Path) -> anyhow::Result<&'a Path> {
    let inputs = ["config.toml", "metrics.jsonl", "model.safetensors"].map(|name| run.join(name));
    let inputs: Vec<&Path> = inputs.iter().map(|path| path.as_path()).collect();
    Wanted { flag: "-o", path: out, kinds: &[Kind::Html], inputs: &inputs, force: Some(args.force) }
        .check()?;
    Ok(out)
}

/// The last line of the terminal.
struct Line(Option<progress::Stage>);

impl ProgressObserver for Line {
    fn stage(&mut self, stage: Stage) {
        self.0 = None;
        if stage != Stage::Idle {
            self.0 = Some(progress::stage(stage.to_string()));
        }
    }
}
