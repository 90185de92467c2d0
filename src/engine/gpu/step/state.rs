//! The state of an engine: read, to be gone on from, and written.

use crate::engine::gpu::memory::segment::write_vector;
use crate::engine::gpu::step::first_order::FirstOrder;
use crate::engine::gpu::step::lbfgs::LbfgsSearch;
use crate::engine::gpu::step::resident::Resident;
use crate::engine::{Arrangement, ReusedBuffers, State, VectorData};
use crate::error::Result;
use crate::math::objective::RhoHatMode;
use crate::math::optim::Role;
use crate::math::optim::lbfgs::HISTORY;

/// The machines that have state besides the parameters.
pub(crate) type Machines<'a> = (&'a mut Option<FirstOrder>, &'a mut Option<LbfgsSearch>);

/// A copy of parameters, moments and, with the history slots in use, of a search.
pub(crate) fn read(
    on: &Resident,
    (first_order, search): (Option<&FirstOrder>, Option<&LbfgsSearch>),
    pairs: Option<&[usize]>,
    spare: &mut ReusedBuffers,
) -> Result<State> {
    let shape = on.partition.shape;
    // Straight into the copy: a search or Adam at many units leaves no room for another.
    let mut flat = |role, read: &dyn Fn(&mut [f32]) -> Result<()>| -> Result<_> {
        let mut flat = spare.take(shape.parameters());
        read(&mut flat)?;
        Ok((role, VectorData::Single(flat)))
    };
    let mut vectors = vec![flat(Role::Params, &|flat| on.read_flat(&on.params, flat))?];
    let mut average = None;
    if let Some(state) = first_order {
        for (i, moment) in state.moments.iter().enumerate() {
            vectors.push(flat(Role::Moment(i), &|flat| on.read_flat(moment, flat))?);
        }
        average = read_average(on, state)?;
    }
    if let (Some(pairs), Some(search)) = (pairs, search) {
        for role in Role::of_search(pairs.iter().copied()) {
            vectors.push(flat(role, &|flat| search.read(on, role, flat))?);
        }
    }
    Ok(State { shape, order: Arrangement::Rows, vectors, average })
}

/// The moving average of ρ̂, where one is taken and a batch has started it.
fn read_average(on: &Resident, state: &FirstOrder) -> Result<Option<Vec<f64>>> {
    if on.rho_hat.mode != RhoHatMode::Ema || !state.averaging {
        return Ok(None);
    }
    let blocks = state.average.iter().map(|block| block.read(&on.gpu)).collect::<Result<Vec<_>>>()?;
    Ok(Some(blocks.concat().into_iter().map(f64::from).collect()))
}

/// Writes the parameters of `state`, and makes the machines that have the rest of it.
pub(crate) fn write(on: &Resident, (first_order, search): Machines<'_>, state: &State) -> Result<()> {
    let params = state.get(Role::Params).expect("a state has parameters");
    write_vector(&on.gpu, &on.params, &params);
    *first_order = first_order_of(on, state)?;
    *search = search_of(on, state)?;
    on.gpu.check()
}

fn first_order_of(on: &Resident, state: &State) -> Result<Option<FirstOrder>> {
    let moments = [0, 1].map(|i| state.get::<f32>(Role::Moment(i)));
    if moments[0].is_none() && state.average.is_none() {
        return Ok(None);
    }
    let mut made = FirstOrder::new(on)?;
    made.use_moments(on, moments.iter().flatten().count())?;
    for (to, moment) in made.moments.iter().zip(moments.iter().flatten()) {
        write_vector(&on.gpu, to, moment);
    }
    if let Some(average) = &state.average {
        made.averaging = true;
        let average: Vec<f32> = average.iter().map(|&rho_hat| rho_hat as f32).collect();
        for (block, units) in made.average.iter().zip(&on.partition.blocks) {
            block.write(&on.gpu, &average[units.clone()]);
        }
    }
    Ok(Some(made))
}

/// A search that has come as far as `state` has, if that was searching.
fn search_of(on: &Resident, state: &State) -> Result<Option<LbfgsSearch>> {
    if !state.holds(Role::Gradient) {
        return Ok(None);
    }
    let search = LbfgsSearch::new(on, HISTORY)?;
    for role in Role::of_search(0..HISTORY) {
        if let Some(tensors) = state.get(role) {
            search.write(on, role, &tensors)?;
        }
    }
    Ok(Some(search))
}
