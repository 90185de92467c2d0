//! The result of a run in words.

use indicatif::HumanCount;

use crate::cli::commands::measures;
use crate::error::{plain, shown};
use crate::io::text::counted;
use crate::run::summary::{Summary, Validation};
use crate::train::Ended;
use crate::train::trend::Fall;

/// The summary for people.
pub fn text(summary: &Summary) -> String {
    let Summary { terms, rho_hat, units, .. } = summary;
    let mut text = format!(
        "J          {:.4} = reconstruction {:.4} + decay {:.4} + kl {:.4}{}\n\
         {}rho-hat    {:.5} to {:.5}, mean {:.5}; {} of {} units dead, {} saturated\n\
         {}units      {}\n\
         training   {}{} in {:.2} s, {} samples/s, seed {}; {:.2} s to start\n\
         device     {} ({})",
        terms.j,
        terms.reconstruction,
        terms.decay,
        terms.kl,
        measured(summary),
        summary.measures.map_or(String::new(), |it| measures::lines(&it, summary.hidden) + "\n"),
        rho_hat.min,
        rho_hat.max,
        rho_hat.mean,
        units.dead,
        summary.hidden,
        units.saturated,
        clamped(summary.clamped),
        units.likeness(summary.hidden) + &revived(summary.revived),
        counted(summary.steps, "step"),
        early(summary.ended),
        summary.seconds,
        HumanCount(summary.samples_per_second as u64),
        summary.seed,
        summary.startup_seconds,
        plain(&summary.adapter),
        plain(&summary.device),
    );
    if let Some(Validation { j, reconstruction, step, falling, examples, .. }) = summary.validation {
        let term = reconstruction.map_or_else(String::new, |term| format!(", reconstruction {term:.4}"));
        let examples = counted(examples, "example");
        text += &format!(
            "\nheld out   J {j:.4}{term} over {examples}, lowest after step {step}: that model is kept"
        );
        if falling && summary.ended == Ended::Steps {
            text += &format!("; it had not stopped falling: more {}", longer(summary));
        }
    }
    if let Some(Fall { share, steps, .. }) = summary.fall {
        let over = match summary.epochs {
            Some(_) => "epoch".to_owned(),
            None => format!("{} steps", HumanCount(steps as u64)),
        };
        text += &format!(
            "\nlonger     J fell {:.1} % in the last {over}: more {}",
            100.0 * share,
            longer(summary)
        );
    }
    if let Some(files) = &summary.files {
        text += &format!("\nmodel      {}", shown(&files.model));
        if let Some(features) = &files.features {
            text += &format!("\nfeatures   {}", shown(features));
        }
        if let Some(report) = &files.report {
            text += &format!("\nreport     {}", shown(report));
        }
    }
    text
}

/// Where J is not over all examples, over how many it is.
fn measured(summary: &Summary) -> String {
    let Summary { measured, examples, .. } = *summary;
    if measured == examples {
        return String::new();
    }
    format!(" over {} of {} examples", HumanCount(measured as u64), HumanCount(examples as u64))
}

/// The flag that makes a run longer, and its value.
fn longer(summary: &Summary) -> String {
    match summary.epochs {
        Some(epochs) => format!("--epochs ({epochs} now) would lower it"),
        None => format!("--steps ({} now) would lower it", HumanCount(summary.steps as u64)),
    }
}

/// A run that was shorter than asked for says why.
fn early(ended: Ended) -> &'static str {
    match ended {
        Ended::Steps => "",
        Ended::Converged => " (converged)",
        Ended::Stopped => " (interrupted)",
        Ended::Time => " (out of time)",
        Ended::Early => " (no better on held-out examples)",
    }
}

/// Clamping changes J silently where it happens, so it is told.
fn clamped(reports: usize) -> String {
    if reports == 0 {
        return String::new();
    }
    let fact = "a unit was so near to always off or always on that KL was taken at 2^-24 from there";
    format!("clamped    in {}: {fact}\n", counted(reports, "report"))
}

fn revived(units: Option<usize>) -> String {
    units.map_or(String::new(), |units| format!(", {units} revived on the way"))
}
