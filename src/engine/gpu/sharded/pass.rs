//! The legs of a chunk of rows on its way through all shards of a rank: forward to the exchange, through the end behind
//! it, and back; and what lies between them, rows that are fetched and Z3 on its way through the host.

use std::ops::Range;

use bytemuck::cast_slice;

use super::resident::{GpuShard, ShardedResident};
use crate::data::batches::RowSelection;
use crate::engine::Rows;
use crate::engine::collective::{Ranks, VOTES};
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::engine::gpu::memory::segment::output_bias;
use crate::engine::gpu::ops::{LayerEpilogue, OutputEpilogue};
use crate::engine::gpu::recording::{Commands, Recorder, Recording};
use crate::engine::gpu::step::examples::PassRows;
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::pass::{PassRecorder, Subject, first_rows};
use crate::error::Result;

/// The way out of the device: to other ranks, and to rows that are not resident.
pub(super) struct Link<'a> {
    pub ranks: &'a mut Ranks,
    /// The source of the rows; `None` where they are on the device.
    pub fetcher: Option<&'a mut Fetcher>,
}

/// The weights of a pass, and its rows.
pub(super) struct Pass<'a> {
    pub on: &'a ShardedResident,
    /// Of each shard.
    pub subjects: Vec<Subject<'a>>,
    /// Which examples, where rows are fetched.
    pub rows: Rows<'a>,
    /// Where they lie.
    pub place: PassRows<'a>,
}

/// A chunk with its number.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub number: usize,
    pub range: Range<usize>,
}

/// The key of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leg {
    pub phase: Phase,
    /// Of the chunk where its rows lie in a place of their own and are read, else 0.
    pub number: usize,
    /// Rows of the chunk.
    pub rows: usize,
    /// Whether it adds to what earlier chunks have left.
    pub later: bool,
    /// Rows of the whole pass.
    pub total: usize,
}

/// What a leg computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// A2 and the sums of its columns.
    Activate,
    /// A2 again.
    Hidden,
    /// ρ̂, its slope, ‖W‖².
    Settle,
    /// The part of Z3 of all shards of this rank.
    Multiply,
    /// A3.
    Output,
    /// Squared errors.
    Measure,
    /// δ3, squared errors, the gradient.
    BackPropagate,
}

impl Phase {
    /// Whether it reads X, which lies elsewhere for every chunk of resident rows.
    pub fn reads_rows(self) -> bool {
        !matches!(self, Self::Settle | Self::Multiply | Self::Output)
    }
}

impl<'a> Pass<'a> {
    /// The chunks of its rows.
    pub fn chunks(&self) -> Vec<Chunk> {
        let ranges = self.on.largest.chunks(self.place.count());
        ranges.into_iter().enumerate().map(|(number, range)| Chunk { number, range }).collect()
    }

    /// Brings the rows of a chunk onto the device, behind `commands`, if they are not there.
    pub fn fetch(
        &self,
        link: &mut Link<'_>,
        commands: Commands<'a>,
        Chunk { range, .. }: &Chunk,
    ) -> Result<Commands<'a>> {
        let (PassRows::Fetched { batch, .. }, Some(fetcher)) = (self.place, link.fetcher.as_deref_mut())
        else {
            return Ok(commands);
        };
        commands.submit()?;
        let wanted = match self.rows {
            Rows::All => RowSelection::Range(range.clone()),
            Rows::Listed(list) => RowSelection::Listed(&list[range.clone()]),
        };
        fetcher.fetch(&self.on.gpu, &self.on.largest, batch, &wanted)?;
        Ok(Commands::new(&self.on.gpu))
    }

    /// Adds the outputs of all ranks up, behind `commands`.
    pub fn exchange(&self, link: &mut Link<'_>, commands: Commands<'a>, rows: usize) -> Result<Commands<'a>> {
        if link.ranks.size() == 1 {
            // Nobody is waited for, and votes are counted.
            link.ranks.outputs(&mut [0.0_f32; VOTES])?;
            return Ok(commands);
        }
        let ShardedResident { gpu, outputs, staging, .. } = self.on;
        let sum = outputs.sum(0, rows);
        let len = rows * sum.stride();
        let mut z3 = commands.read(staging, &[(&sum, len), (&outputs.votes, VOTES)])?;
        link.ranks.outputs(&mut z3)?;
        gpu.queue.write_buffer(&sum.buffer, bytes(sum.offset), cast_slice(&z3[..len]));
        Ok(Commands::new(gpu))
    }

    /// Adds the squared errors of a chunk up that went through last, number by number.
    pub fn read_errors(&self, commands: Commands<'a>, errors: f64, rows: usize) -> Result<f64> {
        let sums = commands.read(&self.on.staging, &[self.on.outputs.errors(rows)])?;
        Ok(sums.iter().fold(errors, |errors, &x| errors + f64::from(x)))
    }

    pub fn record(&self, leg: Leg, chunk: &Chunk) -> Result<Recording> {
        let mut recorder = self.on.recorder();
        match leg.phase {
            Phase::Settle => self.each_shard(&mut recorder, |pass, _| pass.settle())?,
            Phase::Activate | Phase::Hidden => {
                let x = self.place.gathered(&mut recorder, chunk.number, &chunk.range)?;
                self.each_shard(&mut recorder, |pass, _| match leg.phase {
                    Phase::Activate => pass.activate(&x, leg.later),
                    _ => pass.all_hidden(&x),
                })?;
            }
            Phase::Multiply => self.multiply(&mut recorder, leg.rows)?,
            Phase::Output => {
                let (z3, a3) = (self.on.outputs.sum(0, leg.rows), self.delta3(leg.rows));
                recorder.layer_of_sum(&z3, self.output_layer(), &a3)?;
            }
            Phase::Measure => self.end(&mut recorder, &self.x(chunk)).map(|_| ())?,
            Phase::BackPropagate => {
                let x = self.x(chunk);
                let delta3 = self.end(&mut recorder, &x)?;
                self.each_shard(&mut recorder, |pass, _| match pass.subject.gradient {
                    Some(gradient) => pass.block_gradients(&delta3, leg.later, &x, gradient),
                    None => Ok(()),
                })?;
            }
        }
        recorder.finish()
    }

    /// X of a chunk, where it lies.
    fn x(&self, chunk: &Chunk) -> Tensor {
        self.place.in_place(&chunk.range)
    }

    /// Where A3 lies, then δ3.
    pub fn delta3(&self, rows: usize) -> Tensor {
        first_rows(&self.on.shards[0].workspace.a3, rows)
    }

    /// δ3 and the sums of the squared errors from Z3 of all ranks.
    fn end(&self, recorder: &mut Recorder<'_>, x: &Tensor) -> Result<Tensor> {
        let (z3, delta3) = (self.on.outputs.sum(0, x.rows), self.delta3(x.rows));
        let (sums, _) = self.on.outputs.errors(x.rows);
        let end = OutputEpilogue { layer: self.output_layer(), x, sums, first_sum: 0 };
        recorder.output_delta_of_sum(&z3, end, &delta3)?;
        Ok(delta3)
    }

    /// The output layer, whose bias is that of the first shard: all have the same.
    fn output_layer(&self) -> LayerEpilogue<'_> {
        let Subject { weights, objective, .. } = &self.subjects[0];
        LayerEpilogue { bias: output_bias(weights), f: objective.output }
    }

    /// The parts of Z3, and their sum in the order of the tree.
    fn multiply(&self, recorder: &mut Recorder<'_>, rows: usize) -> Result<()> {
        let outputs = &self.on.outputs;
        self.each_shard(recorder, |pass, v| {
            let turn = &outputs.turns[v];
            pass.sum_of_blocks(0..pass.subject.weights.len(), &outputs.sum(turn.part, rows))?;
            turn.additions.iter().try_for_each(|&[from, to]| {
                pass.recorder.add(&outputs.sum(from, rows), &outputs.sum(to, rows))
            })
        })
    }

    fn each_shard(
        &self,
        recorder: &mut Recorder<'_>,
        mut work: impl FnMut(&mut PassRecorder<'_, '_>, usize) -> Result<()>,
    ) -> Result<()> {
        (0..self.subjects.len()).try_for_each(|v| work(&mut self.of_shard(recorder, v), v))
    }

    fn of_shard<'p, 'g>(&'p self, recorder: &'p mut Recorder<'g>, v: usize) -> PassRecorder<'p, 'g> {
        let GpuShard { partition, workspace: work, .. } = &self.on.shards[v];
        PassRecorder { recorder, partition, work, subject: self.subjects[v], rows: self.place }
    }
}
