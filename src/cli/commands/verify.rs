//! `rhohat verify`: a line a check, and what all of them mean.

use std::time::Instant;

use crate::engine::device::{Choice, Selector};
use crate::error::Error;
use crate::io::atomic_write;
use crate::verify::checks::{Check, Finding, Group, checks, for_each};
use indicatif::ProgressBar;
use serde::Serialize;

use super::outputs::{Kind, Wanted};
use crate::cli::args::VerifyArgs;
use crate::cli::flags;
use crate::cli::junit::{TestCase, document};
use crate::cli::output::print;
use crate::cli::progress;

/// The report, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    device: String,
    adapter: String,
    seed: u64,
    /// Whether kernels were left out that whole steps use.
    quick: bool,
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
    seconds: f64,
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
    let junit = args
        .junit
        .as_deref()
        .map(|path| Wanted { flag: "--junit", path, kinds: &[Kind::Xml], inputs: &[], force: None }.check());
    let junit = junit.transpose()?;
    let mut checks = checks(&choice, args.seed);
    if args.quick {
        checks.retain(|check| check.group != Group::Kernels);
    }
    let bar = progress::bar(checks.len(), 20);
    let lines = for_each(&checks, &choice, |check, choice| line(check, choice, &bar))?;
    bar.finish_and_clear();

    let report = Report {
        device: args.device.clone(),
        adapter: choice.adapter(),
        seed: args.seed,
        quick: args.quick,
        passed: lines.iter().all(|line| line.passed),
        seconds: started.elapsed().as_secs_f64(),
        checks: lines,
    };
    if let Some(file) = &junit {
        let document = report.junit();
        atomic_write::write(file.path(), |to| to.write_all(document.as_bytes()))?;
    }
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
    let started = Instant::now();
    let result = check.run(choice);
    bar.inc(1);
    let passed = result.is_ok();
    let (finding, failure) = match result {
        Ok(finding) => (Some(finding), None),
        Err(failure) => (None, Some(flags::in_text(&failure.to_string()).replace('\n', " "))),
    };
    Line {
        group: check.group,
        name: check.name.clone(),
        passed,
        seconds: started.elapsed().as_secs_f64(),
        finding,
        failure,
    }
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
        "\n{passed} of {} checks passed, {cases} cases, {:.1} s{}",
        report.checks.len(),
        report.seconds,
        if report.quick { "; kernels by themselves were left out" } else { "" }
    ));
    lines.join("\n")
}

impl Report {
    /// The checks for services.
    fn junit(&self) -> String {
        fn case(line: &Line) -> TestCase<'_> {
            TestCase {
                group: line.group.name(),
                name: &line.name,
                failure: line.failure.as_deref(),
                output: line.text().trim().to_owned(),
                seconds: line.seconds,
            }
        }
        let cases: Vec<TestCase<'_>> = self.checks.iter().map(case).collect();
        document(&format!("rhohat verify, {}", self.adapter), self.seconds, &cases)
    }
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
