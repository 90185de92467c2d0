//! The directory of a run while it is trained: metrics, checkpoints, model, picture and result.

use std::sync::Arc;

use super::open::Session;
use crate::data::stream::Store;
use crate::error::{Error, Result, shown};
use crate::io::paths::Paths;
use crate::math::objective::Cost;
use crate::math::params::{Params, Shape};
use crate::run::checkpoint::fail_point::reach;
use crate::run::checkpoint::{Checkpoint, CheckpointWriter, Checkpoints, Found, Provenance};
pub use crate::run::metrics::MetricsFile;
use crate::run::model_file::{Meta, write_to};
use crate::run::picture::{Layout, features, form_of, too_large, usual_count, why_no_form};
use crate::run::summary::Summary;
use crate::run::tensorboard::Events;
use crate::run::{Divergence, Environment, FEATURES, MODEL, RunDir, run_name};
use crate::train::measures::Measures;
use crate::train::{EarlyStopping, Progress, StepContext, TrainProgress};

/// A run directory that is locked by way of its metrics.
pub struct Directory {
    pub run: RunDir,
    pub metrics: MetricsFile,
    pub checkpoints: CheckpointWriter,
    /// Events for TensorBoard, where they are asked for.
    events: Option<Events>,
    /// Settings and data under which checkpoints are taken.
    provenance: Provenance,
    /// Rows on disk, whose sum is known once they have been read whole.
    store: Option<Arc<Store>>,
    /// The same of held-out data of their own.
    held_out: Option<Arc<Store>>,
}

impl Directory {
    /// Makes the directory, or brings the one of a run that goes on back to where its checkpoint was; and how far the run
    /// has come. `remedy` is what a state that is not finite is told to lower.
    ///
    /// # Errors
    /// [`Error::Usage`] where another run is, [`Error::Io`] where it cannot be written.
    pub fn begin(session: &mut Session, remedy: String) -> Result<(Self, TrainProgress)> {
        let Session { request, config, engine, preprocess, record, kernels, resumed, .. } = session;
        let (config, record) = (&*config, &*record);
        let environment = Environment::here(config.device.clone(), engine.adapter(), *kernels);
        let (run, metrics, position) = match resumed.take() {
            Some(resumed) => resumed.begin(config, environment.adapter, record)?,
            None => {
                let run =
                    RunDir::create(request.new_place(), &run_name(config.data.as_ref().map(Paths::first)))?;
                let metrics = run.begin(config, &environment, record)?;
                (run, metrics, TrainProgress::default())
            }
        };
        run.write_columns(preprocess)?;
        let taken = (position.steps > 0).then_some(position.steps);
        let events = Events::begin(&run.folder(), request.tensorboard, position.steps);
        let checkpoints = Checkpoints::of(run.path());
        let checkpoints = CheckpointWriter::new(checkpoints, config.checkpoint_every, taken, remedy);
        let (settings, inputs) = (config.to_table(), record.inputs.clone());
        let provenance = Provenance { settings, inputs, preprocess: preprocess.clone() };
        let (store, held_out) = (session.store.take(), session.held_out.take());
        Ok((Self { run, metrics, checkpoints, events, provenance, store, held_out }, position))
    }

    /// Adds a report to the files that tell of the course.
    ///
    /// # Errors
    /// As [`MetricsFile::add`].
    pub fn report(&mut self, progress: &Progress) -> Result<()> {
        if let Some(events) = &mut self.events {
            events.report(&self.metrics.value(progress));
        }
        self.metrics.add(progress)
    }

    /// Takes note of a look at held-out examples after `step`.
    pub fn validated(&mut self, step: usize, cost: &Cost, measures: Measures) {
        if let Some(events) = &mut self.events {
            events.validated(step, cost, &measures);
        }
        self.metrics.validated(step, cost, measures);
    }

    /// Takes a checkpoint, which a thread writes, after all lines of the metrics.
    ///
    /// # Errors
    /// Those of the engine, and of the checkpoint before where no older one stands.
    pub fn keep(
        &mut self,
        context: &mut StepContext<'_>,
        early_stopping: Option<&EarlyStopping>,
    ) -> Result<()> {
        let lines = self.metrics.handle();
        let mut spare = self.checkpoints.spare()?;
        let (position, mut state) = context.snapshot(&mut spare)?;
        if let Some(best) = early_stopping.and_then(EarlyStopping::best) {
            state.add_best(best, &mut spare);
        }
        let patience = early_stopping.and_then(EarlyStopping::known);
        let metrics = self.metrics.mark();
        let known = |store: &Option<Arc<Store>>| store.as_ref().and_then(|store| store.check().known());
        self.provenance.inputs.data.sum = known(&self.store);
        if let Some(validation) = &mut self.provenance.inputs.validation {
            validation.sum = known(&self.held_out);
        }
        let provenance = Some(self.provenance.clone());
        self.checkpoints.keep(Checkpoint { position, state, metrics, patience, provenance }, lines)
    }

    /// Sees to it that there is a checkpoint of the last step; one that cannot be written is tried once more.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn keep_last(
        &mut self,
        context: &mut StepContext<'_>,
        early_stopping: Option<&EarlyStopping>,
    ) -> Result<()> {
        let mut keep = || -> Result<()> {
            self.checkpoints.wait()?;
            if !self.checkpoints.has(context.position.steps) {
                self.keep(context, early_stopping)?;
            }
            self.checkpoints.wait()
        };
        match keep() {
            Err(why @ (Error::Io { .. } | Error::Input { .. })) => {
                tracing::warn!("{why}; tried once more");
                keep()?;
            }
            other => other?,
        }
        reach("end-kept");
        Ok(())
    }
}

impl RunDir {
    /// Records a divergence, and tells what is left of the run and how it can go on.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub(super) fn tell_of_divergence(&self, divergence: &Divergence) -> Result<()> {
        let place = self.path().display();
        match <Checkpoints>::of(self.path()).find() {
            Ok(Found { newest: Some((path, _)), .. }) => tracing::info!(
                "{} and the metrics before are kept; with other settings, rhohat train --resume {place} goes on from there",
                path.display()
            ),
            _ => tracing::info!(
                "{place}: the metrics of the steps before are kept, there was no checkpoint yet"
            ),
        }
        self.diverged(divergence)
    }

    /// Writes the model, and the picture of its features where the examples are pictures.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be written.
    pub(super) fn keep_model(&self, params: &Params<f32>, meta: &Meta) -> Result<()> {
        let folder = self.folder();
        folder.write(MODEL, |out| write_to(out, params, meta))?;
        let form = form_of(Some(&meta.preprocess), params.shape.visible);
        if form.is_none() {
            let why = why_no_form(Some(&meta.preprocess), params.shape.visible);
            tracing::info!(
                "no {FEATURES}: {why}; where they are pictures, rhohat features {} draws them with `shape` HxW",
                shown(self.path())
            );
        }
        if let Some(form) = form {
            let Shape { visible, hidden } = params.shape;
            let count = usual_count(hidden, form);
            if let Some(reason) = too_large(count, form, Layout::default()) {
                tracing::warn!("{FEATURES} is left out: {reason}");
            } else {
                let weights = meta.preprocess.weights_of_inputs(&params.w1[..count * visible]);
                let picture = features(&weights, form, Layout::default())?;
                folder.write(FEATURES, |out| picture.write_to(out))?;
                if count < hidden {
                    tracing::info!(
                        "{FEATURES} has the first {count} of {hidden} features; rhohat features {} draws more with `limit`",
                        shown(self.path())
                    );
                }
            }
        }
        reach("model-written");
        Ok(())
    }

    /// Keeps the result, sealed, of a run with nothing left to do; of another one, tells how it goes on.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub(super) fn keep_result(&self, summary: &mut Summary) -> Result<()> {
        if summary.goes_on() {
            let place = self.path().display();
            tracing::info!("the run is not finished yet; rhohat train --resume {place} goes on with it");
        } else {
            summary.seal(self)?;
            self.finish(summary)?;
        }
        reach("summary-written");
        Ok(())
    }
}
