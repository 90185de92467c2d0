//! The page: what was learned, how it went, what the units look for, and how to do it again.

use std::fmt::Display;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::chart::{AxisScale, Curves, Series, histogram, number};
use super::{Judged, Report, rows, tiles};
use crate::error::Result;
use crate::io::memory::Bytes;
use crate::io::text::counted;
use crate::run::summary::Summary;
use crate::train::Ended;
use crate::train::diagnostics::{SATURATED, is_dead};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Nothing is fetched from anywhere.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
/// Numbers of units that are listed.
const LISTED: usize = 60;

/// The whole page.
pub fn page(report: &Report<'_>) -> Result<Markup> {
    let units = report.model.as_ref().map(|model| match model.sample.form {
        Some(form) => tiles::sections(model, form),
        None => rows::sections(model),
    });
    let units = units.transpose()?;
    let head = html! {
        h1 { (report.name) }
        p { (headline(report)) }
        @if report.model.is_some() {
            p.note { "This page holds examples of the data that the model has learned from. Pass it on only where you may pass them on." }
        }
    };
    let (style, units) = units.map_or_else(Default::default, |units| (units.style, Some(units.markup)));
    let main = html! {
        (result(report))
        (course(report))
        @if let Some(model) = &report.model { (activity(report, model)) }
        @if let Some(units) = units { (units) }
        (repeat(report))
        (settings(report))
    };
    Ok(shell(&report.name, &style, &head, &main))
}

/// A page around its parts.
pub fn shell(title: &str, style: &str, head: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content={ "rhohat " (env!("CARGO_PKG_VERSION")) };
                title { (title) " – rhohat" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body {
                header { (head) }
                main { (main) }
                footer { p { "Made by rhohat " (env!("CARGO_PKG_VERSION")) ". Kullback–Leibler sparse autoencoders after Ng, CS294A." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// What was trained on what, in a sentence.
fn headline(report: &Report<'_>) -> String {
    let data = report.summary.and_then(|summary| summary.data["line"].as_str().map(str::to_owned));
    let shape = report.model.as_ref().map(|model| model.params.shape);
    let units = shape.map(|shape| format!("{} inputs, {} hidden units", shape.visible, shape.hidden));
    [units, data].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A table of names and values.
pub fn facts<N: Display, V: Display>(facts: impl IntoIterator<Item = (N, V)>) -> Markup {
    html! {
        dl {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}

fn result(report: &Report<'_>) -> Markup {
    let Some(summary) = report.summary else {
        let why = report.about_result.unwrap_or("The run has not come to a result yet.");
        return html! { section { h2 { "Result" } p { (why) } } };
    };
    let Summary { terms, measures, rho_hat, units, .. } = summary;
    let mut lines = vec![
        ("J".to_owned(), number(terms.j)),
        ("reconstruction".to_owned(), number(terms.reconstruction)),
        ("weight decay".to_owned(), number(terms.decay)),
        ("sparsity penalty (KL)".to_owned(), number(terms.kl)),
    ];
    if let Some(measures) = measures {
        let explained =
            measures.explained_variance.map_or("undefined: the data do not vary".to_owned(), percent);
        lines.push(("explained variance".to_owned(), explained));
        lines.push(("mean squared error".to_owned(), number(measures.mse)));
        lines.push((
            "active units an example".to_owned(),
            format!("{} of {}", number(measures.l0), summary.hidden),
        ));
    }
    let range = format!("{} ({} to {})", number(rho_hat.mean), number(rho_hat.min), number(rho_hat.max));
    lines.push((format!("mean activation ρ̂ (ρ is {})", number(report.objective.penalty.rho)), range));
    if let Some(validation) = &summary.validation {
        let over = counted(validation.examples, "held-out example");
        let term = validation
            .reconstruction
            .map_or(String::new(), |term| format!(", reconstruction {}", number(term)));
        lines.push((
            format!("J over {over}"),
            format!("{}{term}, lowest after step {}", number(validation.j), validation.step),
        ));
    }
    let over = match summary.measured == summary.examples {
        true => counted(summary.examples, "example"),
        false => format!("{} of {}", summary.measured, counted(summary.examples, "example")),
    };
    let faults =
        format!("{} dead, {} saturated, {}", units.dead, units.saturated, units.likeness(summary.hidden));
    html! {
        section {
            h2 { "Result" }
            (facts(lines))
            p { (ended(summary)) " J and its terms are over " (over) ". Units: " (faults) "." }
            @if let Some(about) = report.about_result { p.note { (about) } }
            @if let Some(fall) = &summary.fall {
                p.note { "J was still falling, by " (number(100.0 * fall.share)) " % at last: a longer run would lower it." }
            }
        }
    }
}

fn ended(summary: &Summary) -> String {
    let why = match summary.ended {
        Ended::Steps => "as long as asked",
        Ended::Converged => "converged",
        Ended::Stopped => "interrupted, and can go on",
        Ended::Time => "out of time, and can go on",
        Ended::Early => "ended as it got no better on held-out examples",
    };
    format!("{}, {why}.", counted(summary.steps, "step"))
}

fn percent(share: f64) -> String {
    format!("{} %", number(100.0 * share))
}

/// Curves.
fn course(report: &Report<'_>) -> Markup {
    let history = &report.history;
    let of = |name: &'static str, class, field: &str| Series {
        name: name.into(),
        class,
        values: history.values(field),
    };
    let curves =
        |title, scale, series, level| Curves { title, steps: &history.steps, scale, series, level }.draw();
    let rho = report.objective.penalty.rho;
    let charts = [
        curves(
            "J and its terms",
            AxisScale::Log,
            vec![
                of("J", "a", "j"),
                of("reconstruction", "b", "reconstruction"),
                of("weight decay", "c", "decay"),
                of("sparsity penalty", "d", "kl"),
                of("J, held out", "e", "validation"),
                of("reconstruction, held out", "f", "validation_reconstruction"),
            ],
            None,
        ),
        curves(
            "Explained variance",
            AxisScale::Linear,
            vec![
                of("training", "a", "explained_variance"),
                Series {
                    name: "held out".into(),
                    class: "e",
                    values: history.held_out("explained_variance"),
                },
            ],
            None,
        ),
        curves(
            "Mean activation ρ̂ of the units",
            AxisScale::Log,
            vec![
                of("largest", "b", "rho_hat_max"),
                of("mean", "a", "rho_hat_mean"),
                of("least", "c", "rho_hat_min"),
            ],
            Some((rho, "ρ")),
        ),
        curves(
            "Gradient norm and rate",
            AxisScale::Log,
            vec![of("gradient norm", "a", "gradient_norm"), of("rate", "b", "lr")],
            None,
        ),
    ];
    let charts: Vec<Markup> = charts.into_iter().flatten().collect();
    html! {
        section {
            h2 { "Course" }
            @if charts.is_empty() {
                p { "Too few steps were reported for a curve." }
            } @else {
                div.charts { @for chart in &charts { (chart) } }
            }
        }
    }
}

/// Histograms, and the units that do no work, by number.
fn activity(report: &Report<'_>, model: &Judged<'_>) -> Markup {
    let rho = report.objective.penalty.rho;
    let numbered =
        |is: &dyn Fn(usize) -> bool| (0..model.rho_hat.len()).filter(|&unit| is(unit)).collect::<Vec<_>>();
    let dead = numbered(&|unit| is_dead(model.rho_hat[unit], &report.objective));
    let saturated = numbered(&|unit| model.rho_hat[unit] > SATURATED);
    let duplicates = &model.duplicates.pairs;
    let over = counted(model.sample.judged, "example");
    let sample = match model.sample.judged < model.sample.all {
        true => format!(
            "ρ̂ and the share of examples are over {over} of {}, evenly spaced, here and below.",
            model.sample.all
        ),
        false => format!("ρ̂ and the share of examples are over all {over}, here and below."),
    };
    let like = match model.duplicates.compared < model.rho_hat.len() {
        true => format!(
            "encoder rows that point where an earlier unit's does, among {} units",
            model.duplicates.compared
        ),
        false => "encoder rows that point where an earlier unit's does".to_owned(),
    };
    html! {
        section {
            h2 { "Activity" }
            p { (sample) }
            div.charts {
                (histogram("Units by mean activation ρ̂", "ρ̂", model.rho_hat, Some((rho, "ρ"))))
                (histogram(
                    &format!("Units by the share of {over} that make them active"),
                    "share",
                    &model.sample.density,
                    None,
                ))
            }
            (list("Dead", "ρ̂ below a tenth of ρ", dead.iter(), dead.len()))
            (list("Saturated", "ρ̂ above 0.9", saturated.iter(), saturated.len()))
            (list(
                "Duplicates",
                &like,
                duplicates.iter().map(|(unit, earlier)| format!("{unit} of {earlier}")),
                duplicates.len(),
            ))
        }
    }
}

fn list(name: &str, meaning: &str, units: impl Iterator<Item = impl Display>, count: usize) -> Markup {
    let listed: Vec<String> = units.take(LISTED).map(|unit| unit.to_string()).collect();
    html! {
        p {
            b { (name) } " (" (meaning) "): "
            @if count == 0 { "none." } @else {
                (listed.join(", "))
                @if count > LISTED { " and " (count - LISTED) " more" }
                "."
            }
        }
    }
}

/// How to do it again, and what it took.
fn repeat(report: &Report<'_>) -> Markup {
    let environment = &report.environment;
    let text = |name: &str| environment[name].as_str().unwrap_or("unknown").to_owned();
    let argv: Vec<String> = environment["argv"]
        .as_array()
        .map(|argv| argv.iter().filter_map(Value::as_str).map(quoted).collect())
        .unwrap_or_default();
    let mut lines = vec![
        ("device", format!("{} ({})", text("adapter"), text("device"))),
        ("platform", format!("{}, {} threads", text("platform"), environment["threads"])),
        ("program", format!("rhohat {}", text("rhohat"))),
        ("begun", text("started")),
    ];
    if let Some(summary) = report.summary {
        let speed = number(summary.samples_per_second.round());
        lines.push(("training", format!("{} s, {speed} examples/s", number(summary.seconds))));
        lines.push(("start-up", format!("{} s", number(summary.startup_seconds))));
        if let Some(peak) = summary.peak_memory {
            lines.push(("memory at most", Bytes(peak).to_string()));
        }
        lines.push(("seed", summary.seed.to_string()));
    }
    html! {
        section {
            h2 { "Again" }
            (facts(lines))
            @if !argv.is_empty() {
                p { "This command line began the run:" }
                pre tabindex="0" { code { (argv.join(" ")) } }
            }
            p { "The same settings anywhere: " code { "rhohat train --config config.toml" } ", with the file beside this page." }
        }
    }
}

/// A word of a command line as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@^".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn settings(report: &Report<'_>) -> Markup {
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_setting = |(name, value): &(&String, &toml::Value)| {
        !value.is_table() && *name != "format" && !name.ends_with("_as_given")
    };
    let chosen = report.settings.iter().filter(is_setting).map(|(name, value)| (name, text(value)));
    let derived = report.settings.get("derived").and_then(toml::Value::as_table);
    html! {
        section {
            h2 { "Settings" }
            (facts(chosen))
            @if let Some(derived) = derived {
                h3 { "What followed from them, the data and the machine" }
                (facts(derived.iter().map(|(name, value)| (name, text(value)))))
            }
        }
    }
}
