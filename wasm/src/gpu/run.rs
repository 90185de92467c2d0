//! A run whose steps a host carries out: each call gives the actions up to the next result that they wait for, and is made again with
//! that result.

use rhohat::data::batches::{Dataset, ExampleSet, RowSelection};
use rhohat::engine::gpu::engine::GpuEngine;
use rhohat::engine::gpu::plan::PlannedSteps;
use rhohat::engine::gpu::remote::{Action, Remote};
use rhohat::engine::gpu::tune::{self, Workload};
use rhohat::engine::{ReusedBuffers, Rows, State, Step, Update};
use rhohat::math::optim::SearchSpace;
use rhohat::math::optim::lbfgs::Lbfgs;
use rhohat::math::random::Stream;
use rhohat::run::session::Stepwise;
use rhohat::train::measures::{Measures, Yardstick};
use rhohat::train::{Learner, Observer, Progress, Recipe, StepContext, TrainProgress, take_steps};
use rhohat::{Cost, Ended, Error, Objective, Optimizer, Params, Result, Shape};
use serde::Serialize;
use serde_json::json;

use super::{device, texts};
use crate::answer::{State as Measured, json};

/// Name of the lists of mini-batches, and of those at the end of an epoch.
const LISTS: [&str; 2] = ["batch", "rest"];

/// A run on the host's device.
pub struct GpuRun {
    /// At the last step that was made.
    remote: Remote,
    position: TrainProgress,
    recipe: Recipe,
    batch: Option<usize>,
    /// What was read since then.
    known: Vec<Vec<f32>>,
    /// Actions since then that have been handed to the host.
    handed: usize,
    /// The last step of the call that is at work.
    until: usize,
    /// Whether a step has ended in an error: the device is then somewhere between two steps.
    has_failed: bool,
}

/// What a call comes to.
#[derive(Serialize)]
struct Exchange<T> {
    /// What the host does next; if the last of it is a read, the call is to be made again with what was read.
    actions: Vec<Action>,
    /// The end of the call.
    #[serde(flatten)]
    value: Option<T>,
}

#[derive(Serialize)]
struct Taken {
    steps: usize,
    ended: Option<Ended>,
}

/// Examples that are not looked at: a plan depends on their number alone.
#[derive(Debug)]
struct Unread {
    rows: usize,
    cols: usize,
}

impl Dataset for Unread {
    fn size(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn numbers(&mut self, _: &RowSelection<'_>, _: &mut [f32]) -> Result<()> {
        Ok(())
    }
}

impl GpuRun {
    /// Begins `run`, from whose parameters the host begins, and describes it: plan, kernels, and what is written first.
    ///
    /// # Errors
    /// For settings that no host carries out, and work that does not fit its device.
    pub fn begin(run: &mut Stepwise) -> Result<(Self, Vec<u8>)> {
        if run.recipe().resampling.is_some() {
            let fact = "`resample`: a page gives dead units new weights on the processor alone";
            return Err(Error::usage(format!("{fact}; leave it out, or choose the processor")));
        }
        let (setup, batch, recipe) = (run.config().setup(), run.config().batch.rows(), run.recipe().clone());
        let (shape, examples) = (run.engine().shape(), run.engine().examples());
        let gpu = device()?;
        gpu.force(tune::expected(&gpu, &Workload { shape, examples, batch, cut: setup.cut })?)?;
        let unread = Box::new(Unread { rows: examples, cols: shape.visible });
        let engine =
            GpuEngine::new(gpu.clone(), &setup, &Params::zeros(shape), ExampleSet::Resident(unread))?;
        let search = recipe.optimizer.descent().is_none();
        let batch = batch.filter(|_| !search).map(|batch| batch.min(examples));
        let lengths = batch.map_or([0; 2], |batch| [batch, examples % batch]);
        let lists: Vec<_> = LISTS.into_iter().zip(lengths).filter(|&(_, rows)| rows > 0).collect();
        let adam = run.config().optimizer == Optimizer::Adam;
        let steps = PlannedSteps {
            sgd: !search && !adam,
            adam: !search && adam,
            whole: batch.is_none(),
            lists: &lists,
            search,
        };
        let plan = engine.described(&steps)?;
        let mut remote = engine.remote();
        remote.begin();
        let described = json!({
            "plan": plan,
            "kernels": texts(&gpu, &plan),
            "actions": remote.take_actions(),
        });
        // The page asks for J when it shows it; reports would wait for the device in between.
        let recipe = Recipe { report_every: usize::MAX, yardstick: None, ..recipe };
        let position = TrainProgress::default();
        let run = Self {
            remote,
            position,
            recipe,
            batch,
            known: Vec::new(),
            handed: 0,
            until: 0,
            has_failed: false,
        };
        Ok((run, json(&described)?))
    }

    /// Takes `steps` steps, or those that are left.
    ///
    /// # Errors
    /// [`Error::Diverged`]; [`Error::Usage`] ever after.
    pub fn advance(&mut self, steps: usize, read: Option<Vec<f32>>) -> Result<Vec<u8>> {
        if self.begins(read)? {
            self.until = self.position.steps.saturating_add(steps);
        }
        let until = if self.until < self.recipe.steps { self.until } else { usize::MAX };
        let mut learner = RemoteLearner { remote: self.remote.clone(), batch: self.batch };
        learner.remote.knowing(&self.known);
        let mut sitting = Sitting { until, actions: Vec::new(), run: self };
        let mut taken = Ok(());
        if sitting.run.position.steps < until && sitting.run.position.ended.is_none() {
            let (recipe, position) = (sitting.run.recipe.clone(), sitting.run.position.clone());
            taken = take_steps(&mut learner, &recipe, position, &mut sitting).map(|_| ());
        }
        let Sitting { mut actions, .. } = sitting;
        match taken {
            Ok(()) => {
                let value = Taken { steps: self.position.steps, ended: self.position.ended };
                json(&Exchange { actions, value: Some(value) })
            }
            Err(_) if learner.remote.waits() => {
                actions.extend(self.new_of(learner.remote.take_actions()));
                json(&Exchange::<Taken> { actions, value: None })
            }
            Err(error) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }

    /// J and its terms at the parameters.
    ///
    /// # Errors
    /// [`Error::Diverged`] where J is no number; [`Error::Usage`] after a step that has failed.
    pub fn state(&mut self, read: Option<Vec<f32>>) -> Result<Vec<u8>> {
        self.begins(read)?;
        let mut remote = self.remote.clone();
        remote.knowing(&self.known);
        let cost = match self.position.search.as_ref().map(Lbfgs::cost) {
            Some(cost) => Ok(cost.clone()),
            None => remote.cost(),
        };
        let actions = self.new_of(remote.take_actions());
        let steps = self.position.steps;
        let cost = match cost {
            Err(_) if remote.waits() => return json(&Exchange::<Measured> { actions, value: None }),
            cost => cost?,
        };
        self.arrive(remote);
        if !cost.total().is_finite() {
            let what = "the cost".to_owned();
            return Err(Error::Diverged { step: steps, what, remedy: self.recipe.optimizer.remedy() });
        }
        json(&Exchange { actions, value: Some(Measured::of(steps, cost)) })
    }

    /// Actions that bring the parameters to the last step, for whoever reads them.
    ///
    /// # Errors
    /// [`Error::Usage`] after a step that has failed.
    pub fn settle(&mut self) -> Result<Vec<u8>> {
        self.begins(None)?;
        self.remote.settle();
        json(&Exchange::<Taken> { actions: self.remote.take_actions(), value: None })
    }

    /// Whether a call begins; else it goes on with what was read. A call that begins while another waits finds the device somewhere
    /// between two steps: its host has broken the other off.
    fn begins(&mut self, read: Option<Vec<f32>>) -> Result<bool> {
        let begins = read.is_none();
        self.has_failed |= begins && (self.handed > 0 || !self.known.is_empty());
        if self.has_failed {
            return Err(Error::usage("a step of this run has failed; begin another"));
        }
        self.known.extend(read);
        Ok(begins)
    }

    /// Those of actions since the last step that the host has not carried out.
    fn new_of(&mut self, actions: Vec<Action>) -> Vec<Action> {
        let handed = std::mem::replace(&mut self.handed, actions.len());
        actions.into_iter().skip(handed).collect()
    }

    /// Goes on from here.
    fn arrive(&mut self, remote: Remote) {
        (self.remote, self.handed) = (remote, 0);
        self.known.clear();
    }
}

/// The loop's look after every step: from there the next is made, and made again.
struct Sitting<'a> {
    until: usize,
    actions: Vec<Action>,
    run: &'a mut GpuRun,
}

impl Observer<RemoteLearner> for Sitting<'_> {
    fn report(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }

    fn after_step(&mut self, context: &mut StepContext<'_, RemoteLearner>) -> Result<Option<Ended>> {
        let remote = &mut context.engine.remote;
        let actions = remote.take_actions();
        self.actions.extend(self.run.new_of(actions));
        self.run.arrive(remote.clone());
        self.run.position = context.whole_position();
        Ok((context.position.steps >= self.until).then_some(Ended::Stopped))
    }
}

/// The engine as the loop sees it.
struct RemoteLearner {
    remote: Remote,
    batch: Option<usize>,
}

impl Learner for RemoteLearner {
    type Widths = Shape;

    fn count(&self) -> usize {
        self.remote.examples()
    }

    fn space(&mut self) -> &mut dyn SearchSpace {
        &mut self.remote
    }

    fn update(&mut self, rows: Rows<'_>, update: Update, share: f64, report: bool) -> Result<Option<Cost>> {
        let beta = share * self.remote.objective().beta;
        let list = match rows {
            Rows::All => None,
            Rows::Listed(list) => Some(LISTS[usize::from(Some(list.len()) != self.batch)]),
        };
        self.remote.update(&Step { rows, update, beta, report }, list)
    }

    fn cost_of_some(&mut self, _: usize) -> Result<(Cost, usize)> {
        Ok((self.remote.cost()?, self.remote.examples()))
    }

    fn measured(&mut self, _: Option<&Yardstick>, _: &Cost) -> Result<Option<Measures>> {
        Ok(None)
    }

    fn revive(&mut self, _: &Objective, _: &[f64], _: &mut Stream) -> Result<usize> {
        unreachable!("a run that gives units new weights does not begin")
    }

    fn not_finite(&mut self) -> Result<Option<String>> {
        self.remote.first_not_finite()
    }

    fn copied_state(&mut self, _: Option<&[usize]>, _: &mut ReusedBuffers) -> Result<State> {
        unreachable!("the run is copied with its host's device")
    }
}
