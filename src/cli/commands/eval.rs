//! `rhohat eval`: the cost of a model on data, in its terms.

use crate::Evaluation;
use serde::Serialize;

use super::measures;
use super::on_data::{Made, Opening};
use crate::cli::args::EvalArgs;
use crate::cli::asserted::ResultOf;
use crate::cli::output::print;
use crate::cli::progress::Line;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// The description of DATA.
    data: serde_json::Value,
    device: String,
    adapter: String,
}

/// Evaluates and prints.
pub fn run(args: &EvalArgs) -> anyhow::Result<()> {
    args.asserted.check(ResultOf::Eval)?;
    let opening = Opening::new(&args.on, |objective| {
        objective.penalty.rho = args.rho.unwrap_or(objective.penalty.rho);
        objective.beta = args.beta.unwrap_or(objective.beta);
        objective.lambda = args.lambda.unwrap_or(objective.lambda);
    })?;
    let mut session = opening.session(Made::Judgement)?;
    let mut line = Line::Empty;
    let evaluation = session.on.evaluate_with(&mut |stage| line.show(stage))?;
    let (device, adapter) = (args.on.device.clone(), session.on.adapter());
    let report = Report { evaluation, data: session.data, device, adapter };
    print(args.on.json, &report, text)?;
    args.asserted.of(&report)
}

fn text(report: &Report) -> String {
    let Evaluation { terms, rho_hat, units, hidden, measures, examples, .. } = &report.evaluation;
    format!(
        "J          {:.6} = reconstruction {:.6} + decay {:.6} + kl {:.6}\n\
         {}\n\
         rho-hat    {:.5} to {:.5}, mean {:.5}; {} of {} units dead, {} saturated\n\
         units      {}\n\
         examples   {}, on {}",
        terms.j,
        terms.reconstruction,
        terms.decay,
        terms.kl,
        measures::lines(measures, *hidden),
        rho_hat.min,
        rho_hat.max,
        rho_hat.mean,
        units.dead,
        hidden,
        units.saturated,
        units.likeness(*hidden),
        examples,
        report.adapter,
    )
}
