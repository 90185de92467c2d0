//! Classifiers on a WebGPU device. Parameters, moments and all labelled examples stay there, each layer in one piece;
//! rows are computed in chunks. A step runs wholly on the device, where steps that report nothing share a submission.
//! The vectors of L-BFGS are f64 on the host: gradients are read back, trial points uploaded.
//!
//! From the bottom up: `cut` is the cut, `vectors` how parameters lie, `resident` all that stays, `pass` records
//! passes, `first_order`, `full` and `rows` are what is computed with them.

mod cut;
mod first_order;
mod full;
mod pass;
mod resident;
mod rows;
mod vectors;

use std::sync::Arc;

use super::device::Gpu;
use super::recording::{Commands, OpenCommands};
use crate::engine::network::{Labelled, NetworkCut, NetworkEngine, NetworkObjective, NetworkStep};
use crate::engine::search_vectors::{FlatEngine, SearchVectors};
use crate::engine::{Arrangement, Role, State, VectorData};
use crate::error::Result;
use crate::math::network::{Network, NetworkShape};
use crate::math::objective::Cost;
use crate::math::params::cast;
use first_order::FirstOrder;
use full::Full;
use resident::Resident;
use rows::HandedRows;

/// The engine.
#[derive(Debug)]
pub struct NetworkGpu {
    on: Resident,
    full: Full,
    first_order: Option<FirstOrder>,
    handed: HandedRows,
    search: SearchVectors,
    /// Steps that wait for more.
    open: OpenCommands,
}

/// Share of the work of a submission beyond which it is not worth waiting for another step.
const SHARE: f64 = 0.05;

impl NetworkGpu {
    /// Uploads parameters and examples, and cuts rows as wanted.
    ///
    /// # Errors
    /// Where a layer does not fit the bindings of the device, or the device has no room;
    /// [`Error::Usage`](crate::error::Error::Usage) for a binding limit above the adapter's.
    pub fn new(
        gpu: Arc<Gpu>,
        objective: NetworkObjective,
        network: &Network<f32>,
        data: &Labelled<f32>,
        cut: NetworkCut,
    ) -> Result<Self> {
        Ok(Self {
            on: Resident::new(gpu, objective, network, data, cut)?,
            full: Full::default(),
            first_order: None,
            handed: HandedRows::default(),
            search: SearchVectors::default(),
            open: OpenCommands::default(),
        })
    }

    /// The moments, each flat in the order of [`Network::to_flat`]: v of SGD, or both of Adam; zeros where no update
    /// has used them.
    ///
    /// # Errors
    /// Those of the device.
    pub fn moments(&mut self) -> Result<[Vec<f32>; 2]> {
        let on = self.settled()?;
        let mut moments = [0; 2].map(|_| vec![0.0; on.cut.shape.parameters()]);
        let used = self.first_order.iter().flat_map(|state| &state.moments);
        for (moment, used) in moments.iter_mut().zip(used) {
            *moment = vectors::read(&self.on.gpu, used, &self.on.cut.shape)?;
        }
        Ok(moments)
    }

    /// Replaces the moments.
    ///
    /// # Errors
    /// Those of the device.
    ///
    /// # Panics
    /// For another number of numbers than parameters.
    pub fn set_moments(&mut self, moments: &[Vec<f32>; 2]) -> Result<()> {
        self.settled()?;
        let on = &self.on;
        let state = state_of(&mut self.first_order, on)?;
        state.use_moments(on, moments.len())?;
        for (vector, moment) in state.moments.iter().zip(moments) {
            vectors::write(&on.gpu, vector, &on.cut.shape, moment);
        }
        on.gpu.check()
    }

    /// What is on the device once the steps that wait have been submitted.
    fn settled(&mut self) -> Result<&Resident> {
        Commands::resume(&self.on.gpu, std::mem::take(&mut self.open)).submit()?;
        Ok(&self.on)
    }

    /// Keeps the commands of a step for a later submission, or submits them with those before.
    fn keep(&mut self, open: OpenCommands) -> Result<()> {
        self.open = open;
        let gpu = &self.on.gpu;
        if self.open.calls() < gpu.steps_at_once() && self.open.work() < SHARE * gpu.budget() {
            return gpu.check();
        }
        self.settled().map(|_| ())
    }

    fn flat_params(&mut self) -> Result<Vec<f32>> {
        let on = self.settled()?;
        vectors::read(&on.gpu, &on.params, &on.cut.shape)
    }

    fn put_params(&mut self, flat: &[f32]) -> Result<()> {
        let on = self.settled()?;
        vectors::write(&on.gpu, &on.params, &on.cut.shape, flat);
        on.gpu.check()
    }
}

/// The state of SGD and Adam, made at its first use.
fn state_of<'a>(state: &'a mut Option<FirstOrder>, on: &Resident) -> Result<&'a mut FirstOrder> {
    Ok(match state {
        Some(state) => state,
        none => none.insert(FirstOrder::new(on)?),
    })
}

impl NetworkEngine for NetworkGpu {
    fn shape(&self) -> &NetworkShape {
        &self.on.cut.shape
    }

    fn examples(&self) -> usize {
        self.on.count
    }

    fn adapter(&self) -> String {
        self.on.gpu.adapter.description()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.settled()?;
        self.full.cost(&self.on)
    }

    fn gradient(&mut self) -> Result<(Cost, Network<f64>)> {
        self.settled()?;
        let (cost, gradient) = self.full.gradient(&self.on)?;
        Ok((cost, Network::from_flat(self.on.cut.shape.clone(), &cast(&gradient))))
    }

    fn step(&mut self, step: &NetworkStep<'_>) -> Result<Option<Cost>> {
        let on = &self.on;
        on.check_examples()?;
        let state = state_of(&mut self.first_order, on)?;
        let prepared = state.prepare(on, step)?;
        let mut commands = Commands::resume(&on.gpu, std::mem::take(&mut self.open));
        let rows = state.run(on, &mut commands, prepared, step)?;
        if step.report {
            return on.read_cost(commands, rows).map(Some);
        }
        let open = commands.suspend();
        self.keep(open)?;
        Ok(None)
    }

    fn probabilities(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        self.settled()?;
        self.handed.probabilities(&self.on, rows)
    }

    fn params(&mut self) -> Result<Network<f32>> {
        let flat = self.flat_params()?;
        Ok(Network::from_flat(self.on.cut.shape.clone(), &flat))
    }

    fn set_params(&mut self, params: &Network<f32>) -> Result<()> {
        assert_eq!(params.shape, self.on.cut.shape, "set_params: shape");
        self.put_params(&params.to_flat())?;
        self.first_order = None;
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>) -> Result<State<NetworkShape>> {
        let (params, moments) = (self.flat_params()?, self.moments()?);
        let vector = |role| match role {
            Role::Params => VectorData::Single(params.clone()),
            Role::Moment(i) => VectorData::Single(moments[i].clone()),
            other => VectorData::Double(self.search.vector(other).to_vec()),
        };
        let vectors = Role::of_state(pairs).map(|role| (role, vector(role))).collect();
        Ok(State { shape: self.on.cut.shape.clone(), order: Arrangement::Rows, vectors, average: None })
    }

    fn set_state(&mut self, state: &State<NetworkShape>) -> Result<()> {
        let kept = |role| state.numbers(role).map(VectorData::wide);
        self.put_flat(&kept(Role::Params).expect("a state has parameters"))?;
        let zeros = || vec![0.0; self.on.cut.shape.parameters()];
        let moments = [0, 1].map(|i| kept(Role::Moment(i)).map_or_else(zeros, |moment| cast(&moment)));
        self.set_moments(&moments)?;
        self.search = SearchVectors::restored(self.flat()?, kept);
        Ok(())
    }
}

impl FlatEngine for NetworkGpu {
    fn flat(&mut self) -> Result<Vec<f64>> {
        Ok(cast(&self.flat_params()?))
    }

    fn put_flat(&mut self, flat: &[f64]) -> Result<()> {
        self.put_params(&cast(flat))
    }

    fn cost_and_gradient_at(&mut self, point: &[f64]) -> Result<(Cost, Vec<f64>)> {
        self.settled()?;
        let (cost, gradient) = self.full.gradient_at(&self.on, &cast(point))?;
        Ok((cost, cast(&gradient)))
    }

    fn rounded(x: f64) -> f64 {
        f64::from(x as f32)
    }

    fn vectors(&mut self) -> &mut SearchVectors {
        &mut self.search
    }
}
