//! Runs beside one another as one page: what differs, what came of it, and their curves over each other.

use std::collections::BTreeSet;
use std::io::Write;

use maud::{Markup, html};
use serde_json::Value;

use super::chart::{AxisScale, Curves, Series, number};
use super::history::History;
use super::page::shell;
use crate::error::Result;
use crate::run::catalog::{RESULTS, RunRecord, differing};
use crate::run::condition::text;
use crate::run::{METRICS, RunDir};

/// Classes of curves, one a run.
const CLASSES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Steps of all runs together that a chart has.
const STEPS: usize = 4000;

/// Writes the page.
///
/// # Errors
/// Where the files of a run cannot be read.
pub fn write(runs: &[RunRecord], to: &mut dyn Write) -> Result<std::io::Result<()>> {
    let histories = runs.iter().map(|run| {
        let metrics = RunDir::open(&run.run)?.folder().open(METRICS)?;
        Ok(metrics.map_or_else(History::default, |(file, _)| History::read(file)))
    });
    let histories = histories.collect::<Result<Vec<_>>>()?;
    Ok(to.write_all(page(runs, &histories).into_string().as_bytes()))
}

fn page(runs: &[RunRecord], histories: &[History]) -> Markup {
    let settings = differing(runs);
    let results: Vec<&str> =
        RESULTS.into_iter().filter(|name| runs.iter().any(|run| run.result.contains_key(*name))).collect();
    let head = html! {
        h1 { (runs.len()) " runs" }
        p { "J means another thing under another β, λ or ρ: where these differ, compare what is reconstructed or explained." }
    };
    let main = html! {
        section {
            h2 { "Settings that differ" }
            @if settings.is_empty() { p { "None." } } @else {
                (table(runs, settings.iter().map(String::as_str), |run, name| run.settings.get(name)))
            }
        }
        section { h2 { "Results" } (table(runs, results.into_iter(), |run, name| run.result.get(name))) }
        section {
            h2 { "Course" }
            div.charts {
                @for (title, name, scale) in [
                    ("Reconstruction", "reconstruction", AxisScale::Log),
                    ("Reconstruction of held-out examples", "validation_reconstruction", AxisScale::Log),
                    ("Explained variance", "explained_variance", AxisScale::Linear),
                    ("J", "j", AxisScale::Log),
                    ("Mean activation ρ̂", "rho_hat_mean", AxisScale::Log),
                ] {
                    @if let Some(chart) = overlaid(runs, histories, (title, name, scale)) { (chart) }
                }
            }
        }
    };
    shell(&format!("{} runs", runs.len()), "", &head, &main)
}

/// A row a name, a column a run.
fn table<'a>(
    runs: &'a [RunRecord],
    names: impl Iterator<Item = &'a str>,
    value: impl Fn(&'a RunRecord, &'a str) -> Option<&'a Value>,
) -> Markup {
    let shown = |value: Option<&Value>| match value {
        None => "–".to_owned(),
        Some(value) => value.as_f64().map_or_else(|| text(value), number),
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { td {} @for run in runs { th scope="col" { (run.name()) } } } }
                tbody { @for name in names { tr { th scope="row" { (name) } @for run in runs { td { (shown(value(run, name))) } } } } }
            }
        }
    }
}

/// A value of all runs over the steps of all.
fn overlaid(
    runs: &[RunRecord],
    histories: &[History],
    (title, name, scale): (&str, &str, AxisScale),
) -> Option<Markup> {
    let all: BTreeSet<u64> =
        histories.iter().flat_map(|history| history.steps.iter().map(|step| *step as u64)).collect();
    let every = all.len().div_ceil(STEPS).max(1);
    let steps: Vec<f64> = all.into_iter().step_by(every).map(|step| step as f64).collect();
    let of_run = |(place, (run, history)): (usize, (&RunRecord, &History))| {
        let mut values = vec![None; steps.len()];
        for (step, value) in history.steps.iter().zip(history.values(name)) {
            if let Ok(at) = steps.binary_search_by(|other| other.total_cmp(step)) {
                values[at] = value;
            }
        }
        Series { name: run.name().into(), class: CLASSES[place % CLASSES.len()], values }
    };
    let series = runs.iter().zip(histories).enumerate().map(of_run).collect();
    Curves { title, steps: &steps, scale, series, level: None }.draw()
}
