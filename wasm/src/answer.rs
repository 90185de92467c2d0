//! Results for the page.

use rhohat::{Cost, Ended, Optimizer, Result};
use serde::Serialize;
use serde_json::Value;

/// A run that has begun.
#[derive(Serialize)]
pub struct Begun {
    /// Data in words.
    pub data: String,
    /// n.
    pub visible: usize,
    /// h.
    pub hidden: usize,
    /// m.
    pub examples: usize,
    /// Steps of the run.
    pub planned: usize,
    /// All settings, under the names of `config.toml`.
    pub settings: Value,
    /// Whose steps they are.
    pub optimizer: Optimizer,
    /// Rows of a mini-batch; none where all rows are taken.
    pub batch: Option<usize>,
    /// Width, height and channels of an example that is a picture.
    pub form: Option<[usize; 3]>,
}

/// How far a run has come.
#[derive(Serialize)]
pub struct Advanced {
    /// Steps made.
    pub steps: usize,
    /// Why it has ended.
    pub ended: Option<Ended>,
}

/// J at the current parameters.
#[derive(Serialize)]
pub struct State {
    /// Steps made.
    pub steps: usize,
    /// J.
    pub j: f64,
    /// Its terms.
    pub reconstruction: f64,
    /// λ/2 ‖W‖².
    pub decay: f64,
    /// β Σ KL.
    pub penalty: f64,
    /// The mean active fraction of each unit, `[h]`.
    pub rho_hat: Vec<f64>,
}

impl State {
    /// After so many steps.
    pub fn of(steps: usize, cost: Cost) -> Self {
        Self {
            steps,
            j: cost.total(),
            reconstruction: cost.reconstruction,
            decay: cost.decay,
            penalty: cost.penalty,
            rho_hat: cost.rho_hat,
        }
    }
}

/// An example through the model.
#[derive(Serialize)]
pub struct Example {
    /// `[n]`, as it is learned from.
    pub input: Vec<f32>,
    /// `[h]`.
    pub code: Vec<f32>,
    /// `[n]`.
    pub reconstruction: Vec<f32>,
}

/// An answer as JSON.
pub fn json(answer: &impl Serialize) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(answer).expect("numbers and names have a JSON form"))
}
