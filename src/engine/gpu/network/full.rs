//! J and its gradient over all examples, at the parameters or at the trial point of a search.

use super::pass::{NetworkPass, Target};
use super::resident::Resident;
use super::vectors::{self, LayerVector};
use crate::engine::gpu::memory::allocation::Category;
use crate::engine::gpu::recording::{Commands, Recording};
use crate::error::Result;
use crate::math::objective::Cost;

/// The recordings, each made at its first use.
#[derive(Debug, Default)]
pub(super) struct Full {
    cost: Option<Recording>,
    gradient: Option<Vec<LayerVector>>,
    at_params: Option<Recording>,
    /// A trial point, and its recording.
    trial: Option<(Vec<LayerVector>, Recording)>,
}

impl Full {
    /// J.
    pub fn cost(&mut self, on: &Resident) -> Result<Cost> {
        on.check_examples()?;
        if self.cost.is_none() {
            let mut recorder = on.recorder();
            let (rows, labels) = (on.all_rows(), &on.labels);
            NetworkPass { on, recorder: &mut recorder, weights: &on.params, rows, labels }.cost()?;
            self.cost = Some(recorder.finish()?);
        }
        run(on, self.cost.as_ref())
    }

    /// J and its gradient at the parameters, flat.
    pub fn gradient(&mut self, on: &Resident) -> Result<(Cost, Vec<f32>)> {
        on.check_examples()?;
        if self.at_params.is_none() {
            self.at_params = Some(record(on, &on.params, gradient(&mut self.gradient, on)?)?);
        }
        let cost = run(on, self.at_params.as_ref())?;
        Ok((cost, vectors::read(&on.gpu, gradient(&mut self.gradient, on)?, &on.cut.shape)?))
    }

    /// The same at a point.
    pub fn gradient_at(&mut self, on: &Resident, point: &[f32]) -> Result<(Cost, Vec<f32>)> {
        on.check_examples()?;
        if self.trial.is_none() {
            let trial = vectors::zeros(&on.gpu, "trial point", Category::OptimizerState, &on.cut.shape)?;
            let recording = record(on, &trial, gradient(&mut self.gradient, on)?)?;
            self.trial = Some((trial, recording));
        }
        let (trial, recording) = self.trial.as_ref().expect("just made");
        vectors::write(&on.gpu, trial, &on.cut.shape, point);
        let cost = run(on, Some(recording))?;
        Ok((cost, vectors::read(&on.gpu, gradient(&mut self.gradient, on)?, &on.cut.shape)?))
    }
}

/// Where gradients go.
fn gradient<'a>(place: &'a mut Option<Vec<LayerVector>>, on: &Resident) -> Result<&'a [LayerVector]> {
    if place.is_none() {
        *place = Some(vectors::zeros(&on.gpu, "gradient", Category::OptimizerState, &on.cut.shape)?);
    }
    Ok(place.as_ref().expect("just made"))
}

/// J's sums and the gradient at `weights`.
fn record(on: &Resident, weights: &[LayerVector], gradient: &[LayerVector]) -> Result<Recording> {
    let mut recorder = on.recorder();
    let (rows, labels) = (on.all_rows(), &on.labels);
    let mut pass = NetworkPass { on, recorder: &mut recorder, weights, rows, labels };
    pass.gradient(Target::Kept(gradient), true)?;
    recorder.finish()
}

fn run(on: &Resident, recording: Option<&Recording>) -> Result<Cost> {
    let mut commands = Commands::new(&on.gpu);
    commands.run(recording.expect("just made"))?;
    on.read_cost(commands, on.count)
}
