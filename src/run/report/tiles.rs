//! Units and examples that are pictures: a grid of features to be sorted and looked into, and originals beside what the model
//! makes of them.

use std::collections::HashMap;

use maud::{Markup, html};
use serde_json::json;

use super::Judged;
use super::sprite::Sprite;
use crate::data::{Form, Normalize};
use crate::error::Result;
use crate::run::features::features;
use crate::run::picture::orientation::{COHERENT, orientation};
use crate::run::picture::{balanced, byte};
use crate::train::units::Excitation;

/// A part of the page, and the style that its pictures lie in.
pub struct Sections {
    /// The part.
    pub markup: Markup,
    /// The style.
    pub style: String,
}

/// Screen pixels that a picture has at least, about.
const LEGIBLE: usize = 56;

/// Features and reconstructions.
///
/// # Errors
/// Where a picture cannot be encoded.
pub fn sections(model: &Judged<'_>, form: Form) -> Result<Sections> {
    let sample = model.sample;
    let cols = form.height * form.width * form.channels;
    let visible = model.params.shape.visible;
    let of_shown = |number: usize| model.params.w1[number * visible..][..visible].iter().copied();
    let shown: Vec<f32> = sample.units.iter().flat_map(|unit| of_shown(unit.number)).collect();
    let weights = model.preprocess.weights_of_inputs(&shown);
    let drawn = features(&weights, cols);
    let sprite = Sprite::new(sample.units.len(), form, drawn.chunks_exact(cols).map(balanced))?;
    let scale = Scale::of(&sample.originals);
    let originals = sample.originals.chunks_exact(cols).map(|values| scale.bytes(values));
    let examples = Sprite::new(sample.examples.len(), form, originals)?;
    let outputs = sample.outputs.chunks_exact(cols).map(|values| scale.bytes(values));
    let outputs = Sprite::new(sample.pairs.len(), form, outputs)?;

    let duplicates: HashMap<usize, usize> = model.duplicates.pairs.iter().copied().collect();
    let units: Vec<_> = sample
        .units
        .iter()
        .zip(weights.chunks_exact(cols))
        .zip(shown.chunks_exact(visible))
        .map(|((unit, pixels), row)| {
            let norm = row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
            let direction = orientation(pixels, form).filter(|found| found.coherence >= COHERENT);
            let excited = |list: &[Excitation]| -> Vec<_> {
                list.iter().map(|it| json!([it.example, short(f64::from(it.activation))])).collect()
            };
            json!({
                "n": unit.number,
                "rho": short(model.rho_hat[unit.number]),
                "density": short(sample.density[unit.number]),
                "norm": short(norm),
                "angle": direction.map(|found| found.angle.round()),
                "most": short(f64::from(unit.largest)),
                "like": duplicates.get(&unit.number),
                "top": excited(&unit.top),
                "random": excited(&unit.random),
            })
        })
        .collect();
    let data = json!({ "units": units, "examples": sample.examples, "columns": examples.columns });
    let zoom = (LEGIBLE / form.width.max(form.height)).max(1);
    let hidden = model.params.shape.hidden;
    let markup = html! {
        section #features {
            h2 { "Features" }
            p {
                "The input that excites each hidden unit most"
                @if sample.units.len() < hidden { "; " (sample.units.len()) " of " (hidden) " units, evenly spaced" }
                ". Mid-grey is 0."
                span.script { " Click one for its examples." }
            }
            p.controls.script {
                label { "Sorted by " select #sort {
                    option value="n" { "number" }
                    option value="rho" { "mean activation ρ̂" }
                    option value="density" { "share of examples that make it active" }
                    option value="norm" { "norm of weights" }
                    option value="angle" { "direction" }
                } }
                label { " Size " input #zoom type="range" min="1" max=(zoom * 4) value=(zoom); }
            }
            div #grid.grid style={ "--z:" (zoom) } {
                @for (place, unit) in sample.units.iter().enumerate() {
                    @let (x, y) = sprite.place(place);
                    button.tile.sf type="button" style={ "--x:" (x) ";--y:" (y) } aria-label={ "unit " (unit.number) } title=(unit.number) {}
                }
            }
            div #unit.unit aria-live="polite" hidden {}
        }
        section {
            h2 { "Reconstructions" }
            p { "Examples, and below each what the model makes of it"
                @if model.preprocess.normalize == Normalize::Lecture { ", both less the mean that the normalisation takes from an example" }
                "." }
            div.pairs style={ "--z:" (zoom) } {
                @for (number, &place) in sample.pairs.iter().enumerate() {
                    @let ((x, y), (u, v)) = (examples.place(place), outputs.place(number));
                    figure {
                        span.tile.se role="img" aria-label={ "example " (sample.examples[place]) } style={ "--x:" (x) ";--y:" (y) } {}
                        span.tile.so role="img" aria-label="its reconstruction" style={ "--x:" (u) ";--y:" (v) } {}
                    }
                }
            }
        }
        script #data type="application/json" { (super::json_text(&data)) }
    };
    let rule = |class: &str, Sprite { size: (width, height), url, .. }: &Sprite| {
        format!(".{class}{{background-image:url({url});--sw:{width};--sh:{height}}}\n")
    };
    let style = format!(
        ":root{{--w:{};--h:{}}}\n{}{}{}",
        form.width,
        form.height,
        rule("sf", &sprite),
        rule("se", &examples),
        rule("so", &outputs)
    );
    Ok(Sections { markup, style })
}

/// Four digits: more only make the page long.
fn short(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let power = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    (value * power).round() / power
}

/// The values that are black and white.
#[derive(Debug, PartialEq)]
struct Scale {
    black: f32,
    white: f32,
}

impl Scale {
    /// 0 and 1 where all values lie there, 0 and the largest where none is negative; else 0 is in the middle, and the ends are
    /// three standard deviations away.
    fn of(values: &[f32]) -> Self {
        let (low, high) = values.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
        if low < 0.0 {
            let reach = (3.0 * deviation(values)).max(f32::MIN_POSITIVE);
            return Self { black: -reach, white: reach };
        }
        Self { black: 0.0, white: high.max(1.0) }
    }

    fn bytes(&self, values: &[f32]) -> Vec<u8> {
        let pixel = |&x: &f32| byte((x - self.black) / (self.white - self.black));
        values.iter().map(pixel).collect()
    }
}

fn deviation(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    (sum / values.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_are_those_of_the_values() {
        let of = |values: &[f32]| {
            let Scale { black, white } = Scale::of(values);
            (black, white)
        };
        assert_eq!(of(&[0.2, 0.5]), (0.0, 1.0));
        assert_eq!(of(&[0.0, 255.0]), (0.0, 255.0));
        assert_eq!(of(&[-1.0, 1.0]), (-3.0, 3.0));
        assert_eq!(Scale::of(&[0.0, 200.0]).bytes(&[0.0, 100.0, 200.0, 300.0]), [0, 128, 255, 255]);
    }

    #[test]
    fn four_digits_are_kept() {
        let cases = [(0.0, 0.0), (0.0123456, 0.01235), (98765.4, 98770.0), (-1.0, -1.0), (f64::NAN, 0.0)];
        for (value, kept) in cases {
            assert!((short(value) - kept).abs() <= 1e-12 * kept.abs(), "{value}");
        }
    }
}
