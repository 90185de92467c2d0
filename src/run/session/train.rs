//! A session from its first step to its last file.

use super::continued::{KeptState, kept};
use super::directory::Directory;
use super::observer::{Course, ProgressObserver, Stage};
use super::open::Session;
use super::request::Place;
use super::watch::{Left, RunObserver};
use crate::data::{Neighbours, Preprocess};
use crate::engine::device::{Choice, Selector};
use crate::engine::{Engine, Layer, evenly};
use crate::error::{Error, Result};
use crate::math::params::Params;
use crate::run::every::Span;
use crate::run::model_file::Meta;
use crate::run::picture::{named_form, square};
use crate::run::summary::Summary;
use crate::run::{Divergence, RunDir};
use crate::train::diagnostics::{JUDGED, UnitDiagnostics, spaced};
use crate::train::measures::Measures;
use crate::train::trend::Trend;
use crate::train::{EarlyStopping, Recipe, resume};

/// The model and the result of a run.
pub struct Finished {
    /// The parameters that were learned: those of the lowest J over held-out examples, where there are some.
    pub params: Params<f32>,
    /// Their meaning.
    pub meta: Meta,
    /// The result.
    pub summary: Summary,
    /// The device that has computed.
    pub choice: Choice,
    /// The state after the last step, where it was to be kept.
    pub state: Option<KeptState>,
}

/// How alike neighbours are in rows that could be squares, where nobody has said so.
pub(super) fn neighbours(engine: &mut dyn Engine, preprocess: &Preprocess) -> Result<Option<Neighbours>> {
    let numbers = preprocess.inputs_of(engine.shape().visible);
    let unsaid = square(numbers).filter(|_| named_form(preprocess).is_none());
    let Some(form) = unsaid else { return Ok(None) };
    let rows = evenly(engine.examples(), Neighbours::sample_rows(numbers));
    let values = preprocess.restore(engine.activations(Layer::Input, &rows)?, &[]);
    Ok(Some(Neighbours::of(&values, form.width)))
}

impl Session {
    /// Trains until the run is done, stopped or out of time. A run with a directory has its result there then.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a number is no longer finite, [`Error::Io`] when a file cannot be written, those of the
    /// engine.
    pub fn train(mut self, observer: &mut dyn ProgressObserver) -> Result<Finished> {
        let recipe = self.config.train_recipe(self.engine.examples());
        let recipe = Recipe { yardstick: Some(self.yardstick.clone()), ..recipe };
        let objective = self.config.objective();
        observer.begins(&objective);
        let (directory, position) = match self.request.place {
            Place::Memory => {
                let continued = self.request.continued.as_ref();
                (None, continued.map(|run| run.position(&self.config, &self.record)).unwrap_or_default())
            }
            _ => {
                let (directory, position) = Directory::begin(&mut self, recipe.optimizer.remedy())?;
                observer.keeps(directory.run.path(), directory.checkpoints.published());
                (Some(directory), position)
            }
        };
        let run = directory.as_ref().map(|directory| directory.run.clone());
        let examples = self.engine.examples();
        observer.trains(&Course {
            steps: recipe.steps,
            done: position.steps,
            epoch: self.config.batch.rows().map(|_| self.config.look_every(examples)),
            time: self.config.max_time.map(|Span(time)| time),
        });
        observer.stage(Stage::Training { steps: recipe.steps });
        let early_stopping = self.early_stopping.take();
        let trend = Trend::over(self.config.trend_over(self.engine.examples()));
        let mut watch = RunObserver::new(&self.config, directory, early_stopping, trend, observer);
        watch.keeps = self.request.keeps;
        let startup = self.request.started.elapsed();
        let engine = &mut *self.engine;
        let outcome = resume(engine, &recipe, position, &mut watch);
        // The lock of the run is held until its last file has been written.
        let Left { lock: _lock, early_stopping, reported, state } = watch.finish();
        observer.stage(Stage::Idle);
        if let (Some(run), Err(Error::Diverged { step, what, .. })) = (&run, &outcome) {
            run.tell_of_divergence(&Divergence { step: *step, what: what.clone() })?;
            run.keep_table();
        }
        let mut outcome = outcome?;
        if let Some(best) = early_stopping.as_ref().and_then(EarlyStopping::best) {
            engine.set_state(best)?;
            (outcome.cost, outcome.measured) = (engine.cost()?, engine.examples());
        }
        observer.stage(Stage::WritingModel);
        let params = engine.params()?;
        let state = state.map(|state| kept(state, &self.config, &self.record, &self.preprocess));
        let neighbours = neighbours(engine, &self.preprocess)?;
        let preprocess = Preprocess { neighbours, ..self.preprocess };
        let meta = Meta { objective, preprocess, seed: self.config.seed };
        if let Some(run) = &run {
            run.keep_model(&params, &meta)?;
        }
        if self.config.selector()? == Selector::Reference {
            // It has learned in more digits than the file holds: J is told of what was saved.
            engine.set_params(&params)?;
            outcome.cost = engine.cost()?;
        }
        observer.stage(Stage::JudgingUnits);
        let rows = spaced(engine.examples(), JUDGED);
        let shown = run.as_ref().filter(|_| self.request.report);
        let mut sampler = shown.map(|run| run.sampler(params.shape, &meta, &rows));
        let mut sample =
            |rows: &[usize], a2: &[f32]| sampler.iter_mut().for_each(|sampler| sampler.add(rows, a2));
        let (units, spread, duplicates) =
            UnitDiagnostics::measure(engine, &objective, &outcome.cost, &params, &rows, &mut sample)?;
        let measures = Measures::new(&outcome.cost, params.shape, self.yardstick.variance, spread.l0());
        observer.stage(Stage::Idle);
        let result = (&outcome, (measures, units), reported, startup);
        let mut summary = Summary::new(&self.config, engine, result, early_stopping.as_ref());
        (summary.data, summary.files) = (self.data, run.as_ref().map(Into::into));
        if let (Some(files), Some(run)) = (&mut summary.files, &run) {
            files.report = sampler.as_ref().map(|_| run.report().into());
        }
        if let Some(run) = &run {
            run.keep_result(&mut summary)?;
            if let Some(sampler) = sampler {
                let rho_hat = spread.rho_hat();
                let (result, judged) = ((Some(&summary), None), (&params, &meta, &rho_hat[..], &duplicates));
                // The run has its result whether there is a page of it or not.
                if let Err(error) = run.keep_report(None, result, sampler, engine, judged) {
                    tracing::warn!(
                        "no report was written: {error}; rhohat report {} writes one",
                        run.path().display()
                    );
                }
            }
        }
        run.iter().for_each(RunDir::keep_table);
        Ok(Finished { params, meta, summary, choice: self.choice, state })
    }
}
