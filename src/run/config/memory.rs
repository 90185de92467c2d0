//! The memory plan of a run: what will be held, against what there is, before anything large is allocated. Where memory
//! is short, rows on disk are fetched as they are needed, and fewer rows are computed at a time; what fits neither way is
//! refused with the numbers.

mod refused;
mod rows;

use serde::Serialize;

use super::{Config, SourceKind};
use crate::data::shuffle::WINDOW;
use crate::data::{ColumnStatistics, ColumnTransform};
use crate::engine::device::{Choice, Selector};
use crate::engine::variant::Workload;
use crate::engine::{ChunkPlan, Job};
use crate::error::Result;
use crate::io::memory::{Footprint, available};
use crate::math::optim::Optimizer;
use crate::run::picture::feature_bytes;
use crate::run::report;
use crate::train::diagnostics::{JUDGED, held_bytes};

/// Numbers of neighbouring rows that are shuffled as one by default: 1 MiB where they are bytes.
const RUN: usize = 1 << 20;
/// Windows of rows in memory at once: two in use, one on its way.
const WINDOWS: usize = 3;
/// Numbers of resident rows that go to an engine at a time.
const AT_ONCE: usize = 1 << 20;
/// Fewest rows computed at a time before a run is refused.
const FEWEST: usize = 64;
/// The program itself, and what a software adapter and its compiler take besides.
const PROGRAM: u64 = 24 << 20;
const SOFTWARE_ADAPTER: u64 = 160 << 20;

/// Bytes of everything that grows with the shape, and how the work is cut for them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MemoryPlan {
    /// Examples m.
    pub examples: usize,
    /// Visible units n.
    pub visible: usize,
    /// Hidden units h.
    pub hidden: usize,
    /// The four tensors.
    pub parameters: u64,
    /// The state of the optimiser.
    pub optimizer_state: u64,
    /// Hidden activations, outputs and their deltas of the rows computed at a time.
    pub activations: u64,
    /// The examples, or those on their way.
    pub data: u64,
    /// The order of the examples, and which have come in this epoch.
    pub order: u64,
    /// Copies of tensors that kernels of a software adapter read.
    pub textures: u64,
    /// Copies of examples and parameters at the start, as far as what is allocated later does not take their place.
    pub start: u64,
    /// The copy of parameters and optimiser state that is saved, and what is made of it in the end.
    pub saving: u64,
    /// Pictures while they are decoded and made ready, and the patches that are cut meanwhile, as far as what is allocated
    /// later does not take their place.
    pub pictures: u64,
    /// The numbers of the columns, where they are shifted, divided or decorrelated, and what they are multiplied by.
    pub columns: u64,
    /// The engine that judges held-out examples.
    pub validation: u64,
    /// The program itself.
    pub program: u64,
    /// The sum.
    pub total: u64,
    /// Memory that is free, as far as it is known; of a GPU's own only the limit that is set.
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
    /// [`crate::Error::Usage`] when nothing fits, with the numbers and what would help.
    pub fn plan_memory(self, kind: SourceKind, choice: &Choice) -> Result<(Self, MemoryPlan)> {
        let room = self.room(choice);
        let mut smallest: Option<MemoryPlan> = None;
        let ways = self.ways(kind)?;
        if ways.is_empty() {
            return Err(self.too_many(kind));
        }
        self.check_order(kind)?;
        let chunks = self.chunks(kind, choice)?;
        // Cuts that keep the bits come before those that do not.
        for keeps in [true, false] {
            for (stream, chunk) in
                ways.iter().flat_map(|&stream| chunks.iter().map(move |&chunk| (stream, chunk)))
            {
                if self.keeps_bits(chunk) != keeps {
                    continue;
                }
                let config = Self { stream: self.stream_setting(kind, stream), chunk, ..self.clone() };
                let plan = config.memory_at(kind, choice, stream, room)?;
                if room.is_none_or(|room| plan.total <= room) {
                    config.tell_of_reading(kind, &plan, keeps);
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

    /// Whether rows are streamed, in the order of preference; more than 32 bits count are never held.
    fn ways(&self, kind: SourceKind) -> Result<Vec<bool>> {
        let streams = self.may_stream(kind) && self.selector()? != Selector::Reference;
        let mut ways = match self.stream {
            Some(stream) => vec![stream],
            None if streams => vec![false, true],
            None => vec![false],
        };
        let most = self.size(kind)?.0.max(self.held_out_examples(kind));
        if u32::try_from(most).is_err() {
            ways.retain(|stream| *stream);
        }
        Ok(ways)
    }

    /// Whether rows can be read as they are needed.
    fn may_stream(&self, kind: SourceKind) -> bool {
        kind.row_bytes().is_some()
    }

    /// Streaming is a setting only where rows are on disk.
    fn stream_setting(&self, kind: SourceKind, stream: bool) -> Option<bool> {
        self.may_stream(kind).then_some(stream)
    }

    /// The kind of held-out examples: that of all, or of data of their own.
    fn kind_held_out(&self, kind: SourceKind) -> SourceKind {
        self.held_out_kind.unwrap_or(kind)
    }

    /// Rows computed at a time: what is asked for; else what the engine likes, and fewer and fewer.
    fn chunks(&self, kind: SourceKind, choice: &Choice) -> Result<Vec<Option<usize>>> {
        if self.chunk.is_some() {
            return Ok(vec![self.chunk]);
        }
        let (plan, _) = choice.footprint(&self.job(kind, choice, false)?)?;
        let halves = std::iter::successors(Some(plan.chunk / 2), |rows| Some(rows / 2));
        let fewer = halves.take_while(|&rows| rows >= FEWEST).map(|rows| Some(rows.next_multiple_of(8)));
        Ok(std::iter::once(None).chain(fewer).collect())
    }

    fn job(&self, kind: SourceKind, choice: &Choice, stream: bool) -> Result<Job> {
        let ((examples, _), row_bytes) = (self.size(kind)?, kind.row_bytes().unwrap_or_default());
        // Rows without runs are read one by one, and none of them wait.
        let rows = self.shuffle_block.map_or(0, |_| self.shuffle().window(examples));
        let waiting = rows.saturating_mul(WINDOWS * row_bytes);
        let (shape, batch, cut) = (self.shape(kind)?, self.batch.rows(), self.setup().cut);
        Ok(Job {
            shape,
            examples,
            batch,
            optimizer: self.optimizer,
            cut,
            fetched: stream.then_some(waiting),
            row_bytes,
            kernels: choice.expected_kernels(&Workload { shape, examples, batch, cut })?,
            sharding: self.sharding()?,
        })
    }

    fn memory_at(
        &self,
        kind: SourceKind,
        choice: &Choice,
        stream: bool,
        room: Option<u64>,
    ) -> Result<MemoryPlan> {
        let job = self.job(kind, choice, stream)?;
        let (ChunkPlan { chunk, block }, footprint) = choice.footprint(&job)?;
        let Footprint { parameters, optimizer_state, activations, data, textures } = footprint;
        // A checkpoint is written from a copy.
        let copy = parameters + optimizer_state;
        let saving =
            if choice.has_own_memory() { 0 } else { copy.max(parameters + self.beside(&job, parameters)) };
        let order = self.order_memory(&job) + self.subset_memory(kind);
        let [validation, judged] = self.validation_memory(kind, choice, &job)?;
        // The rows that are judged are there before those that they were made of are gone.
        let later = optimizer_state + activations + textures + saving + order + validation - judged;
        // Parameters as they are drawn, and rows, when the engine is made; rows before there is one.
        let [before, meanwhile] = self.rows_at_start(kind, &job);
        let start = (parameters + meanwhile).saturating_sub(later);
        let [columns, fit] = self.columns_memory(kind)?;
        let start = start.max((before + fit).saturating_sub(parameters + data + judged + later));
        let program = PROGRAM + if choice.is_software() { SOFTWARE_ADAPTER } else { 0 };
        Ok(MemoryPlan {
            examples: job.examples,
            visible: job.shape.visible,
            hidden: job.shape.hidden,
            parameters,
            optimizer_state,
            activations,
            data,
            order,
            textures,
            start,
            saving,
            pictures: 0,
            columns,
            validation,
            program,
            total: footprint.total() + order + start + saving + columns + validation + program,
            available: room,
            chunk,
            block,
            recomputes: job.batch.unwrap_or(job.examples) > chunk,
            stream,
            for_pictures: 0,
        })
    }

    /// Bytes of the numbers of the columns, and of their fit besides.
    fn columns_memory(&self, kind: SourceKind) -> Result<[u64; 2]> {
        let ((_, cols), is_decorrelated) = (self.size(kind)?, self.whitening.is_some());
        if !is_decorrelated && !self.normalize.is_of_columns() {
            return Ok([0; 2]);
        }
        let held = ColumnTransform::bytes(cols, is_decorrelated);
        Ok([held, ColumnStatistics::bytes(cols, is_decorrelated).saturating_sub(held)])
    }

    /// Bytes of the engine that judges held-out examples, if there are any, and of these alone; it updates nothing.
    fn validation_memory(&self, kind: SourceKind, choice: &Choice, job: &Job) -> Result<[u64; 2]> {
        let examples = self.held_out_examples(kind);
        if examples == 0 {
            return Ok([0; 2]);
        }
        let row_bytes = self.kind_held_out(kind).row_bytes();
        // Nothing waits to be taken: all rows are passed over.
        let fetched = job.fetched.and(row_bytes).map(|_| 0);
        let row_bytes = row_bytes.unwrap_or_default();
        let job = Job { examples, batch: None, optimizer: Optimizer::Sgd, fetched, row_bytes, ..*job };
        let (_, Footprint { parameters, activations, data, textures, .. }) = choice.footprint(&job)?;
        let judged = if self.kind_held_out(kind).row_bytes().is_some() { 0 } else { data };
        Ok([parameters + activations + data + textures, judged])
    }

    /// Bytes beside the copy of the parameters in the end, one after the other: the transposed decoder for the file,
    /// the picture of the features, the activations that are looked at and the page that is made of them.
    fn beside(&self, job: &Job, parameters: u64) -> u64 {
        let channels = if self.color == Some(true) { 3 } else { 1 };
        let judged = job.examples.min(JUDGED);
        let looked_at =
            held_bytes(job.shape.hidden, judged) + report::bytes(job.shape, job.shape.visible, judged);
        (parameters / 2).max(feature_bytes(job.shape, channels)).max(looked_at)
    }
}

/// Rows that are shuffled as one: few enough for a window to be a small part of the data.
pub(super) fn default_run(kind: SourceKind) -> Option<usize> {
    const WINDOWS_AT_LEAST: usize = 16;
    match kind {
        SourceKind::Rows { rows, cols, row_bytes: Some(_) } => {
            Some((RUN / cols).min(rows / (WINDOWS_AT_LEAST * WINDOW)).max(1))
        }
        _ => None,
    }
}
