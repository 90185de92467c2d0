//! Units and examples that are rows: the inputs that weigh most, and the examples that excite each unit, by number.

use maud::{Markup, html};

use super::Judged;
use super::chart::number;
use super::tiles::Sections;
use crate::error::Result;

/// Inputs of a unit that are told.
const TOLD: usize = 5;
/// Examples that are drawn beside their reconstructions, and numbers of a line.
const DRAWN: usize = 8;
const LINE: usize = 240;

/// The table of units, and some rows with what the model makes of them.
///
/// # Errors
/// None; pictures have some.
pub fn sections(model: &Judged<'_>) -> Result<Sections> {
    let sample = model.sample;
    let visible = model.params.shape.visible;
    let shown: Vec<f32> = sample
        .units
        .iter()
        .flat_map(|unit| model.params.w1[unit.number * visible..][..visible].iter().copied())
        .collect();
    let weights = model.preprocess.weights_of_inputs(&shown);
    let cols = model.preprocess.inputs_of(visible).max(1);
    let hidden = model.params.shape.hidden;
    let pairs = sample.pairs.iter().zip(sample.outputs.chunks_exact(cols)).take(DRAWN);
    let markup = html! {
        section {
            h2 { "Units" }
            p {
                "The inputs that weigh most in each hidden unit, counted from 0 as the columns of the data"
                @if sample.units.len() < hidden { "; " (sample.units.len()) " of " (hidden) " units, evenly spaced" }
                "."
            }
            div.scroll tabindex="0" {
                table #units {
                    thead { tr {
                        th scope="col" { "unit" } th scope="col" { "ρ̂" } th scope="col" { "active in" } th scope="col" { "norm" }
                        th scope="col" { "inputs and weights" } th scope="col" { "examples that excite it most" }
                    } }
                    tbody {
                        @for (unit, row) in sample.units.iter().zip(weights.chunks_exact(cols)) {
                            @let norm = row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
                            tr {
                                th scope="row" { (unit.number) }
                                td { (number(model.rho_hat[unit.number])) }
                                td { (number(100.0 * sample.density[unit.number])) " %" }
                                td { (number(norm)) }
                                td { (strongest(row)) }
                                td {
                                    @for (number, strongest) in unit.top.iter().take(TOLD).enumerate() {
                                        @if number > 0 { ", " } (sample.examples[strongest.example])
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        section {
            h2 { "Reconstructions" }
            p { "Examples (thick) and what the model makes of them (thin), each over its own range." }
            div.charts {
                @for (&place, output) in pairs {
                    (lines(sample.examples[place], &sample.originals[place * cols..][..cols], output))
                }
            }
        }
    };
    Ok(Sections { markup, style: String::new() })
}

/// The inputs with the largest weights, in words.
fn strongest(row: &[f32]) -> String {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].abs().total_cmp(&row[a].abs()));
    let told = order.into_iter().take(TOLD).map(|col| format!("{col}: {}", number(f64::from(row[col]))));
    told.collect::<Vec<_>>().join(", ")
}

/// A row and its reconstruction as lines.
fn lines(example: usize, original: &[f32], output: &[f32]) -> Markup {
    let values = || original.iter().chain(output).copied().filter(|x| x.is_finite());
    let (low, high) = (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max));
    let height = if high > low { high - low } else { 1.0 };
    let points = |row: &[f32]| {
        let cols = row.len();
        let count = cols.min(LINE);
        let mean = |i: usize| {
            let part = &row[i * cols / count..((i + 1) * cols / count).max(i * cols / count + 1)];
            part.iter().sum::<f32>() / part.len() as f32
        };
        let across = 240.0 / count.saturating_sub(1).max(1) as f32;
        let point =
            |i: usize| format!("{:.1},{:.1}", i as f32 * across, 58.0 - 56.0 * (mean(i) - low) / height);
        (0..count).map(point).collect::<Vec<_>>().join(" ")
    };
    html! {
        figure.row {
            svg viewBox="0 0 240 60" role="img" aria-label={ "example " (example) " and its reconstruction" } {
                polyline.original points=(points(original)) {}
                polyline.output points=(points(output)) {}
            }
            figcaption { "example " (example) }
        }
    }
}
