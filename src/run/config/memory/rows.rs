//! What rows take besides the engine: the order of mini-batches, and copies on the way to the engine; and what memory may
//! not change about them.

use super::{AT_ONCE, MemoryPlan, default_run};
use crate::data::Subset;
use crate::data::shuffle::{BatchSampler, WINDOW};
use crate::data::split::bytes_of_draw;
use crate::data::stream::{Feed, PIECE};
use crate::engine::Job;
use crate::error::{Error, Result};
use crate::math::start::{Start, sample_rows};
use crate::run::config::{Batch, Config, SourceKind};

impl Config {
    /// Refuses windows whose places 32 bits do not count.
    pub(super) fn check_order(&self, kind: SourceKind) -> Result<()> {
        let (examples, _) = self.size(kind)?;
        let window = self.shuffle().window(examples);
        if self.batch == Batch::Full || u32::try_from(window).is_ok() {
            return Ok(());
        }
        let least = default_run(kind).unwrap_or(1);
        Err(Error::usage(match self.shuffle_block {
            Some(run) => format!(
                "`shuffle_block` {run}: {window} rows would be shuffled at a time, {} at most can be; give {} or less, \
                 for example {least}",
                u32::MAX,
                u32::MAX as usize / WINDOW
            ),
            None => format!(
                "{examples} rows: {} at most are shuffled one by one; give `shuffle_block`, for example {least}",
                u32::MAX
            ),
        }))
    }

    /// Whether updates over rows that are computed so many at a time have the bits that more memory would give: no sum over
    /// the rows of an update is cut where it would not be.
    pub(super) fn keeps_bits(&self, chunk: Option<usize>) -> bool {
        match chunk {
            None => true,
            Some(chunk) => self.chunk.is_some() || self.batch.rows().is_some_and(|batch| batch <= chunk),
        }
    }

    /// Says what it means that memory is short: for the order of rows that are not in memory, and for the bits.
    pub(super) fn tell_of_reading(&self, kind: SourceKind, plan: &MemoryPlan, keeps_bits: bool) {
        if !keeps_bits {
            tracing::info!(
                "memory is short, so that an update is computed {} rows at a time: its last digits are others than with \
                 more memory, unless `chunk` {0} is given there too",
                plan.chunk
            );
        }
        if plan.stream && self.batch != Batch::Full && self.shuffle_block.is_none() {
            let run = default_run(kind).unwrap_or(1);
            tracing::info!(
                "rows are read one by one, in the order that they have in memory; `shuffle_block` {run} reads them in \
                 longer pieces, in another order"
            );
        }
    }

    /// The lists of the order, the training loop's and that of whoever reads ahead, and which rows have come where they are
    /// read one by one.
    pub(super) fn order_memory(&self, job: &Job) -> u64 {
        let Some(batch) = job.batch else { return 0 };
        let (shuffle, examples) = (self.shuffle(), job.examples);
        let lists = 2 * shuffle.list_bytes(examples);
        let come = job.fetched.is_some() && self.shuffle_block.is_none();
        let come = if come { Feed::bytes_of_epochs(examples) } else { 0 };
        (BatchSampler::bytes(examples, shuffle, batch) + lists + come) as u64
    }

    /// The lists of the rows on disk that are taken, of those that are learned from and of those that are held out.
    pub(super) fn subset_memory(&self, kind: SourceKind) -> u64 {
        let SourceKind::Rows { rows, row_bytes: Some(_), .. } = kind else { return 0 };
        // Nobody knows here of how many they are taken: a number of 64 bits each at most.
        let taken = self.take.map_or(0, |_| 8 * rows as u64);
        let held_out = self.held_out(rows);
        let parts = match (held_out, taken) {
            (0, _) => 0,
            (_, 0) => Subset::bytes(held_out, rows) + Subset::bytes(rows - held_out, rows),
            _ => taken,
        };
        taken + parts
    }

    /// Bytes of rows before there is an engine, and while it is made.
    pub(super) fn rows_at_start(&self, kind: SourceKind, job: &Job) -> [u64; 2] {
        let (kept, cols) = (job.examples, job.shape.visible);
        let all = match kind {
            SourceKind::Rows { rows, .. } => rows,
            SourceKind::BuiltIn | SourceKind::Images { .. } => self.samples.unwrap_or(kept),
        };
        let held_out = all - kept.min(all);
        // Held-out data of their own are made after the others.
        let of_their_own = match self.held_out_kind {
            Some(kind) if kind.row_bytes().is_none() => self.held_out_examples(kind),
            _ => 0,
        };
        let as_read = match self.held_out_kind {
            Some(SourceKind::Rows { row_bytes: None, .. }) => of_their_own,
            _ => 0,
        };
        let in_double = |rows: usize| 8 * (rows as u64) * cols as u64;
        // What a start is fitted to, and some of it transposed.
        let fitted = self
            .start
            .filter(|start| *start == Start::Data)
            .map_or(0, |_| in_double(sample_rows(cols).min(kept)) * 9 / 8);
        // A piece as it is read and as it waits twice, in f64 and in f32.
        let pieces =
            |numbers: usize, bytes: usize| (numbers.max(cols).min(all.saturating_mul(cols)) * bytes) as u64;
        let size = kind.row_bytes().map_or(1, |bytes| bytes.div_ceil(cols));
        let read = pieces(PIECE / size, 3 * size + 12);
        // The list that held-out rows are drawn from.
        let drawn = if held_out > 0 { bytes_of_draw(all) } else { 0 };
        let [judged, judged_later] =
            [in_double(of_their_own) + in_double(as_read), in_double(of_their_own) * 3 / 2];
        if self.may_stream(kind) {
            // Near rows are read with those between them.
            let read = if held_out > 0 || self.take.is_some() { read + PIECE as u64 } else { read };
            let fetched = if job.fetched.is_some() { 0 } else { pieces(AT_ONCE + 8 * cols, 3 * size + 4) };
            return [read.max(drawn) + judged, fetched + fitted + judged_later];
        }
        // What was read at once is there until the examples are made of it.
        let source = match kind {
            SourceKind::Rows { row_bytes: Some(_), .. } => read,
            SourceKind::Rows { row_bytes: None, .. } => in_double(all),
            SourceKind::BuiltIn | SourceKind::Images { .. } => 0,
        };
        [
            in_double(all) + source + drawn + in_double(held_out) + judged,
            in_double(all) + in_double(kept.max(held_out)) / 2 + fitted + judged_later,
        ]
    }
}
