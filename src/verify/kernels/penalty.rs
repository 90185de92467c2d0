//! Cases of ρ̂ and its KL slope.

use super::Case;
use crate::engine::gpu::kernel;
use crate::math::objective::{Activation, Objective};
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::Numbers;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::{Approx, exact, kernels as bounds};

const UNITS: &[usize] = &[1, 7, 8, 9, 65, 4_099];

/// Mean activations of sigmoid units: never on, always on, and what f32 cannot tell from either.
const SIGMOID_EDGES: &[f32] = &[0.0, 1.0, 1e-38, 1e-9, 0.999_999_94, 0.01, 0.5];
/// The same of tanh units.
const TANH_EDGES: &[f32] = &[-1.0, 1.0, -0.999_999_94, 0.999_999_94, -0.98, 0.0];

#[derive(Clone, Copy)]
struct PenaltyCase {
    units: usize,
    objective: Objective,
    /// μ of the moving average, 0 for none.
    decay: f64,
    seed: u64,
}

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &units in UNITS {
        for activation in [Activation::Sigmoid, Activation::Tanh] {
            for (rho, beta, decay) in [(0.01, 3.0, 0.0), (0.2, 0.1, 0.0), (0.05, 3.0, 0.99), (0.05, 3.0, 0.5)]
            {
                let objective = Objective { activation, rho, beta, ..Objective::default() };
                let case = PenaltyCase { units, objective, decay, seed };
                cases.push(Case::new(&kernel::KL_SLOPE, case.name(), move |rig| kl_slope(rig, &case)));
            }
        }
    }
    cases
}

impl PenaltyCase {
    fn name(&self) -> String {
        let Objective { activation, rho, .. } = self.objective;
        format!("{} units, {}, rho {rho}, decay {}", self.units, activation.name(), self.decay)
    }
}

fn kl_slope(rig: Rig<'_>, case: &PenaltyCase) -> Result<Closeness, Failure> {
    let mut numbers = Numbers::new(case.seed, &case.name());
    let mean = match case.objective.activation {
        Activation::Tanh => numbers.with_edges(TANH_EDGES, -1.0, 1.0, case.units),
        Activation::Sigmoid | Activation::Linear => numbers.with_edges(SIGMOID_EDGES, 0.0, 1.0, case.units),
    };
    let before = numbers.with_edges(&[0.0, 1.0], 0.0, 1.0, case.units);
    let average = (exact(&before), case.decay);
    let average = (case.decay > 0.0).then_some((&average.0[..], average.1));
    let (rho_hat, slope) = bounds::kl_slope(&case.objective, &exact(&mean), average);

    let mean = rig.vector(&mean)?;
    let got_rho_hat = if case.decay > 0.0 { rig.vector(&before)? } else { rig.empty_vector(case.units)? };
    let got_slope = rig.empty_vector(case.units)?;
    rig.run(|recorder| recorder.kl_slope(&case.objective, case.decay, &mean, &got_rho_hat, &got_slope))?;
    let compare = |expected: Vec<Approx>, got: Vec<f32>| Expected::from(expected).compare(&got);
    let of_rho_hat = compare(rho_hat, rig.read(&got_rho_hat)?)?;
    Ok(of_rho_hat.worse(compare(slope, rig.read(&got_slope)?)?))
}
