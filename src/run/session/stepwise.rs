//! A run in memory that its caller drives: some steps at a time, with a look at the model between them. Every step has the
//! bits that it has in a run of one go.

use super::open::Session;
use super::train::neighbours;
use crate::data::Preprocess;
use crate::engine::{Engine, Layer};
use crate::error::{Error, Result};
use crate::math::objective::{Cost, Objective};
use crate::math::optim::lbfgs::Lbfgs;
use crate::math::params::Params;
use crate::run::config::Config;
use crate::run::meta::Meta;
use crate::train::{Ended, Observer, Progress, Recipe, StepContext, TrainProgress, take_steps};

/// A run between two steps.
pub struct Stepwise {
    session: Session,
    recipe: Recipe,
    position: TrainProgress,
    /// Whether a step has ended in an error: the engine is then somewhere between two steps.
    has_failed: bool,
}

impl Session {
    /// Lets the caller take the steps.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings by which a run ends by itself before its last step.
    pub fn stepwise(self) -> Result<Stepwise> {
        let ends =
            [("validation", self.early_stopping.is_some()), ("max_time", self.config.max_time.is_some())];
        if let Some((setting, _)) = ends.into_iter().find(|(_, is_set)| *is_set) {
            let fact = format!("`{setting}`: whoever takes the steps decides when they end");
            return Err(Error::usage(format!("{fact}; leave it out, or train in one go")));
        }
        // No yardstick: whoever wants measures asks for them between two steps.
        let recipe = self.config.train_recipe(self.engine.examples());
        Ok(Stepwise { session: self, recipe, position: TrainProgress::default(), has_failed: false })
    }
}

/// Ends a sitting after a step, and keeps how far it has come.
struct Sitting<'a> {
    until: usize,
    told: &'a mut dyn FnMut(&Progress),
    position: TrainProgress,
}

impl Observer for Sitting<'_> {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        (self.told)(progress);
        Ok(())
    }

    fn after_step(&mut self, context: &mut StepContext<'_>) -> Result<Option<Ended>> {
        let is_last = context.position.steps >= self.until;
        if is_last || context.position.ended.is_some() {
            self.position = context.whole_position();
        }
        Ok(is_last.then_some(Ended::Stopped))
    }
}

impl Stepwise {
    /// Takes `steps` steps, or those that are left; `told` hears the reports on the way. Why the run has ended, once it has.
    ///
    /// # Errors
    /// [`Error::Diverged`], those of the engine; [`Error::Usage`] ever after.
    pub fn advance(&mut self, steps: usize, told: &mut dyn FnMut(&Progress)) -> Result<Option<Ended>> {
        if self.has_failed {
            return Err(Error::usage("a step of this run has failed; begin another"));
        }
        if self.position.ended.is_none() && steps > 0 {
            // The last step ends the run by itself.
            let until = self.position.steps.saturating_add(steps);
            let until = if until < self.recipe.steps { until } else { usize::MAX };
            let mut sitting = Sitting { until, told, position: TrainProgress::default() };
            let taken =
                take_steps(&mut *self.session.engine, &self.recipe, self.position.clone(), &mut sitting);
            self.has_failed = taken.is_err();
            taken?;
            self.position = sitting.position;
        }
        Ok(self.position.ended)
    }

    /// Updates or iterations done; after a failure those before the call that failed.
    pub fn steps(&self) -> usize {
        self.position.steps
    }

    /// Those that the run has in all.
    pub fn planned(&self) -> usize {
        self.recipe.steps
    }

    /// J, its terms and ρ̂ at the current parameters over all examples.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn cost(&mut self) -> Result<Cost> {
        match self.position.search.as_ref().map(Lbfgs::cost) {
            Some(cost) => Ok(cost.clone()),
            None => self.session.engine.cost(),
        }
    }

    /// The settings of the run.
    pub fn config(&self) -> &Config {
        &self.session.config
    }

    /// The objective, which an update may take a share of β of.
    pub fn objective(&self) -> Objective {
        self.session.config.objective()
    }

    /// How data become its examples.
    pub fn preprocess(&self) -> &Preprocess {
        &self.session.preprocess
    }

    /// What the loop is told: optimiser, steps, the order of the examples.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The engine, between two steps.
    pub fn engine(&mut self) -> &mut dyn Engine {
        &mut *self.session.engine
    }

    /// The examples `rows` as they are learned from, `[rows, n]`.
    ///
    /// # Errors
    /// [`Error::Usage`] for an example that there is not, those of the engine.
    pub fn examples(&mut self, rows: &[usize]) -> Result<Vec<f32>> {
        self.session.engine.activations(Layer::Input, rows)
    }

    /// The current parameters and their meaning.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn model(&mut self) -> Result<(Params<f32>, Meta)> {
        let Session { config, preprocess, engine, .. } = &mut self.session;
        let neighbours = neighbours(&mut **engine, preprocess)?;
        let preprocess = Preprocess { neighbours, ..preprocess.clone() };
        Ok((engine.params()?, Meta { objective: config.objective(), preprocess, seed: config.seed }))
    }

    /// The device that computes.
    pub fn choice(&self) -> &crate::engine::device::Choice {
        &self.session.choice
    }
}
