//! The memory plan of a run: what will be held, against what there is, before anything large is allocated. Where memory
//! is short, rows on disk are fetched as they are needed, and fewer rows are computed at a time; what fits neither way is
//! refused with the numbers.

use serde::Serialize;

use super::{Batch, Config, Kind};
use crate::device::Choice;
use crate::engine::{Job, Plan};
use crate::error::{Error, Result};
use crate::memory::{Bytes, Footprint, available};
use crate::optim::Optimizer;
use crate::order::WINDOW;
use crate::picture::feature_bytes;
use crate::units::{JUDGED, held_bytes};

/// Numbers of neighbouring rows that are shuffled as one by default: 1 MiB where they are bytes.
const RUN: usize = 1 << 20;
/// Windows of rows in memory at once: two in use, one on its way.
const WINDOWS: usize = 3;
/// Fewest rows computed at a time before a run is refused.
const FEWEST: usize = 64;
/// The program itself, and what a software adapter and its compiler take besides.
const PROGRAM: u64 = 24 << 20;
const SOFTWARE_ADAPTER: u64 = 160 << 20;

/// Bytes of everything that grows with the shape, and how the work is cut for them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MemoryPlan {
    /// Examples m.
    pub examples: usize,
    /// Visible units n.
    pub visible: usize,
    /// Hidden units h.
    pub hidden: usize,
    /// The four tensors.
    pub parameters: u64,
    /// What the optimiser keeps beside them.
    pub optimizer_state: u64,
    /// Hidden activations, outputs and their deltas of the rows computed at a time.
    pub activations: u64,
    /// The examples, or those on their way.
    pub data: u64,
    /// Copies of tensors that kernels of a software adapter read.
    pub textures: u64,
    /// Copies of examples and parameters at the start, as far as what is allocated later does not take their place.
    pub start: u64,
    /// The copy of parameters and optimiser state that is saved, and what is made of it in the end.
    pub saving: u64,
    /// Pictures while they are decoded and made ready, and the patches that are cut meanwhile, as far as what is allocated
    /// later does not take their place.
    pub pictures: u64,
    /// The engine that judges held-out examples.
    pub validation: u64,
    /// The program itself.
    pub program: u64,
    /// The sum.
    pub total: u64,
    /// What there is, as far as it is known; of a GPU's own memory only what `--memory` says.
    pub available: Option<u64>,
    /// Rows computed at a time.
    pub chunk: usize,
    /// Hidden units a block.
    pub block: usize,
    /// Whether activations are computed again on the way back, because an update takes several chunks.
    pub recomputes: bool,
    /// Whether rows are read from disk as they are needed.
    pub stream: bool,
    /// Bytes that pictures may take while they are made ready.
    #[serde(skip)]
    pub for_pictures: u64,
}

impl Config {
    /// These settings with the cut that fits the memory, and the plan; data of this kind, the engine `choice`.
    ///
    /// # Errors
    /// [`Error::Usage`] when nothing fits, with the numbers and what would help.
    pub fn plan_memory(self, kind: Kind, choice: &Choice) -> Result<(Self, MemoryPlan)> {
        let room = self.room(choice);
        let mut smallest: Option<MemoryPlan> = None;
        for stream in self.ways(kind) {
            let config =
                Self { stream: stream_setting(kind, stream), ..self.clone() }.with_runs(kind, stream);
            for chunk in config.chunks(kind, choice)? {
                let config = Self { chunk, ..config.clone() };
                let plan = config.memory_at(kind, choice, stream, room)?;
                if room.is_none_or(|room| plan.total <= room) {
                    return Ok((config, plan));
                }
                if smallest.is_none_or(|smallest| plan.total < smallest.total) {
                    smallest = Some(plan);
                }
            }
        }
        Err(self.refused(kind, &smallest.expect("there is always a way to try")))
    }

    /// Memory that may be taken.
    fn room(&self, choice: &Choice) -> Option<u64> {
        let of_host = || if choice.has_own_memory() { None } else { available() };
        self.memory.or_else(of_host).map(|bytes| bytes.0)
    }

    /// Whether rows are streamed, in the order of preference.
    fn ways(&self, kind: Kind) -> Vec<bool> {
        match (self.stream, kind.row_bytes()) {
            (Some(stream), _) => vec![stream],
            (None, Some(_)) => vec![false, true],
            (None, None) => vec![false],
        }
    }

    /// Rows computed at a time: what is asked for; else what the engine likes, and fewer and fewer.
    fn chunks(&self, kind: Kind, choice: &Choice) -> Result<Vec<Option<usize>>> {
        if self.chunk.is_some() {
            return Ok(vec![self.chunk]);
        }
        let (plan, _) = choice.footprint(&self.job(kind, false)?)?;
        let halves = std::iter::successors(Some(plan.chunk / 2), |rows| Some(rows / 2));
        let fewer = halves.take_while(|&rows| rows >= FEWEST).map(|rows| Some(rows.next_multiple_of(8)));
        Ok(std::iter::once(None).chain(fewer).collect())
    }

    /// Runs of rows, where mini-batches of rows on disk need them.
    fn with_runs(self, kind: Kind, stream: bool) -> Self {
        if !stream || self.shuffle_block.is_some() || self.batch == Batch::Full {
            return self;
        }
        Self { shuffle_block: default_run(kind), ..self }
    }

    fn job(&self, kind: Kind, stream: bool) -> Result<Job> {
        let ((examples, visible), row_bytes) = (self.size(kind)?, kind.row_bytes().unwrap_or_default());
        let waiting = self.shuffle_block.map_or(0, |run| WINDOWS * WINDOW * run.min(examples) * row_bytes);
        Ok(Job {
            shape: self.shape(kind)?,
            examples,
            batch: self.batch.rows(),
            optimizer: self.optimizer,
            cut: self.setup().cut,
            fetched: stream.then_some(waiting.min(WINDOWS * examples * visible * 4)),
            row_bytes,
        })
    }

    fn memory_at(&self, kind: Kind, choice: &Choice, stream: bool, room: Option<u64>) -> Result<MemoryPlan> {
        let job = self.job(kind, stream)?;
        let (Plan { chunk, block }, footprint) = choice.footprint(&job)?;
        let Footprint { parameters, optimizer_state, activations, data, textures } = footprint;
        // A checkpoint is written from a copy.
        let copy = parameters + optimizer_state;
        let saving =
            if choice.has_own_memory() { 0 } else { copy.max(parameters + self.beside(&job, parameters)) };
        // Parameters as they are drawn; rows that are not on disk in f64 and f32.
        let rows =
            if kind.row_bytes().is_some() { 0 } else { 12 * (job.examples * job.shape.visible) as u64 };
        let later = optimizer_state + activations + textures + saving;
        let start = (parameters + rows).saturating_sub(later);
        let validation = self.validation_memory(kind, choice, &job)?;
        let program = PROGRAM + if choice.is_software() { SOFTWARE_ADAPTER } else { 0 };
        Ok(MemoryPlan {
            examples: job.examples,
            visible: job.shape.visible,
            hidden: job.shape.hidden,
            parameters,
            optimizer_state,
            activations,
            data,
            textures,
            start,
            saving,
            pictures: 0,
            validation,
            program,
            total: footprint.total() + start + saving + validation + program,
            available: room,
            chunk,
            block,
            recomputes: job.batch.unwrap_or(job.examples) > chunk,
            stream,
            for_pictures: 0,
        })
    }

    /// What the engine holds that judges held-out examples, if there are any; it updates nothing.
    fn validation_memory(&self, kind: Kind, choice: &Choice, job: &Job) -> Result<u64> {
        if self.validation.is_none() {
            return Ok(0);
        }
        let all = match kind {
            Kind::Rows { rows, .. } => rows,
            Kind::BuiltIn | Kind::Images { .. } => self.samples.unwrap_or_default(),
        };
        let examples = self.held_out(all);
        let job = Job { examples, batch: None, optimizer: Optimizer::Sgd, fetched: None, ..*job };
        let (_, Footprint { parameters, activations, data, textures, .. }) = choice.footprint(&job)?;
        Ok(parameters + activations + data + textures)
    }

    /// What comes beside the copy of the parameters in the end, one after the other: the transposed decoder for the file,
    /// the picture of the features, the activations that are looked at.
    fn beside(&self, job: &Job, parameters: u64) -> u64 {
        let channels = if self.color == Some(true) { 3 } else { 1 };
        let looked_at = held_bytes(job.shape.hidden, job.examples.min(JUDGED));
        (parameters / 2).max(feature_bytes(job.shape, channels)).max(looked_at)
    }

    fn refused(&self, kind: Kind, plan: &MemoryPlan) -> Error {
        let bytes = |bytes: u64| Bytes(bytes).to_string();
        let parts = [
            ("parameters", plan.parameters),
            ("optimiser", plan.optimizer_state),
            ("activations", plan.activations),
            ("data", plan.data),
            ("textures", plan.textures),
            ("saving", plan.saving),
            ("validation", plan.validation),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, size)| *size > 0)
            .map(|(name, size)| format!("{name} {}", bytes(*size)))
            .collect();
        let least = format!("at least {} are needed ({})", bytes(plan.total), parts.join(", "));
        let there = bytes(plan.available.unwrap_or_default());
        let what = match self.memory {
            Some(_) => format!("--memory {there}: {least}"),
            None => format!("{there} of memory are free, but {least}"),
        };
        let fewer = (plan.data + plan.start > plan.total / 2 && !plan.stream).then(|| {
            if kind.row_bytes().is_some() { "--stream" } else { "fewer --samples, or rows in a .npy" }
        });
        let remedy = match fewer {
            Some(flag) => format!("use {flag}"),
            None => format!("lower --hidden {}, --batch or --chunk, or use --optimizer sgd", plan.hidden),
        };
        Error::usage(format!("{what}; {remedy}, or give --memory {}", Bytes(plan.total).rounded_up()))
    }
}

/// Rows that are shuffled as one: few enough for a window to be a small part of the data.
pub(super) fn default_run(kind: Kind) -> Option<usize> {
    const WINDOWS_AT_LEAST: usize = 16;
    match kind {
        Kind::Rows { rows, cols, row_bytes: Some(_) } => {
            Some((RUN / cols).min(rows / (WINDOWS_AT_LEAST * WINDOW)).max(1))
        }
        _ => None,
    }
}

/// Streaming is a setting only where rows are on disk.
fn stream_setting(kind: Kind, stream: bool) -> Option<bool> {
    kind.row_bytes().map(|_| stream)
}
