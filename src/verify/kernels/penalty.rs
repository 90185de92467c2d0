//! Cases of ρ̂ and the gradient of its penalty.

use super::case::Case;
use crate::engine::gpu::kernel;
use crate::engine::gpu::ops::{PenaltyPlace, penalty_rates};
use crate::math::objective::{Activation, Objective, Penalty, PenaltyKind};
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::CaseNumbers;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::{Approx, exact, kernels as bounds};

const UNITS: &[usize] = &[1, 7, 8, 9, 65, 4_099];
/// Parts of the sums: means, fewer than the invocations that share them, as many, and several times as many.
const PARTS: [usize; 4] = [1, 5, 16, 49];

/// Active fractions of units: never on, always on, what f32 cannot tell from either, and some between.
const EDGES: &[f64] = &[0.0, 1.0, 1e-38, 1e-9, 0.999_999_94, 0.01, 0.5];

#[derive(Clone, Copy)]
struct PenaltyCase {
    units: usize,
    parts: usize,
    objective: Objective,
    /// μ of the moving average, 0 for none.
    decay: f64,
    seed: u64,
}

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &units in UNITS {
        for (activation, parts) in Activation::of_hidden_layers().flat_map(|f| PARTS.map(|parts| (f, parts)))
        {
            for (rho, beta, decay) in [(0.01, 3.0, 0.0), (0.2, 0.1, 0.0), (0.05, 3.0, 0.99), (0.05, 3.0, 0.5)]
            {
                for kind in PenaltyKind::ALL {
                    let penalty = Penalty { kind, rho };
                    let objective = Objective { activation, penalty, beta, ..Objective::default() };
                    let case = PenaltyCase { units, parts, objective, decay, seed };
                    let run = move |rig: Rig<'_>| penalty_grad(rig, &case);
                    cases.push(Case::new(&kernel::PENALTY_GRAD, case.name(), run));
                }
            }
        }
    }
    cases
}

impl PenaltyCase {
    fn name(&self) -> String {
        let (activation, Penalty { kind, rho }) = (self.objective.activation.name(), self.objective.penalty);
        format!(
            "{} units in {} parts, {activation}, {} of rho {rho}, decay {}",
            self.units,
            self.parts,
            kind.name(),
            self.decay
        )
    }
}

fn penalty_grad(rig: Rig<'_>, case: &PenaltyCase) -> Result<Closeness, Failure> {
    let mut numbers = CaseNumbers::new(case.seed, &case.name());
    let (low, high) = case.objective.activation.range();
    let edges: Vec<f32> = EDGES.iter().map(|edge| (low + (high - low) * edge) as f32).collect();
    let (units, parts) = (case.units, case.parts);
    let sums: Vec<f32> = (0..parts).flat_map(|_| numbers.with_edges(&edges, low, high, units)).collect();
    let before = numbers.with_edges(&[0.0, 1.0], 0.0, 1.0, units);
    let average = (exact(&before), case.decay);
    let average = (case.decay > 0.0).then_some((&average.0[..], average.1));
    let mean = match parts {
        1 => exact(&sums),
        _ => bounds::column_mean(&exact(&sums), units, parts, None),
    };
    let (rho_hat, slope) = bounds::penalty_grad(&case.objective, &mean, average);

    let sums = rig.matrix(parts, units, &sums)?;
    let rates = rig.vector(&penalty_rates(case.objective.beta, case.decay))?;
    let got_rho_hat = if case.decay > 0.0 { rig.vector(&before)? } else { rig.empty_vector(units)? };
    let got_slope = rig.empty_vector(units)?;
    let place = PenaltyPlace { rates: &rates, rho_hat: &got_rho_hat, slope: &got_slope };
    rig.run(|recorder| recorder.penalty_grad(&case.objective, &sums, parts, place))?;
    let compare = |expected: Vec<Approx>, got: Vec<f32>| Expected::from(expected).compare(&got);
    let of_rho_hat = compare(rho_hat, rig.read(&got_rho_hat)?)?;
    Ok(of_rho_hat.worse(compare(slope, rig.read(&got_slope)?)?))
}
