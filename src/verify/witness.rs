//! Whole steps with their bounds for a host in another language: what it uploads, runs and compares. `tests/webgpu` has such
//! a host, on another implementation of WebGPU.

use serde::Serialize;

use super::compare::Expected;
use super::rig::Failure;
use super::running_error::exact;
use super::running_error::step::{cost_and_gradient, exact_weights};
use super::steps::{BoundedState, CUTS, Problem};
use super::training;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::ops::{PENALTY_RATES, RATES, penalty_rates};
use crate::engine::gpu::plan::Plan;
use crate::engine::gpu::step::rates::rates_of;
use crate::engine::setup::Setup;
use crate::engine::variant::Variant;
use crate::engine::{Chunking, RhoHat, Rows, Update};
use crate::math::objective::{Activation, Objective};
use crate::math::params::{Matrix, Params, Shape};

/// Rows of a mini-batch, some of which come twice.
const BATCH: usize = 18;
/// Updates of a case.
const UPDATES: u64 = 3;
/// Kernels that read buffers and need no feature: those of a host that has nothing but core WebGPU.
const VARIANTS: [&str; 2] = ["direct/buffers", "tiled/buffers"];
/// The same of other tiles, for which the larger problem has to do.
const OTHER_TILES: &str = "tiled32x32+tiled64x64+tiled32x32/buffers";

/// All cases.
#[derive(Debug, Serialize)]
pub struct Witness {
    /// Updates of SGD and Adam.
    updates: Vec<UpdateCase>,
    /// Searches of L-BFGS.
    searches: Vec<SearchCase>,
}

/// What a host begins with.
#[derive(Debug, Serialize)]
struct Begin {
    name: String,
    shape: Shape,
    objective: Objective,
    /// W1, b1, D, b2, one behind the other.
    parameters: Vec<f32>,
    examples: Vec<f32>,
    plan: Plan,
}

#[derive(Debug, Serialize)]
struct UpdateCase {
    #[serde(flatten)]
    begin: Begin,
    updates: Vec<UpdateData>,
}

/// An update: what is written, what is run, and what is to be found behind it.
#[derive(Debug, Serialize)]
struct UpdateData {
    recording: String,
    /// Indices of the examples; none where all are in place.
    list: Option<Vec<u32>>,
    /// β, and no moving average of ρ̂.
    penalty: [f32; PENALTY_RATES],
    /// Those of the optimiser.
    rates: [f32; RATES],
    /// Reconstruction, decay and penalty before the update; of a recording without J the decay is that of an earlier one.
    terms: Bounds,
    rho_hat: Bounds,
    /// In the order of `parameters`, after it.
    parameters: Bounds,
}

#[derive(Debug, Serialize)]
struct SearchCase {
    #[serde(flatten)]
    begin: Begin,
    iterations: usize,
    /// At the start.
    terms: Bounds,
    gradient: Bounds,
    /// After all iterations.
    j: Bounds,
}

/// Numbers of the reference, and how far others may lie from each.
#[derive(Debug, Serialize)]
struct Bounds {
    values: Vec<f64>,
    bounds: Vec<f64>,
}

impl From<Expected> for Bounds {
    fn from(Expected { values, bounds }: Expected) -> Self {
        Self { values, bounds }
    }
}

impl Witness {
    /// Computes what the reference expects.
    ///
    /// # Errors
    /// Where a plan cannot be made.
    pub fn new(seed: u64) -> Result<Self, Failure> {
        let pairs = [(Activation::Sigmoid, Activation::Sigmoid), (Activation::Tanh, Activation::Linear)];
        let awkward = pairs.map(|pair| Problem::new(pair, seed));
        // Several tiles in both directions, and k in slices.
        let larger = Problem::of_shape(pairs[0], Shape { visible: 100, hidden: 70 }, 300, seed);
        let mut updates = Vec::new();
        let mut searches = Vec::new();
        for variant in VARIANTS {
            let variant: Variant = variant.parse()?;
            for adam in [false, true] {
                for listed in [false, true] {
                    for problem in &awkward {
                        for cut in [CUTS[0], CUTS[2]] {
                            updates.push(update_case(problem, (adam, listed), cut, variant)?);
                        }
                    }
                }
            }
        }
        for variant in VARIANTS.into_iter().chain([OTHER_TILES]) {
            let variant: Variant = variant.parse()?;
            updates.push(update_case(&larger, (true, false), Chunking::default(), variant)?);
            searches.push(search_case(variant, seed)?);
        }
        Ok(Self { updates, searches })
    }
}

fn begin(
    what: &str,
    (objective, params, examples): (Objective, &Params<f32>, &Matrix<f32>),
    cut: Chunking,
    variant: Variant,
) -> Result<Begin, Failure> {
    let setup = Setup { objective, cut, rho_hat: RhoHat::default(), threads: 0 };
    let plan = GpuEngine::planned(&setup, params, examples, BATCH, variant)?;
    let Shape { visible, hidden } = params.shape;
    let (f, g) = (objective.activation.name(), objective.output.name());
    let cut = format!("{} blocks, chunks of {}", plan.blocks.len(), plan.chunk);
    Ok(Begin {
        name: format!("{what}, {visible}:{hidden}:{}, {f} to {g}, {cut}, {variant}", examples.rows),
        shape: params.shape,
        objective,
        parameters: params.to_flat(),
        examples: examples.values.clone(),
        plan,
    })
}

fn update_case(
    problem: &Problem,
    (adam, listed): (bool, bool),
    cut: Chunking,
    variant: Variant,
) -> Result<UpdateCase, Failure> {
    let recording = format!("{}{}", if adam { "adam" } else { "sgd" }, if listed { " batch" } else { "" });
    let parts = (problem.objective, &problem.params, &problem.data);
    let begin = begin(&recording, parts, cut, variant)?;
    let mut state = BoundedState::new(problem);
    let updates = (1..=UPDATES).map(|number| {
        let list: Vec<usize> =
            (0..BATCH).map(|at| (at * at * 7 + 5 * number as usize) % problem.data.rows).collect();
        let rows = if listed { Rows::Listed(&list) } else { Rows::All };
        let update = match adam {
            true => Update::Adam { lr: 0.01, step: number },
            false => Update::Sgd { lr: 0.1, momentum: 0.9 },
        };
        let expected = state.step(problem, rows, &update, RhoHat::default());
        UpdateData {
            // A step that leaves ‖W‖² aside, too.
            recording: if number == UPDATES { recording.clone() } else { format!("{recording} with J") },
            list: listed.then(|| list.iter().map(|&row| row as u32).collect()),
            penalty: penalty_rates(problem.objective.beta, 0.0),
            rates: rates_of(&update),
            terms: Expected::from(expected.terms.to_vec()).into(),
            rho_hat: Expected::from(expected.rho_hat).into(),
            parameters: Expected::from(state.params.clone()).into(),
        }
    });
    let updates = updates.collect();
    Ok(UpdateCase { begin, updates })
}

fn search_case(variant: Variant, seed: u64) -> Result<SearchCase, Failure> {
    let (wanted, objective, params, examples) = training::searched(seed)?;
    let pass = cost_and_gradient(&objective, &exact_weights(&params), &exact(&examples.values), None);
    Ok(SearchCase {
        begin: begin("lbfgs", (objective, &params, &examples), Chunking::default(), variant)?,
        iterations: training::STEPS,
        terms: Expected::from(pass.terms.to_vec()).into(),
        gradient: pass.expected_gradient().into(),
        j: Expected::within(vec![wanted], |_| training::BOUND * wanted).into(),
    })
}
