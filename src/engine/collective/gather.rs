//! The whole of what ranks hold in parts, on every rank: for callers that ask an engine for all of it.

use bytemuck::{Pod, cast_slice};

use super::ranks::Ranks;
use super::shards::{Shards, join, join_columns};
use crate::error::{Error, Result};
use crate::math::params::{Params, Real, Shape};

/// The parameters of all units from those of the own shards.
///
/// # Errors
/// [`Error::Device`] where b2, of which each rank has a copy, is not the same on all; those of the exchange.
pub fn whole_params<T: Real + Pod>(ranks: &mut Ranks, cut: Shards, own: &[Params<T>]) -> Result<Params<T>> {
    let own = join(own);
    if ranks.size() == 1 {
        return Ok(own);
    }
    let visible = own.shape.visible;
    let shapes: Vec<Shape> = units(ranks, cut).into_iter().map(|hidden| Shape { visible, hidden }).collect();
    let all = ranks.all(&own.to_flat(), |rank| shapes[rank].parameters())?;
    let mut rest = &all[..];
    let parts: Vec<_> = shapes
        .iter()
        .map(|&shape| {
            let (part, others) = rest.split_at(shape.parameters());
            rest = others;
            Params::from_flat(shape, part)
        })
        .collect();
    // All ranks compute it for themselves and never exchange it.
    let other =
        parts.iter().position(|part| cast_slice::<T, u8>(&part.b2) != cast_slice::<T, u8>(&parts[0].b2));
    match other {
        None => Ok(join(&parts)),
        Some(rank) => ranks.of_this_rank(Err(Error::device(format!(
            "rank {rank} holds another output bias than rank 0: they do not compute alike; go on from the last checkpoint, on \
             devices of one kind"
        )))),
    }
}

/// Rows `[count, h]` from the columns of the own units, `[count, units]`.
///
/// # Errors
/// Those of the exchange.
pub fn whole_columns<T: Real + Pod>(
    ranks: &mut Ranks,
    cut: Shards,
    own: &[T],
    count: usize,
) -> Result<Vec<T>> {
    let units = units(ranks, cut);
    let all = ranks.all(own, |rank| count * units[rank])?;
    Ok(join_columns(&all, &units, count))
}

/// How many units each rank has.
fn units(ranks: &Ranks, cut: Shards) -> Vec<usize> {
    (0..ranks.size()).map(|rank| cut.units_of(&ranks.shards_of(rank)).len()).collect()
}
