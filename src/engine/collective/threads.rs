//! Ranks as threads of one process: shared memory, and a meeting point that knows who is missing.
//!
//! A sum takes two meetings. Every rank lays its numbers down; each adds up one part of them, in the order of the tree;
//! all take the parts. Nobody writes where another may still read: a rank lays down for the next call after the second
//! meeting of this one, when all have added up, and adds up for it after the first of that, when all have taken.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::{Collective, Summed, TreeSum};
use crate::error::{Error, Result};

/// A rank of a group.
#[derive(Debug)]
pub struct Threads {
    rank: usize,
    group: Arc<Group>,
}

#[derive(Debug)]
struct Group {
    /// How long a rank waits for the others; `None` for ever.
    patience: Option<Duration>,
    meeting: Mutex<Meeting>,
    changed: Condvar,
    /// The numbers of each rank.
    given: Vec<RwLock<Vec<u64>>>,
    /// The part of the sum that each rank has added up.
    summed: Vec<RwLock<Vec<u64>>>,
}

/// Who has come.
#[derive(Debug)]
struct Meeting {
    /// Meetings so far.
    number: u64,
    /// The call of each rank that has come.
    present: Vec<Option<Call>>,
    /// The first failure.
    failure: Option<String>,
}

/// A call as all ranks have to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// The size of a number, and how many.
    Sum(usize, usize),
    /// Bytes.
    Broadcast(usize),
    ToFirst,
}

impl Threads {
    /// `size` ranks, to be given to as many threads. None waits longer than `patience` for the others, if there is one: a
    /// rank may be busy by itself for as long as it takes to read and compute what lies between two calls.
    pub fn group(size: usize, patience: Option<Duration>) -> Vec<Self> {
        let memory = || (0..size).map(|_| RwLock::default()).collect();
        let meeting = Mutex::new(Meeting { number: 0, present: vec![None; size], failure: None });
        let group = Group { patience, meeting, changed: Condvar::new(), given: memory(), summed: memory() };
        let group = Arc::new(group);
        (0..size).map(|rank| Self { rank, group: Arc::clone(&group) }).collect()
    }

    /// Comes to the next meeting, with the call that it is for.
    fn meet(&self, call: Call) -> Result<()> {
        let Self { rank, group } = self;
        let mut meeting = group.lock();
        let number = meeting.number;
        let other = meeting.present.iter().enumerate().find_map(|(other, its)| Some((other, (*its)?)));
        if let Some((other, its)) = other.filter(|(_, its)| *its != call) {
            let differ = format!("rank {rank}: it makes the call {call:?} where rank {other} makes {its:?}");
            meeting.failure.get_or_insert(differ);
        }
        meeting.present[*rank] = Some(call);
        if meeting.failure.is_none() && meeting.present.iter().all(Option::is_some) {
            meeting.present.fill(None);
            meeting.number += 1;
            group.changed.notify_all();
            return Ok(());
        }
        while meeting.number == number {
            if let Some(failure) = &meeting.failure {
                group.changed.notify_all();
                return Err(Error::device(failure.clone()));
            }
            meeting = self.wait(meeting);
        }
        Ok(())
    }

    /// Waits until something changes; without an answer in time it is a failure that names the missing ranks.
    fn wait<'a>(&'a self, meeting: MutexGuard<'a, Meeting>) -> MutexGuard<'a, Meeting> {
        let group = &self.group;
        let Some(patience) = group.patience else {
            return group.changed.wait(meeting).unwrap_or_else(PoisonError::into_inner);
        };
        let number = meeting.number;
        let waits = |meeting: &mut Meeting| meeting.number == number && meeting.failure.is_none();
        let waited = group.changed.wait_timeout_while(meeting, patience, waits);
        let (mut meeting, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() && waits(&mut meeting) {
            let missing = meeting.present.iter().enumerate().filter(|(_, call)| call.is_none());
            let missing: Vec<String> = missing.map(|(rank, _)| rank.to_string()).collect();
            let (who, seconds) = (missing.join(", "), patience.as_secs_f64());
            meeting.failure = Some(format!("no answer from {} {who} for {seconds} s", ranks(missing.len())));
            group.changed.notify_all();
        }
        meeting
    }

    /// x ← Σ x, each rank adding up a part.
    fn sum_up<T: Summed>(&self, x: &mut [T]) -> Result<()> {
        let Self { rank, group } = self;
        let (size, len) = (group.given.len(), x.len());
        let call = Call::Sum(size_of::<T>(), len);
        let part = |rank: usize| -> Range<usize> { rank * len / size..(rank + 1) * len / size };
        lay_down(&group.given[*rank], x);
        self.meet(call)?;
        let mut tree = TreeSum::default();
        for given in &group.given {
            let mut own: Vec<T> = tree.take_spare().unwrap_or_default();
            own.clear();
            own.extend_from_slice(&numbers(&read(given))[part(*rank)]);
            tree.push_numbers(own);
        }
        lay_down(&group.summed[*rank], &tree.total_numbers().unwrap_or_default());
        self.meet(call)?;
        for (rank, summed) in group.summed.iter().enumerate() {
            let part = part(rank);
            x[part.clone()].copy_from_slice(&numbers(&read(summed))[..part.len()]);
        }
        Ok(())
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.group.given.len()
    }

    fn sum(&mut self, x: &mut [f32]) -> Result<()> {
        self.sum_up(x)
    }

    fn sum_f64(&mut self, x: &mut [f64]) -> Result<()> {
        self.sum_up(x)
    }

    fn broadcast(&mut self, x: &mut [u8]) -> Result<()> {
        let call = Call::Broadcast(x.len());
        if self.rank == 0 {
            lay_down(&self.group.given[0], x);
        }
        self.meet(call)?;
        if self.rank > 0 {
            x.copy_from_slice(&numbers::<u8>(&read(&self.group.given[0]))[..x.len()]);
        }
        self.meet(call)
    }

    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        // The length goes first, since memory holds whole words.
        let words: Vec<u64> = [x.len() as u64].into_iter().chain(words_of(x)).collect();
        lay_down(&self.group.given[self.rank], &words);
        self.meet(Call::ToFirst)?;
        if self.rank == 0 {
            for (rank, given) in self.group.given.iter().enumerate() {
                let words = read(given);
                take(rank, &numbers::<u8>(&words[1..])[..words[0] as usize])?;
            }
        }
        self.meet(Call::ToFirst)
    }

    fn fail(&mut self, why: &str) {
        self.group.fail(format!("rank {}, {why}", self.rank));
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.group.fail(format!("rank {} has ended", self.rank));
    }
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Meeting> {
        self.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, failure: String) {
        self.lock().failure.get_or_insert(failure);
        self.changed.notify_all();
    }
}

fn ranks(count: usize) -> &'static str {
    if count == 1 { "rank" } else { "ranks" }
}

fn read(memory: &RwLock<Vec<u64>>) -> impl std::ops::Deref<Target = Vec<u64>> + '_ {
    memory.read().unwrap_or_else(PoisonError::into_inner)
}

/// Words as other numbers.
fn numbers<T: Pod>(words: &[u64]) -> &[T] {
    cast_slice(words)
}

/// Bytes as words, the last one filled up with zeros.
fn words_of(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    })
}

/// Puts numbers where other ranks read them. Memory grows and is kept.
fn lay_down<T: Pod>(memory: &RwLock<Vec<u64>>, x: &[T]) {
    let mut memory = memory.write().unwrap_or_else(PoisonError::into_inner);
    let words = size_of_val(x).div_ceil(8);
    if memory.len() < words {
        memory.resize(words, 0);
    }
    let to: &mut [T] = cast_slice_mut(&mut memory[..]);
    to[..x.len()].copy_from_slice(x);
}
