//! `rhohat eval`: the cost of a model on data, in its terms.

use rhohat::metrics::{RhoHatRange, Terms};
use rhohat::model::Matrix;
use rhohat::units::{Health, spaced};
use serde::Serialize;

use super::{on_data, print};
use crate::cli::EvalArgs;
use crate::progress;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    terms: Terms,
    rho_hat: RhoHatRange,
    #[serde(flatten)]
    units: Health,
    hidden: usize,
    /// `None` where the data have no spread.
    explained_variance: Option<f64>,
    examples: usize,
    /// What DATA was taken for.
    data: serde_json::Value,
    device: String,
    adapter: String,
}

/// Evaluates and prints.
pub fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let mut session = on_data::open(&args.on, |objective| {
        objective.rho = args.rho.unwrap_or(objective.rho);
        objective.beta = args.beta.unwrap_or(objective.beta);
        objective.lambda = args.lambda.unwrap_or(objective.lambda);
    })?;
    let stage = progress::stage("taking J over the examples");
    let cost = session.engine.cost()?;
    drop(stage);
    let outputs = session.reconstruct()?;
    let params = session.engine.params()?;
    let stage = progress::stage("judging hidden units");
    let rows = spaced(session.examples.matrix.rows, usize::MAX);
    let units = Health::measure(&mut *session.engine, &session.objective, &cost, &params, &rows)?;
    drop(stage);
    let report = Report {
        terms: Terms::of(&cost),
        rho_hat: RhoHatRange::of(&cost.rho_hat),
        units,
        hidden: cost.rho_hat.len(),
        explained_variance: explained_variance(&session.examples.matrix, &outputs),
        examples: session.examples.matrix.rows,
        data: session.data,
        device: args.on.device.clone(),
        adapter: session.engine.adapter(),
    };
    print(args.on.json, &report, text)
}

/// 1 − Σ(x − a3)² / Σ(x − column mean)².
fn explained_variance(examples: &Matrix<f64>, outputs: &[f32]) -> Option<f64> {
    let Matrix { rows, cols, values } = examples;
    let mut means = vec![0.0; *cols];
    for row in values.chunks_exact(*cols) {
        means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / *rows as f64);
    }
    let spread: f64 = values.iter().zip(means.iter().cycle()).map(|(x, mean)| (x - mean).powi(2)).sum();
    let rest: f64 = values.iter().zip(outputs).map(|(x, &a3)| (x - f64::from(a3)).powi(2)).sum();
    (spread > 0.0).then(|| 1.0 - rest / spread)
}

fn text(report: &Report) -> String {
    let Report { terms, rho_hat, units, .. } = report;
    let explained =
        report.explained_variance.map_or("undefined, the data have no spread".to_owned(), |share| {
            format!("{:.2} % of the variance about the mean", 100.0 * share)
        });
    format!(
        "J          {:.6} = reconstruction {:.6} + decay {:.6} + kl {:.6}\n\
         rho-hat    {:.5} to {:.5}, mean {:.5}; {} of {} units dead, {} saturated\n\
         units      {}\n\
         explained  {explained}\n\
         examples   {}, on {}",
        terms.j,
        terms.reconstruction,
        terms.decay,
        terms.kl,
        rho_hat.min,
        rho_hat.max,
        rho_hat.mean,
        units.dead,
        report.hidden,
        units.saturated,
        units.likeness(report.hidden),
        report.examples,
        report.adapter,
    )
}
