//! `rhohat verify`: a line a check, and what all of them mean.

use std::time::Instant;

use crate::engine::device::{Choice, Selector};
use crate::error::Error;
use crate::verify::checks::{Check, Finding, Group, checks, for_each};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::VerifyArgs;
use crate::cli::flags;
use crate::cli::output::print;
use crate::cli::progress;

/// The report, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    device: String,
    adapter: String,
    seed: u64,
    passed: bool,
    seconds: f64,
    checks: Vec<Line>,
}

/// What came of one check.
#[derive(Debug, Serialize)]
struct Line {
    group: Group,
    name: String,
    passed: bool,
    #[serde(flatten)]
    finding: Option<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Runs every check; fails after the last one if any did.
pub fn run(args: &VerifyArgs) -> anyhow::Result<u8> {
    let started = Instant::now();
    let choice = Choice::resolve(&args.device.parse::<Selector>()?)?;
    args.force_variant.map(|variant| choice.force(variant)).transpose()?;
    let checks = checks(&choice, args.seed);
    let bar = progress::bar(checks.len(), 20);
    let lines = for_each(&checks, &choice, |check, choice| line(check, choice, &bar))?;
    bar.finish_and_clear();

    let report = Report {
        device: args.device.clone(),
        adapter: choice.adapter(),
        seed: args.seed,
        passed: lines.iter().all(|line| line.passed),
        seconds: started.elapsed().as_secs_f64(),
        checks: lines,
    };
    print(args.json, &report, text)?;
    let failed: Vec<&str> =
        report.checks.iter().filter(|line| !line.passed).map(|line| line.name.as_str()).collect();
    if failed.is_empty() {
        return Ok(0);
    }
    Err(Error::device(format!(
        "{} computes wrong results: {} of {} checks failed ({}); update its driver or use another --device",
        report.adapter,
        failed.len(),
        report.checks.len(),
        failed.join(", ")
    ))
    .into())
}

fn line(check: &Check, choice: &Choice, bar: &ProgressBar) -> Line {
    bar.set_message(check.name.clone());
    let result = check.run(choice);
    bar.inc(1);
    let passed = result.is_ok();
    let (finding, failure) = match result {
        Ok(finding) => (Some(finding), None),
        Err(failure) => (None, Some(flags::in_text(&failure.to_string()).replace('\n', " "))),
    };
    Line { group: check.group, name: check.name.clone(), passed, finding, failure }
}

fn text(report: &Report) -> String {
    let mut lines = vec![report.adapter.clone()];
    let mut group = None;
    for line in &report.checks {
        if group != Some(line.group) {
            group = Some(line.group);
            lines.push(format!("\n{}", line.group.title()));
        }
        lines.push(line.text());
    }
    let passed = report.checks.iter().filter(|line| line.passed).count();
    let cases: usize = report.checks.iter().filter_map(|line| line.finding).map(|f| f.cases).sum();
    lines.push(format!(
        "\n{passed} of {} checks passed, {cases} cases, {:.1} s",
        report.checks.len(),
        report.seconds
    ));
    lines.join("\n")
}

impl Line {
    fn text(&self) -> String {
        match (&self.finding, &self.failure) {
            (Some(found), _) => {
                let worst = if found.bound < 1e-3 {
                    format!("{:.1e} of {:.0e}", found.worst, found.bound)
                } else {
                    format!("{:.3}", found.worst)
                };
                format!("  ok      {:<40} {:>4} cases  {worst}", self.name, found.cases)
            }
            (None, failure) => {
                format!("  FAILED  {:<40} {}", self.name, failure.as_deref().unwrap_or_default())
            }
        }
    }
}
