//! The other ranks: each makes the calls of the first one on engines of its own, and answers what only it knows.

use bytemuck::cast_slice;

use super::call::{Call, meant, meant_indices, meant_params, meant_units, numbers};
use super::channel::{Channel, Message};
use crate::engine::collective::Vote;
use crate::engine::{Engine, ReusedBuffers};
use crate::error::{Error, Result};

/// Follows the first rank until it ends. `open` opens the next engine; `asks` tells before every call what this rank has
/// been asked for by its own user or system.
///
/// # Errors
/// Those of the engines and of the exchange: nobody goes on after any.
pub fn follow(
    channel: &mut Channel,
    open: &mut dyn FnMut() -> Result<Box<dyn Engine>>,
    asks: &mut dyn FnMut() -> Option<Vote>,
) -> Result<()> {
    let followed = serve(channel, open, asks);
    if let Err(error) = &followed {
        channel.fail(&format!("rank {}: {error}", channel.rank()));
    }
    followed
}

fn serve(
    channel: &mut Channel,
    open: &mut dyn FnMut() -> Result<Box<dyn Engine>>,
    asks: &mut dyn FnMut() -> Option<Vote>,
) -> Result<()> {
    let mut engines: Vec<Option<Box<dyn Engine>>> = Vec::new();
    loop {
        let message = channel.hear()?;
        let (number, call) = Call::of_message(&message)?;
        match call {
            Call::End => return Ok(()),
            Call::Open => {
                engines.push(Some(open()?));
                answer(channel, &[])?;
            }
            Call::Close => {
                engines.get_mut(number).and_then(Option::take);
            }
            call => {
                let engine = engines.get_mut(number).and_then(Option::as_mut);
                let engine = engine.ok_or_else(|| Error::device(format!("there is no engine {number}")))?;
                if let (Some(vote), Some(ranks)) = (asks(), engine.ranks()) {
                    ranks.ask(vote);
                }
                if let Some(own) = make(call, &message, &mut **engine)? {
                    answer(channel, &own)?;
                }
            }
        }
    }
}

/// Tells the first rank what it waits for from all.
fn answer(channel: &mut Channel, own: &[u8]) -> Result<()> {
    channel.answer(own, &mut |_, _| Ok(()))
}

/// Makes a call; and what of its result is of this rank alone.
fn make(call: Call, message: &Message, engine: &mut dyn Engine) -> Result<Option<Vec<u8>>> {
    let tail = &message.tail[..];
    let rho_hat = |rho_hat: &[f64]| Some(cast_slice(rho_hat).to_vec());
    let pairs = |pairs: Vec<(_, _)>| pairs.into_iter().map(|(x, y)| (meant(x), meant(y))).collect::<Vec<_>>();
    let mut own = None;
    match call {
        Call::Open | Call::Close | Call::End => {}
        Call::BeginSearch(history) => own = rho_hat(&engine.begin_search(history)?.rho_hat),
        Call::Prepare(slot, told) => engine.prepare(slot, &pairs(told)),
        Call::Evaluate(step) => own = rho_hat(&engine.evaluate(step.into())?.cost.rho_hat),
        Call::Accept(slot) => engine.accept(slot)?,
        Call::Dots(told) => drop(engine.dots(&pairs(told))?),
        Call::SetDirection(terms) => {
            let terms: Vec<_> =
                terms.into_iter().map(|(coefficient, role)| (coefficient.into(), meant(role))).collect();
            engine.set_direction(&terms)?;
        }
        Call::ComputeAtOnce(rows) => engine.compute_at_once(rows),
        Call::Cost => own = rho_hat(&engine.cost()?.rho_hat),
        Call::SampledCost(most) => own = rho_hat(&engine.sampled_cost(most)?.0.rho_hat),
        Call::Gradient => own = rho_hat(&engine.gradient()?.0.rho_hat),
        Call::Step(step) => {
            let cost = engine.step(&step.over(&meant_indices(tail)))?;
            own = cost.and_then(|cost| rho_hat(&cost.rho_hat));
        }
        Call::Finish => engine.finish()?,
        Call::Encode(first, count) => drop(engine.encode(first, count)?),
        Call::Activations(layer) => drop(engine.activations(layer.into(), &meant_indices(tail))?),
        Call::Reconstruct(first, count) => drop(engine.reconstruct(first, count)?),
        Call::EncodeRows => drop(engine.encode_rows(&numbers(tail))?),
        Call::DecodeRows => drop(engine.decode_rows(&numbers(tail))?),
        Call::Params => drop(engine.params()?),
        Call::SetParams(shape) => engine.set_params(&meant_params(shape, tail)?)?,
        Call::ReplaceUnits(units) => {
            let visible = engine.shape().visible;
            engine.replace_units(&meant_units(&units, &numbers(tail), visible))?;
        }
        Call::State(pairs) => drop(engine.state(pairs.as_deref(), &mut ReusedBuffers::default())?),
        Call::FirstNotFinite => own = Some(engine.first_not_finite()?.unwrap_or_default().into_bytes()),
        Call::SetState(told) => engine.set_state(&told.with(tail)?)?,
    }
    Ok(own)
}
