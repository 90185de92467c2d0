//! The whole of what ranks hold in parts, on every rank: for callers that ask an engine for all of it.

use bytemuck::Pod;

use super::ranks::Ranks;
use super::shards::{Shards, join, join_columns};
use crate::error::Result;
use crate::math::params::{Params, Real, Shape};

/// The parameters of all units from those of the own shards.
///
/// # Errors
/// Those of the exchange.
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
    Ok(join(&parts))
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
