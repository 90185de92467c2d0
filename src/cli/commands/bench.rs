//! `rhohat bench`: from arguments to tables, JSON and a chart.

use crate::Error;
use crate::bench::ladder::ladder;
use crate::bench::{Bench, Options, What, chart, report, tasks};
use crate::io::atomic_write;
use crate::math::objective::{Objective, Penalty};

use super::outputs::{Kind, Wanted};
use crate::cli::args::BenchArgs;
use crate::cli::output::print;
use crate::cli::progress;

/// Validates, measures and prints.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let chart = args.chart.as_deref().map(|path| {
        let force = Some(args.force);
        Wanted { flag: "--chart", path, kinds: &[Kind::Svg], inputs: &[], force }.check()
    });
    let chart = chart.transpose()?;
    let mut bench = Bench::new(options(args)?)?;
    let tasks = tasks(&bench);
    let bar = progress::bar(tasks.len(), 20);
    for task in tasks {
        bar.set_message(task.name.clone());
        task.run(&mut bench)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    for warning in report::warnings(&bench) {
        tracing::warn!("{warning}");
    }
    if let Some(chart) = chart {
        let picture = chart::roofline(&bench);
        atomic_write::write(chart.path(), |out| out.write_all(picture.as_bytes()))?;
    }
    if args.step.is_some() {
        bench.rows.retain(|row| matches!(row.what, What::Step | What::StepWithJ));
    }
    print(args.json, &bench.rows, |_| report::text(&bench, args.markdown))
}

/// What is asked for, ladders sorted by their work.
fn options(args: &BenchArgs) -> crate::Result<Options> {
    let flag = |name: &str, error: Error| match error {
        Error::Usage(why) => Error::usage(format!("{name} {why}")),
        other => other,
    };
    let usual = if args.quick { "small" } else { "lecture" };
    let mut sizes = match &args.step {
        Some(step) => vec![step.parse().map_err(|error| flag("--step", error))?],
        None => ladder(args.ladder.as_deref().unwrap_or(usual)).map_err(|error| flag("--ladder", error))?,
    };
    sizes.sort_by(|a, b| a.flops().total_cmp(&b.flops()));
    let (activation, output) = (args.activation, args.output);
    let objective = Objective { activation, output, penalty: Penalty::kl(0.05), ..Objective::default() };
    let (devices, tune) = (args.device.clone(), args.tune.mode(false)?);
    Ok(Options { devices, sizes, steps_alone: args.step.is_some(), objective, quick: args.quick, tune })
}
