//! The page of a classifier: how many examples it tells right beside what it is compared with, what it takes for what, its course,
//! and what the units of every layer look for: projections onto the inputs, and the examples that excite them most.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use serde_json::Value;

use super::confusion_picture;
use super::summary::{ClassifierSummary, Judged};
use super::units::LayerUnits;
use crate::data::{Form, Preprocess};
use crate::error::Result;
use crate::run::features::features;
use crate::run::picture::{balanced, byte};
use crate::run::report::chart::{AxisScale, Curves, Series, number};
use crate::run::report::history::History;
use crate::run::report::page::{facts, shell};
use crate::run::report::sprite::Sprite;

/// All that the page tells.
#[derive(Debug)]
pub struct ClassifierPage<'a> {
    /// The name of the run.
    pub name: String,
    /// The result.
    pub summary: &'a ClassifierSummary,
    /// `classify.toml`.
    pub settings: toml::Table,
    /// The command line and the machine, from `env.json`.
    pub environment: Value,
    /// The course of fine-tuning.
    pub history: History,
    /// How examples were made.
    pub preprocess: &'a Preprocess,
    /// The form of examples, where they are pictures.
    pub form: Option<Form>,
    /// What the units of each layer look for, from below.
    pub layers: Vec<LayerUnits>,
}

impl ClassifierPage<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// Those of `to`, and where a picture cannot be encoded.
    pub fn write_to(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let page = self.page().map_err(std::io::Error::other)?;
        to.write_all(page.into_string().as_bytes())
    }

    fn page(&self) -> Result<Markup> {
        let summary = self.summary;
        let widths: Vec<String> = summary.widths.iter().map(usize::to_string).collect();
        let classes = summary.classes.join(", ");
        let head = html! {
            h1 { (self.name) }
            p { "A classifier of " (widths.join(" → ")) ": " (classes) "." }
            @if self.form.is_some() {
                p.note { "This page holds examples of the data that it has learned from. Pass it on only where you may pass them on." }
            }
        };
        let (mut style, mut layers) = (String::new(), Vec::new());
        if let Some(form) = self.form {
            style = format!(":root{{--w:{};--h:{}}}\n", form.width, form.height);
            for (l, layer) in self.layers.iter().enumerate() {
                let (markup, rules) = self.layer(l + 1, layer, form)?;
                layers.push(markup);
                style += &rules;
            }
        }
        let main = html! {
            (self.result())
            (self.mistakes())
            (self.course())
            @for layer in &layers { (layer) }
            @if self.form.is_none() && !self.layers.is_empty() {
                section { h2 { "Units" } p { "Examples are no pictures, and so the units are not drawn; " code { "rhohat features --layer" } " writes their weights." } }
            }
            (self.again())
        };
        Ok(shell(&self.name, &style, &head, &main))
    }

    fn result(&self) -> Markup {
        let summary = self.summary;
        let line = |name: &str, judged: Judged, lambda: f64| {
            let percent = |share: f64| format!("{:.2} %", 100.0 * share);
            html! { tr {
                th scope="row" { (name) }
                td { (judged.test.map_or("–".to_owned(), percent)) }
                td { (percent(judged.training)) }
                td { (format!("{lambda:e}")) }
            } }
        };
        let tried = summary.tried.iter().map(|tried| {
            (format!("λ {:e}", tried.lambda), format!("{:.2} % of held-out rows", 100.0 * tried.accuracy))
        });
        let tested = match summary.test_examples {
            Some(rows) => format!("Tested on {rows} rows that it has not learned from."),
            None => "Not tested: all shares are of rows that it has learned from.".to_owned(),
        };
        html! {
            section {
                h2 { "Result" }
                table {
                    thead { tr { th {} th { "test" } th { "training" } th { "weight decay" } } }
                    tbody {
                        @if let Some(baseline) = &summary.baseline {
                            (line("softmax on inputs", baseline.judged, baseline.softmax_lambda))
                        }
                        (line(summary.softmax_on(), summary.before, summary.softmax_lambda))
                        @if let Some(judged) = summary.fine_tuned { (line("fine-tuned", judged, summary.softmax_lambda)) }
                    }
                }
                p { "Trained on " (summary.examples) " rows. " (tested) }
                @if summary.tried.len() > 1 {
                    h3 { "Weight decay of the softmax layer, chosen on held-out rows" }
                    (facts(tried))
                    @for told in summary.lambdas_at_ends() { p.note { (told.replace('`', "")) "." } }
                }
            }
        }
    }

    fn mistakes(&self) -> Markup {
        let confusion = &self.summary.confusion;
        let share =
            |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{:.2} %", 100.0 * share));
        // As a picture, so that the styles of the page leave it alone.
        let picture =
            format!("data:image/svg+xml;base64,{}", STANDARD.encode(confusion_picture::svg(confusion)));
        let of = if self.summary.test_examples.is_some() { "of the test" } else { "that were learned from" };
        html! {
            section {
                h2 { "What is taken for what" }
                p { "A row for each class of the rows " (of) ", a column for each that they were taken for; darker is more of a class." }
                img src=(picture) alt={ "confusion matrix, " (format!("{:.2}", 100.0 * confusion.accuracy())) " % right; confusion.csv has its numbers" } style="max-width:100%";
                table {
                    thead { tr { th { "class" } th { "rows" } th { "recall" } th { "precision" } } }
                    tbody {
                        @for (class, name) in confusion.classes.iter().enumerate() {
                            tr {
                                th scope="row" { (name) }
                                td { (confusion.counts[class].iter().sum::<u64>()) }
                                td { (share(confusion.recall(class))) }
                                td { (share(confusion.precision(class))) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn course(&self) -> Markup {
        let of = |name: &'static str, class, field: &str| Series {
            name: name.into(),
            class,
            values: self.history.values(field),
        };
        let curves = |title, series| {
            Curves { title, steps: &self.history.steps, scale: AxisScale::Log, series, level: None }.draw()
        };
        let charts = [
            curves(
                "J and its terms",
                vec![
                    of("J", "a", "j"),
                    of("cross-entropy", "b", "cross_entropy"),
                    of("weight decay", "c", "decay"),
                ],
            ),
            curves(
                "Gradient norm and rate",
                vec![of("gradient norm", "a", "gradient_norm"), of("rate", "b", "lr")],
            ),
        ];
        let charts: Vec<Markup> = charts.into_iter().flatten().collect();
        let summary = self.summary;
        html! {
            section {
                h2 { "Course" }
                (facts([
                    ("J", number(summary.j)),
                    ("cross-entropy", number(summary.cross_entropy)),
                    ("softmax layers", format!("{} s", number(summary.softmax_seconds))),
                    ("fine-tuning", format!("{} steps in {} s", summary.steps, number(summary.fine_tune_seconds))),
                ]))
                @if charts.is_empty() { p { "The layers were not trained together, or in too few steps for a curve." } }
                @else { div.charts { @for chart in &charts { (chart) } } }
            }
        }
    }

    /// A layer, and the rules of style that its pictures lie in.
    fn layer(&self, layer_number: usize, layer: &LayerUnits, form: Form) -> Result<(Markup, String)> {
        let cols = form.height * form.width * form.channels;
        let weights = self.preprocess.weights_of_inputs(&layer.weights);
        let drawn = features(&weights, cols);
        let sprite = Sprite::new(layer.units.len(), form, drawn.chunks_exact(cols).map(balanced))?;
        let values = self.preprocess.restore(layer.examples.clone(), &[]);
        let examples = Sprite::new(values.len() / cols, form, values.chunks_exact(cols).map(grey))?;
        let zoom = (48 / form.width.max(form.height)).max(1);
        let markup = html! {
            section {
                h2 { "Layer " (layer_number) }
                p {
                    @if layer_number == 1 { "The input that excites each hidden unit most" }
                    @else { "What reaches each unit of the inputs: its weights times those of the layers below, as if nothing were in between" }
                    @if layer.units.len() < layer.hidden { "; " (layer.units.len()) " of " (layer.hidden) " units, evenly spaced" }
                    ". Beside it the examples that excite it most."
                }
                div style={ "--z:" (zoom) ";columns:22rem" } {
                    @for ((at, unit), top) in layer.units.iter().enumerate().zip(&layer.top) {
                        @let (x, y) = sprite.place(at);
                        p style="margin:.2em 0;white-space:nowrap;overflow:hidden" {
                            span.tile.{ "sl" (layer_number) } role="img" aria-label={ "unit " (unit) } title={ "unit " (unit) } style={ "--x:" (x) ";--y:" (y) } {}
                            " "
                            @for (number, (example, activation)) in top.iter().enumerate() {
                                @let (x, y) = examples.place(at * top.len() + number);
                                span.tile.{ "sx" (layer_number) } role="img" aria-label={ "example " (example) } title={ "example " (example) ": " (format!("{activation:.3}")) } style={ "--x:" (x) ";--y:" (y) } {}
                            }
                        }
                    }
                }
            }
        };
        let rule = |class: String, sprite: &Sprite| {
            let (width, height) = sprite.size;
            format!(".{class}{{background-image:url({});--sw:{width};--sh:{height}}}\n", sprite.url)
        };
        let rules =
            rule(format!("sl{layer_number}"), &sprite) + &rule(format!("sx{layer_number}"), &examples);
        Ok((markup, rules))
    }

    fn again(&self) -> Markup {
        let text = |name: &str| self.environment[name].as_str().unwrap_or("unknown").to_owned();
        let is_setting = |(_, value): &(&String, &toml::Value)| !value.is_table();
        let settings = self.settings.iter().filter(is_setting).map(|(name, value)| (name, value.to_string()));
        html! {
            section {
                h2 { "Again" }
                (facts([("device", format!("{} ({})", text("adapter"), text("device"))), ("program", format!("rhohat {}", text("rhohat"))), ("begun", text("started"))]))
                h3 { "Settings" }
                (facts(settings))
            }
        }
    }
}

/// A picture in greys or colours, 0 black and the largest number white.
fn grey(row: &[f32]) -> Vec<u8> {
    let (low, high) = row.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
    let range = if high > low { high - low } else { 1.0 };
    row.iter().map(|&x| byte((x - low) / range)).collect()
}
