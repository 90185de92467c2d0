//! The engine of the first of several ranks: a whole engine to whoever calls it. Each call is told to the other ranks, who
//! [`follow`] it on their engines: only the first one decides what is done, and nothing that depends on its clock, its
//! files or its user has to be agreed on.
//!
//! What others have to say (that one is asked to stop, cannot go on, or holds other numbers) rides on the sums of the engines
//! ([`crate::engine::collective::Ranks`]). ρ̂ and whatever else each has of its own units comes back in answers.

mod call;
mod channel;
mod follower;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytemuck::{cast_slice, pod_collect_to_vec};

use call::{Call, ToldState, indices, told, told_units};
pub use channel::{Channel, Message};
pub use follower::follow;

use crate::engine::collective::Ranks;
use crate::engine::{
    ChunkPlan, Engine, Layer, NewUnit, Objective, ReusedBuffers, Role, Rows, SearchSpace, State, Step,
};
use crate::error::{Error, Result};
use crate::math::objective::Cost;
use crate::math::optim::Trial;
use crate::math::params::{Params, Shape};

/// The other ranks, as the first one sees them: all engines of one process share them.
#[derive(Clone, Debug)]
pub struct Followers(Arc<Mutex<Following>>);

/// What is done when the others have been told to end.
type AtEnd = Box<dyn FnOnce() + Send>;

struct Following {
    channel: Channel,
    at_end: Option<AtEnd>,
    /// Engines that they have opened.
    engines: usize,
    /// Why nothing can be told any more.
    failure: Option<String>,
}

impl Followers {
    /// Those who hear what is told over `channel`, which belongs to the first rank. They are told to end when nobody has an
    /// engine any more; then follows `at_end`.
    pub fn new(channel: Channel, at_end: AtEnd) -> Self {
        let at_end = Some(at_end);
        Self(Arc::new(Mutex::new(Following { channel, at_end, engines: 0, failure: None })))
    }

    /// Opens the next engine on every rank: this one by `own`, the others as they have been told to.
    ///
    /// # Errors
    /// Those of `own`, and what another rank says.
    pub fn open(&self, own: impl FnOnce() -> Result<Box<dyn Engine>>) -> Result<Leader> {
        let number = self.lock().engines;
        self.tell(number, &Call::Open, &[])?;
        let inner = self.settled(own())?;
        self.answers()?;
        self.lock().engines += 1;
        Ok(Leader { inner, number, followers: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Following> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, engine: usize, call: &Call, numbers: &[u8]) -> Result<()> {
        let mut following = self.lock();
        if let Some(failure) = &following.failure {
            return Err(Error::device(failure.clone()));
        }
        let told = call.to_text(engine).and_then(|text| following.channel.tell(&text, numbers));
        drop(following);
        self.settled(told)
    }

    /// What every rank has to say, in their order; this one says nothing.
    fn answers(&self) -> Result<Vec<Vec<u8>>> {
        let mut answers = Vec::new();
        let heard = self.lock().channel.answer(&[], &mut |_, bytes| {
            answers.push(bytes.to_vec());
            Ok(())
        });
        self.settled(heard)?;
        Ok(answers)
    }

    /// A result of this rank: where it is an error, the others hear of it and follow no longer.
    fn settled<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            let mut following = self.lock();
            following.channel.fail(&error.to_string());
            following.failure.get_or_insert_with(|| error.to_string());
        }
        result
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, engines, failure, .. } = self;
        let mut following = f.debug_struct("Following");
        following.field("channel", channel).field("engines", engines).field("failure", failure).finish()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if self.failure.is_none()
            && let Ok(text) = Call::End.to_text(0)
        {
            // Where nothing can be told any more, the others have ended.
            let _ = self.channel.tell(&text, &[]);
        }
        if let Some(at_end) = self.at_end.take() {
            at_end();
        }
    }
}

/// The first rank's engine.
pub struct Leader {
    inner: Box<dyn Engine>,
    /// Which of its engines this is.
    number: usize,
    followers: Followers,
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").field("number", &self.number).field("followers", &self.followers).finish()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Where nothing can be told any more, the others have ended.
        let _ = self.followers.tell(self.number, &Call::Close, &[]);
    }
}

impl Leader {
    /// Makes a call on all ranks; the answer is that of this one.
    fn on_all<T>(
        &mut self,
        call: &Call,
        numbers: &[u8],
        work: impl FnOnce(&mut dyn Engine) -> Result<T>,
    ) -> Result<T> {
        self.followers.tell(self.number, call, numbers)?;
        self.followers.settled(work(&mut *self.inner))
    }

    /// A cost with the ρ̂ of all units. Every rank knows that it is asked for that of its own.
    fn with_all_units(&self, cost: Cost) -> Result<Cost> {
        let mut answers = self.followers.answers()?;
        answers[0] = cast_slice(&cost.rho_hat).to_vec();
        let rho_hat: Vec<f64> = answers.iter().flat_map(|answer| pod_collect_to_vec(answer)).collect();
        if rho_hat.len() == self.shape().hidden {
            return Ok(Cost { rho_hat, ..cost });
        }
        let (all, found) = (self.shape().hidden, rho_hat.len());
        self.followers.settled(Err(Error::device(format!("ρ̂ of {found} units, but there are {all}"))))
    }

    /// Makes a call on all ranks whose answer is a cost.
    fn cost_on_all(
        &mut self,
        call: &Call,
        numbers: &[u8],
        work: impl FnOnce(&mut dyn Engine) -> Result<Cost>,
    ) -> Result<Cost> {
        let cost = self.on_all(call, numbers, work)?;
        self.with_all_units(cost)
    }
}

impl SearchSpace for Leader {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.cost_on_all(&Call::BeginSearch(history), &[], |engine| engine.begin_search(history))
    }

    fn prepare(&mut self, slot: usize, pairs: &[(Role, Role)]) {
        let told = pairs.iter().map(|&(x, y)| (told(x), told(y))).collect();
        // Where it cannot be told, the next call has the error.
        if self.followers.tell(self.number, &Call::Prepare(slot, told), &[]).is_ok() {
            self.inner.prepare(slot, pairs);
        }
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let Trial { cost, slope } =
            self.on_all(&Call::Evaluate(step.into()), &[], |engine| engine.evaluate(step))?;
        Ok(Trial { cost: self.with_all_units(cost)?, slope })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        self.on_all(&Call::Accept(slot), &[], |engine| engine.accept(slot))
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let told = pairs.iter().map(|&(x, y)| (told(x), told(y))).collect();
        self.on_all(&Call::Dots(told), &[], |engine| engine.dots(pairs))
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        let told = terms.iter().map(|&(coefficient, role)| (coefficient.into(), told(role))).collect();
        self.on_all(&Call::SetDirection(told), &[], |engine| engine.set_direction(terms))
    }
}

impl Engine for Leader {
    fn shape(&self) -> Shape {
        self.inner.shape()
    }

    fn ranks(&mut self) -> Option<&mut Ranks> {
        self.inner.ranks()
    }

    fn objective(&self) -> &Objective {
        self.inner.objective()
    }

    fn examples(&self) -> usize {
        self.inner.examples()
    }

    fn adapter(&self) -> String {
        let others = self.followers.lock().channel.size();
        format!("{}, the first of {others} ranks", self.inner.adapter())
    }

    fn plan(&self) -> ChunkPlan {
        self.inner.plan()
    }

    fn compute_at_once(&mut self, rows: usize) {
        if self.followers.tell(self.number, &Call::ComputeAtOnce(rows), &[]).is_ok() {
            self.inner.compute_at_once(rows);
        }
    }

    fn cost(&mut self) -> Result<Cost> {
        self.cost_on_all(&Call::Cost, &[], |engine| engine.cost())
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        let call = Call::SampledCost(most);
        let (cost, examples) = self.on_all(&call, &[], |engine| engine.sampled_cost(most))?;
        Ok((self.with_all_units(cost)?, examples))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let (cost, gradient) = self.on_all(&Call::Gradient, &[], |engine| engine.gradient())?;
        Ok((self.with_all_units(cost)?, gradient))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        let rows = match step.rows {
            Rows::All => Vec::new(),
            Rows::Listed(rows) => indices(rows),
        };
        let call = Call::Step(step.into());
        let cost = self.on_all(&call, cast_slice(&rows), |engine| engine.step(step))?;
        cost.map(|cost| self.with_all_units(cost)).transpose()
    }

    fn finish(&mut self) -> Result<()> {
        self.on_all(&Call::Finish, &[], |engine| engine.finish())
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.on_all(&Call::Encode(first, count), &[], |engine| engine.encode(first, count))
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        let told = indices(rows);
        let call = Call::Activations(layer.into());
        self.on_all(&call, cast_slice(&told), |engine| engine.activations(layer, rows))
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.on_all(&Call::Reconstruct(first, count), &[], |engine| engine.reconstruct(first, count))
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        self.on_all(&Call::EncodeRows, cast_slice(rows), |engine| engine.encode_rows(rows))
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        self.on_all(&Call::DecodeRows, cast_slice(codes), |engine| engine.decode_rows(codes))
    }

    fn params(&mut self) -> Result<Params<f32>> {
        self.on_all(&Call::Params, &[], |engine| engine.params())
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        let (call, flat) = (Call::SetParams(params.shape), params.to_flat());
        self.on_all(&call, cast_slice(&flat), |engine| engine.set_params(params))
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        let (numbers, weights) = told_units(units);
        let call = Call::ReplaceUnits(numbers);
        self.on_all(&call, cast_slice(&weights), |engine| engine.replace_units(units))
    }

    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        let call = Call::State(pairs.map(<[usize]>::to_vec));
        self.on_all(&call, &[], |engine| engine.state(pairs, spare))
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        let own = self.on_all(&Call::FirstNotFinite, &[], |engine| engine.first_not_finite())?;
        let answers = self.followers.answers()?;
        let others = answers.into_iter().enumerate().filter(|(_, answer)| !answer.is_empty());
        let mut others =
            others.map(|(rank, answer)| format!("{} of rank {rank}", String::from_utf8_lossy(&answer)));
        Ok(own.or_else(|| others.next()))
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        let (told, numbers) = ToldState::of(state);
        self.on_all(&Call::SetState(told), &numbers, |engine| engine.set_state(state))
    }
}
