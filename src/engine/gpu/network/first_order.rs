//! SGD and Adam on the device: their moments, and the recordings of their steps.

use super::pass::{NetworkPass, Target};
use super::resident::Resident;
use super::vectors::{self, LayerVector};
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::engine::gpu::ops::{AppliedEnd, RATES};
use crate::engine::gpu::recording::{Commands, Recording, Uploads};
use crate::engine::gpu::step::list::BatchList;
use crate::engine::gpu::step::rates::Rates;
use crate::engine::network::NetworkStep;
use crate::engine::{Rows, Update};
use crate::error::Result;

/// The state of SGD and Adam on the device.
#[derive(Debug)]
pub(super) struct FirstOrder {
    /// For updates over several chunks, whose gradients are added up before the optimiser takes them.
    gradient: Option<Vec<LayerVector>>,
    /// v of SGD; first and second moment of Adam: as many as have been used.
    pub moments: Vec<Vec<LayerVector>>,
    listed: Option<ListedRows>,
    rates: Rates,
    uploads: Uploads,
    /// Recordings made so far; a run needs up to four, for whole batches and for the rest of an epoch, with J and
    /// without.
    steps: Vec<(StepKey, Recording)>,
}

/// Room for a list of examples, and for their labels.
#[derive(Debug)]
struct ListedRows {
    list: BatchList,
    labels: Tensor,
}

/// The key of a step's recording.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StepKey {
    /// Length of the list, `None` for all examples in place.
    listed: Option<usize>,
    adam: bool,
    /// Whether J is asked for.
    report: bool,
}

impl FirstOrder {
    /// Without moments.
    pub fn new(on: &Resident) -> Result<Self> {
        Ok(Self {
            gradient: None,
            moments: Vec::new(),
            listed: None,
            rates: Rates::new(&on.gpu)?,
            uploads: Uploads::new(&on.gpu, on.gpu.steps_at_once(), upload_size(0))?,
            steps: Vec::new(),
        })
    }

    /// Makes sure that there are so many moments; new ones are 0.
    pub fn use_moments(&mut self, on: &Resident, count: usize) -> Result<()> {
        while self.moments.len() < count {
            let moment = vectors::zeros(&on.gpu, "moment", Category::OptimizerState, &on.cut.shape)?;
            self.moments.push(moment);
        }
        Ok(())
    }

    /// Makes and records what an update takes; the place of its recording. Whatever can be refused is refused here,
    /// before any command of it.
    pub fn prepare(&mut self, on: &Resident, step: &NetworkStep<'_>) -> Result<usize> {
        let key = self.make_room(on, step)?;
        if let Some(at) = self.steps.iter().position(|(made, _)| *made == key) {
            return Ok(at);
        }
        let recording = self.record(on, key)?;
        self.steps.push((key, recording));
        Ok(self.steps.len() - 1)
    }

    /// Adds the update of a prepared recording to `commands`; its rows.
    pub fn run(
        &mut self,
        on: &Resident,
        commands: &mut Commands<'_>,
        prepared: usize,
        step: &NetworkStep<'_>,
    ) -> Result<usize> {
        self.uploads.begin_step();
        self.rates.set_update((&mut self.uploads, commands), &step.update);
        if let (Rows::Listed(list), Some(room)) = (step.rows, &self.listed) {
            room.list.upload((&mut self.uploads, commands), &on.cut.rows, list);
            let labels: Vec<u32> = list.iter().map(|&row| on.host_labels[row]).collect();
            self.uploads.write(commands, &room.labels, bytemuck::cast_slice(&labels));
        }
        let (key, recording) = &self.steps[prepared];
        commands.run(recording)?;
        Ok(key.listed.unwrap_or(on.count))
    }

    /// Room for the list of the rows, for the moments that the update takes, and for what it uploads.
    fn make_room(&mut self, on: &Resident, step: &NetworkStep<'_>) -> Result<StepKey> {
        let adam = matches!(step.update, Update::Adam { .. });
        let listed = match step.rows {
            Rows::All => None,
            Rows::Listed(list) => {
                BatchList::check(list, on.count)?;
                self.list_for(on, list.len())?;
                Some(list.len())
            }
        };
        self.use_moments(on, if adam { 2 } else { 1 })?;
        let rows = listed.unwrap_or(on.count);
        if self.gradient.is_none() && on.cut.rows.chunks(rows).len() > 1 {
            let gradient = vectors::zeros(&on.gpu, "gradient", Category::OptimizerState, &on.cut.shape)?;
            self.gradient = Some(gradient);
        }
        let size = upload_size(self.listed.as_ref().map_or(0, |room| room.list.most()));
        let steps = on.gpu.steps_at_once();
        if !self.uploads.hold(steps, size) {
            self.uploads = Uploads::new(&on.gpu, steps, size)?;
        }
        Ok(StepKey { listed, adam, report: step.report })
    }

    /// Room for a list of so many rows. Recordings of shorter lists bind the room before, and are made again.
    fn list_for(&mut self, on: &Resident, rows: usize) -> Result<()> {
        if self.listed.as_ref().is_none_or(|room| !room.list.holds(rows)) {
            self.steps.retain(|(key, _)| key.listed.is_none());
            self.listed = None;
            let list = BatchList::new(&on.gpu, &on.cut.rows, rows)?;
            let labels = Allocation::vectors("labels of a batch", Category::Data, [rows]);
            let [labels] = allocate(&on.gpu, [labels])?.map(single);
            self.listed = Some(ListedRows { list, labels });
        }
        Ok(())
    }

    fn record(&self, on: &Resident, key: StepKey) -> Result<Recording> {
        let (rows, labels) = match (key.listed, &self.listed) {
            (Some(rows), Some(room)) => (room.list.rows(on.parts(), rows), &room.labels),
            _ => (on.all_rows(), &on.labels),
        };
        let ends = self.ends(on, key.adam);
        let target = match &self.gradient {
            Some(gradient) if on.cut.rows.chunks(rows.count()).len() > 1 => Target::Kept(gradient),
            _ => Target::Applied(&ends),
        };
        let mut recorder = on.recorder();
        let mut pass = NetworkPass { on, recorder: &mut recorder, weights: &on.params, rows, labels };
        pass.gradient(target, key.report)?;
        if let Target::Kept(gradient) = target {
            for (gradient, &end) in gradient.iter().zip(&ends) {
                recorder.apply_gradient(&gradient.whole, gradient.layout, end)?;
            }
        }
        recorder.finish()
    }

    /// What takes the gradient of each layer.
    fn ends<'a>(&'a self, on: &'a Resident, adam: bool) -> Vec<AppliedEnd<'a>> {
        let rates = self.rates.update();
        let end = |(l, w): (usize, &'a LayerVector)| {
            let (w, first) = (&w.whole, &self.moments[0][l].whole);
            if adam {
                AppliedEnd::Adam { w, moments: [first, &self.moments[1][l].whole], rates }
            } else {
                AppliedEnd::Sgd { w, velocity: first, rates }
            }
        };
        on.params.iter().enumerate().map(end).collect()
    }
}

/// Bytes that a step uploads at most: rates, and the indices and labels of so many rows.
fn upload_size(rows: usize) -> u64 {
    bytes(RATES + 2 * rows)
}
