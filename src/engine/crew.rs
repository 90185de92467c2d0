//! Ranks as threads of this process, each with a device of its own: the first one's engines lead the others.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::engine::Engine;
use crate::engine::collective::Ranks;
use crate::engine::collective::threads::Threads;
use crate::engine::device::{Choice, EngineStart, ParamsAndExamples, Setup};
use crate::engine::leader::{Channel, Followers, follow};
use crate::error::{Error, Result};
use crate::io::threads::wanted;

/// How another rank opens its next engine.
struct Opening {
    setup: Setup,
    ranks: Ranks,
    start: EngineStart,
}

/// The ranks of a process, with their devices.
#[derive(Debug)]
pub struct Crew {
    choices: Vec<Choice>,
    shards: usize,
    /// To the other ranks; without it they have nothing to open, and end.
    openings: Vec<Sender<Opening>>,
    followers: Followers,
}

impl Crew {
    /// A rank for each device, with V = `shards`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number of shards that these ranks cannot share, [`Error::Device`] where the system starts no thread.
    pub fn new(choices: Vec<Choice>, shards: usize) -> Result<Self> {
        Ranks::check(choices.len(), shards)?;
        let mut channels = group(choices.len()).map(|rank| Channel::new(Box::new(rank)));
        let first = channels.next().ok_or_else(|| Error::usage("`device` needs a value"))?;
        let (mut openings, mut threads) = (Vec::new(), Vec::new());
        for (channel, choice) in channels.zip(choices[1..].to_vec()) {
            let (opening, awaited) = self::channel();
            let thread = Builder::new().name(format!("rank {}", channel.rank()));
            let thread = thread.spawn(move || follow_on(channel, &choice, &awaited));
            threads.push(thread.map_err(|error| {
                let fact = format!("no thread for each of {} devices: {error}", choices.len());
                Error::device(fact + "; raise the limit of processes (ulimit -u), or name fewer devices")
            })?);
            openings.push(opening);
        }
        let threads = Mutex::new(threads);
        let at_end = Box::new(move || join(&threads));
        Ok(Self { choices, shards, openings, followers: Followers::new(first, at_end) })
    }

    /// Opens an engine whose hidden units are spread over all devices, at once on all: they may have to say what they are. Rows in
    /// memory are copied for each of them first.
    ///
    /// # Errors
    /// Those of [`Choice::open_sharded`], on whichever device.
    pub fn open(&self, setup: &Setup, start: &dyn ParamsAndExamples) -> Result<Box<dyn Engine>> {
        let threads = (wanted(setup.threads) / self.choices.len()).max(1);
        let setup = Setup { threads, ..*setup };
        let mut ranks = group(self.choices.len()).map(|rank| Ranks::new(Box::new(rank), self.shards));
        let first = ranks.next().unwrap_or_else(|| Err(Error::usage("`device` needs a value")))?;
        let others = ranks.collect::<Result<Vec<_>>>()?;
        let own = || {
            for ((choice, ranks), opening) in self.choices[1..].iter().zip(others).zip(&self.openings) {
                // A rank that has ended says why in its answer.
                let _ = opening.send(Opening { setup, ranks, start: choice.start(start)? });
            }
            let choice = &self.choices[0];
            choice.open_share(&setup, first, choice.start(start)?)
        };
        Ok(Box::new(self.followers.open(own)?))
    }
}

/// A group of so many ranks. They wait for each other for as long as it takes: one that ends is missed at once, and a device
/// that hangs is the business of its engine.
fn group(size: usize) -> impl Iterator<Item = Threads> {
    Threads::group(size, None).into_iter()
}

/// Waits for the other ranks.
fn join(threads: &Mutex<Vec<JoinHandle<Result<()>>>>) {
    let mut threads = threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for thread in threads.drain(..) {
        // Why it has failed, if it has, the first rank knows by the exchange.
        let _ = thread.join();
    }
}

/// Follows the first rank on this device.
fn follow_on(mut channel: Channel, choice: &Choice, openings: &Receiver<Opening>) -> Result<()> {
    let mut open = || {
        let next = openings.recv().map_err(|_| Error::device("the first rank has opened no engine"))?;
        let Opening { setup, ranks, start } = next;
        choice.open_share(&setup, ranks, start)
    };
    follow(&mut channel, &mut open, &mut || None)
}
