//! The vectors of the shards of a rank, by their roles: read, written, and single units replaced.

use std::ops::Range;

use super::first_order::ShardedFirstOrder;
use super::resident::ShardedResident;
use super::search::ShardedSearch;
use crate::engine::collective::of_units;
use crate::engine::gpu::memory::segment::{Segment, read_vector, write_vector};
use crate::engine::gpu::step::replace::{put, put_unit};
use crate::engine::{Arrangement, NewUnit, State, VectorData};
use crate::error::Result;
use crate::math::objective::RhoHatMode;
use crate::math::optim::Role;
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::Params;

/// A vector of the parameters' shape of a shard, if it has been made.
pub(super) fn read(
    on: &ShardedResident,
    (first_order, search): (Option<&ShardedFirstOrder>, Option<&ShardedSearch>),
    role: Role,
    v: usize,
) -> Result<Option<Params<f32>>> {
    let read = |segments: &Vec<Segment>| read_vector(&on.gpu, segments, on.shards[v].partition.shape);
    match role {
        Role::Params => read(&on.shards[v].params).map(Some),
        Role::Moment(i) => first_order.and_then(|state| state.moments[v].get(i)).map(read).transpose(),
        Role::Best => Ok(None),
        Role::Gradient | Role::Step(_) | Role::Change(_) | Role::Direction => {
            search.map(|search| search.read(on, v, role)).transpose()
        }
    }
}

/// The first tensor among parameters and moments of this rank that holds NaN or infinity. Reads all of them back.
pub(super) fn first_not_finite(
    on: &ShardedResident,
    machines: (Option<&ShardedFirstOrder>, Option<&ShardedSearch>),
) -> Result<Option<String>> {
    for role in Role::of_state(None) {
        for v in 0..on.shards.len() {
            let Some(params) = read(on, machines, role, v)? else { continue };
            let vectors = vec![(role, VectorData::Single(params.to_flat()))];
            let (shape, order) = (params.shape, Arrangement::Rows);
            let bad = State { shape, order, vectors, average: None }.first_not_finite();
            if bad.is_some() {
                return Ok(bad);
            }
        }
    }
    Ok(None)
}

/// The moving average of ρ̂ of the own units, where one is taken and a batch has started it.
pub(super) fn read_average(on: &ShardedResident, state: &ShardedFirstOrder) -> Result<Option<Vec<f64>>> {
    if on.rho_hat.mode != RhoHatMode::Ema || !state.averaging {
        return Ok(None);
    }
    let blocks = state.average.iter().flatten().map(|block| block.read(&on.gpu));
    let blocks = blocks.collect::<Result<Vec<_>>>()?;
    Ok(Some(blocks.concat().into_iter().map(f64::from).collect()))
}

/// Writes the parameters of all units to the shards that have `units` of them.
pub(super) fn write_params(on: &ShardedResident, units: &[Range<usize>], params: &Params<f32>) {
    for (shard, units) in on.shards.iter().zip(units) {
        write_vector(&on.gpu, &shard.params, &of_units(params, units));
    }
}

/// SGD or Adam as far as `state` has come, if it has made a step.
pub(super) fn first_order_of(
    on: &ShardedResident,
    units: &[Range<usize>],
    state: &State,
) -> Result<Option<ShardedFirstOrder>> {
    let moments = [0, 1].map(|i| state.get::<f32>(Role::Moment(i)));
    if moments[0].is_none() && state.average.is_none() {
        return Ok(None);
    }
    let mut made = ShardedFirstOrder::new(on)?;
    made.use_moments(on, moments.iter().flatten().count())?;
    for (to, units) in made.moments.iter().zip(units) {
        for (to, moment) in to.iter().zip(moments.iter().flatten()) {
            write_vector(&on.gpu, to, &of_units(moment, units));
        }
    }
    if let Some(average) = &state.average {
        made.averaging = true;
        for ((average_of, shard), units) in made.average.iter().zip(&on.shards).zip(units) {
            let own: Vec<f32> = average[units.clone()].iter().map(|&rho_hat| rho_hat as f32).collect();
            for (block, units) in average_of.iter().zip(&shard.partition.blocks) {
                block.write(&on.gpu, &own[units.clone()]);
            }
        }
    }
    Ok(Some(made))
}

/// A search that has come as far as `state` has, if that was searching.
pub(super) fn search_of(
    on: &ShardedResident,
    units: &[Range<usize>],
    state: &State,
) -> Result<Option<ShardedSearch>> {
    if !state.holds(Role::Gradient) {
        return Ok(None);
    }
    let search = ShardedSearch::new(on, HISTORY)?;
    for role in Role::of_search(0..HISTORY) {
        if let Some(tensors) = state.get(role) {
            for (v, units) in units.iter().enumerate() {
                search.write(on, v, role, &of_units(&tensors, units))?;
            }
        }
    }
    Ok(Some(search))
}

/// Puts new weights in the place of old ones, zeroes their moments, and sets their moving averages of ρ̂ to ρ.
pub(super) fn replace_units(
    on: &ShardedResident,
    first_order: Option<&ShardedFirstOrder>,
    units: &[Range<usize>],
    new: &[NewUnit],
) -> Result<()> {
    let zeros = vec![0.0; on.shape.visible];
    for NewUnit { unit, w1, b1, d } in new {
        // Those of other ranks are theirs.
        let Some(v) = units.iter().position(|own| own.contains(unit)) else { continue };
        let (unit, shard) = (unit - units[v].start, &on.shards[v]);
        let Some(k) = shard.partition.blocks.iter().position(|block| block.contains(&unit)) else { continue };
        put_unit(&on.gpu, &shard.params[k], unit, (w1, *b1, d));
        if let Some(state) = first_order {
            for moment in &state.moments[v] {
                put_unit(&on.gpu, &moment[k], unit, (&zeros, 0.0, &zeros));
            }
            let at = unit - shard.partition.blocks[k].start;
            put(&on.gpu, &state.average[v][k], at, &[on.objective.penalty.rho as f32]);
        }
    }
    on.gpu.check()
}
