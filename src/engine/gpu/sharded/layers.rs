//! Values of a layer: of examples, of listed ones, and of rows and codes that are handed in. A2 is that of the own
//! units.

use std::ops::Range;

use super::legs::Legs;
use super::pass::{Chunk, Link, Pass};
use super::resident::ShardedResident;
use crate::engine::collective::{Shards, columns};
use crate::engine::gpu::memory::buffer::{Tensor, read_rows};
use crate::engine::gpu::recording::Commands;
use crate::engine::gpu::step::examples::{DeviceRows, PassRows};
use crate::engine::gpu::step::list::BatchList;
use crate::engine::gpu::step::pass::first_rows;
use crate::engine::{Layer, Rows};
use crate::error::Result;

/// Most legs that are kept for handed rows: callers may vary in how many they hand in.
const KEPT: usize = 48;

/// A layer of the examples `range`, `[rows, n]` or `[rows, own units]`.
pub(super) fn of_range(
    on: &ShardedResident,
    mut link: Link<'_>,
    layer: Layer,
    range: &Range<usize>,
) -> Result<Vec<f32>> {
    let (mut legs, mut out) = (Legs::default(), Vec::new());
    let pass = Pass { on, subjects: on.subjects(), rows: Rows::All, place: on.place_of(Rows::All) };
    for chunk in pass.chunks() {
        let wanted = range.start.max(chunk.range.start)..range.end.min(chunk.range.end);
        if !wanted.is_empty() {
            let within = wanted.start - chunk.range.start..wanted.end - chunk.range.start;
            compute(&mut legs, &pass, &mut link, layer, &chunk)?.read(on, within, &mut out)?;
        }
    }
    Ok(out)
}

/// A layer of listed examples, in the order of the list.
pub(super) fn of_list(
    on: &ShardedResident,
    mut link: Link<'_>,
    layer: Layer,
    list: &[usize],
) -> Result<Vec<f32>> {
    if let (Layer::Input, Some(fetcher)) = (layer, link.fetcher.as_deref_mut()) {
        return fetcher.numbers(list, on.shape.visible);
    }
    let (rows, mut legs, mut out) = (Rows::Listed(list), Legs::default(), Vec::new());
    let mut room = None;
    let place = match &on.rows {
        DeviceRows::Resident(parts) if !list.is_empty() => {
            let room = room.insert(BatchList::new(&on.gpu, &on.largest, list.len())?);
            room.write(&on.gpu, &on.largest, list);
            room.rows(parts, list.len())
        }
        _ => on.place_of(rows),
    };
    let pass = Pass { on, subjects: on.subjects(), rows, place };
    for chunk in pass.chunks() {
        compute(&mut legs, &pass, &mut link, layer, &chunk)?.read(on, 0..chunk.range.len(), &mut out)?;
    }
    Ok(out)
}

/// A layer that has been computed.
struct Computed(Vec<Tensor>);

impl Computed {
    fn read(self, on: &ShardedResident, rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        read_rows(&on.gpu, &self.0, rows, out)
    }
}

/// Computes a layer of a chunk.
fn compute<'g>(
    legs: &mut Legs,
    pass: &Pass<'g>,
    link: &mut Link<'_>,
    layer: Layer,
    chunk: &Chunk,
) -> Result<Computed> {
    let rows = chunk.range.len();
    // With the hidden layer listed rows are gathered.
    let mut commands = legs.hidden(pass, link, chunk)?;
    let tensors = match layer {
        Layer::Input => vec![pass.place.in_place(&chunk.range)],
        Layer::Hidden => hidden(pass.on, rows),
        Layer::Output => {
            commands = legs.output(pass, link, commands, chunk)?;
            vec![pass.delta3(rows)]
        }
    };
    commands.submit()?;
    Ok(Computed(tensors))
}

/// A2 of `rows` rows, one tensor a block of each shard.
fn hidden(on: &ShardedResident, rows: usize) -> Vec<Tensor> {
    let blocks = on.shards.iter().flat_map(|shard| &shard.workspace.a2);
    blocks.map(|a2| first_rows(a2, rows)).collect()
}

/// Where handed rows go, and the legs that were recorded for them.
#[derive(Debug, Default)]
pub(super) struct HandedRows {
    /// `[chunk, n]`.
    x: Option<Tensor>,
    legs: Legs,
}

impl HandedRows {
    /// A2 `[count, own units]` of rows `[count, n]`.
    pub fn encode(&mut self, on: &ShardedResident, link: Link<'_>, rows: &[f32]) -> Result<Vec<f32>> {
        let (mut out, visible) = (Vec::new(), on.shape.visible);
        let mut link = Link { fetcher: None, ..link };
        for rows in rows.chunks(on.largest.chunk * visible) {
            let count = rows.len() / visible;
            let x = self.x(on)?;
            first_rows(&x, count).write(&on.gpu, rows);
            let (pass, chunk) = handed(on, &x, count);
            compute(&mut self.legs, &pass, &mut link, Layer::Hidden, &chunk)?.read(on, 0..count, &mut out)?;
        }
        self.forget_old();
        Ok(out)
    }

    /// A3 `[count, n]` of codes `[count, h]`.
    pub fn decode(
        &mut self,
        on: &ShardedResident,
        link: Link<'_>,
        (cut, codes): (Shards, &[f32]),
    ) -> Result<Vec<f32>> {
        let (mut out, hidden) = (Vec::new(), on.shape.hidden);
        let mut link = Link { fetcher: None, ..link };
        for codes in codes.chunks(on.largest.chunk * hidden) {
            let count = codes.len() / hidden;
            for (shard, number) in on.shards.iter().zip(link.ranks.own_shards()) {
                let first = cut.units(number).start;
                for (a2, units) in shard.workspace.a2.iter().zip(&shard.partition.blocks) {
                    let own = columns(codes, hidden, first + units.start..first + units.end);
                    first_rows(a2, count).write(&on.gpu, &own);
                }
            }
            let x = self.x(on)?;
            let (pass, chunk) = handed(on, &x, count);
            self.legs.output(&pass, &mut link, Commands::new(&on.gpu), &chunk)?.submit()?;
            read_rows(&on.gpu, &[pass.delta3(count)], 0..count, &mut out)?;
        }
        self.forget_old();
        Ok(out)
    }

    fn x(&mut self, on: &ShardedResident) -> Result<Tensor> {
        Ok(match &self.x {
            Some(x) => x.clone(),
            None => {
                let x = Tensor::zeros(&on.gpu, "handed rows", on.largest.chunk, on.shape.visible)?;
                self.x.insert(x).clone()
            }
        })
    }

    fn forget_old(&mut self) {
        if self.legs.len() > KEPT {
            self.legs = Legs::default();
        }
    }
}

/// A pass over the only chunk of `count` handed rows.
fn handed<'a>(on: &'a ShardedResident, x: &'a Tensor, count: usize) -> (Pass<'a>, Chunk) {
    let place = PassRows::Fetched { batch: x, rows: count };
    let pass = Pass { on, subjects: on.subjects(), rows: Rows::All, place };
    (pass, Chunk { number: 0, range: 0..count })
}
