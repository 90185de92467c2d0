//! `rhohat eval`: the cost of a model on data, in its terms.

mod explained;

use crate::Error;
use crate::math::objective::Cost;
use crate::run::metrics::{RhoHatRange, Terms};
use crate::train::diagnostics::{Spread, UnitDiagnostics};
use serde::Serialize;

use super::on_data::{Made, Opening, Reach, Session};
use crate::cli::args::EvalArgs;
use crate::cli::output::print;
use crate::cli::progress;
use explained::{Columns, Variance};

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    terms: Terms,
    rho_hat: RhoHatRange,
    #[serde(flatten)]
    units: UnitDiagnostics,
    hidden: usize,
    /// `None` where the data do not vary beyond rounding.
    explained_variance: Option<f64>,
    examples: usize,
    /// The description of DATA.
    data: serde_json::Value,
    device: String,
    adapter: String,
}

/// Evaluates and prints.
pub fn run(args: &EvalArgs) -> anyhow::Result<()> {
    let opening = Opening::new(&args.on, |objective| {
        objective.penalty.rho = args.rho.unwrap_or(objective.penalty.rho);
        objective.beta = args.beta.unwrap_or(objective.beta);
        objective.lambda = args.lambda.unwrap_or(objective.lambda);
    })?;
    let mut session = opening.session(Made::Judgement)?;
    let (rows, cols) = session.examples.size();
    let (mut columns, mut reach) = (Columns::new(rows, cols), Reach::default());
    for range in session.pass() {
        let piece = session.examples.rows(range)?;
        columns.add(&piece);
        reach.add(&piece.values);
    }
    reach.warn(&session);
    let stage = progress::stage("taking J over the examples");
    let cost = session.engine.cost()?;
    drop(stage);
    check_finite(&cost, args, &session, reach)?;
    let explained_variance = explained_variance(&mut session, columns)?;
    let report = Report {
        terms: Terms::of(&cost),
        rho_hat: RhoHatRange::of(&cost.rho_hat),
        units: units(&mut session, &cost)?,
        hidden: cost.rho_hat.len(),
        explained_variance,
        examples: rows,
        data: session.data,
        device: args.on.device.clone(),
        adapter: session.engine.adapter(),
    };
    print(args.on.json, &report, text)
}

fn explained_variance(session: &mut Session, columns: Columns) -> crate::Result<Option<f64>> {
    let mut variance = Variance::about(columns);
    for range in session.pass() {
        let outputs = session.reconstruct(&range)?;
        variance.add(&session.examples.rows(range)?.values, &outputs);
    }
    Ok(variance.explained(session.examples.preprocess()))
}

/// The health of hidden units, over all examples.
fn units(session: &mut Session, cost: &Cost) -> crate::Result<UnitDiagnostics> {
    let mut spread = Spread::new(cost.rho_hat.len());
    for range in session.pass() {
        spread.add(&session.encode(&range)?);
    }
    let _stage = progress::stage("judging hidden units");
    let params = session.engine.params()?;
    Ok(UnitDiagnostics::of(&session.objective, cost, &params, &spread))
}

/// Refuses a J that is no number, with the term that is none: data and parameters are finite.
fn check_finite(cost: &Cost, args: &EvalArgs, session: &Session, reach: Reach) -> crate::Result<()> {
    if !cost.reconstruction.is_finite() {
        let fact = format!(
            "the reconstruction term of J is {}: squares of numbers up to {:e} leave the 32-bit numbers of {}",
            cost.reconstruction,
            reach.largest(),
            session.engine.adapter()
        );
        let remedy = "use --device reference, or scale the data (--normalize unit)";
        return Err(Error::input(&args.on.data, format!("{fact}; {remedy}")));
    }
    let what = if !cost.decay.is_finite() {
        "the weight decay of J, λ/2 (‖W1‖² + ‖D‖²),"
    } else if !(cost.penalty.is_finite() && cost.rho_hat.iter().all(|rho_hat| rho_hat.is_finite())) {
        "a mean activation, and so the KL term of J,"
    } else {
        return Ok(());
    };
    let fact = format!("{what} is not finite in the 32-bit numbers of {}", session.engine.adapter());
    Err(Error::input(
        &args.on.model,
        format!("{fact}; use --device reference, or a model of smaller weights"),
    ))
}

fn text(report: &Report) -> String {
    let Report { terms, rho_hat, units, .. } = report;
    let explained =
        report.explained_variance.map_or("undefined (the data do not vary)".to_owned(), |share| {
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
