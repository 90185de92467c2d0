//! A rank: the calls of a collective as messages among all of them.
//!
//! Numbers are cut into as many parts as there are ranks. A sum sends each part to the rank of its number, which adds up what
//! has come from all, in the order of the tree, and sends the result to everybody: 2 (P − 1)/P of the numbers in and out, as
//! little as any way of summing can. A broadcast deals the parts out, and goes on in the same way.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::calls::Comm;
use super::greeting::{Call, RIDE, grow, others, rides};
use super::message::{Buffers, Piece};
use super::session::Session;
use crate::engine::collective::{Collective, Summed, TreeSum};
use crate::error::Result;

/// Bytes of the longest message; what is longer is cut. MPI counts in `int`.
const LONGEST: usize = 1 << 22;

/// A rank of an MPI job.
pub struct Mpi {
    session: &'static Session,
    comm: Comm,
    buffers: Buffers,
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rank, size) = self.session.place;
        f.debug_struct("Mpi")
            .field("library", &self.library())
            .field("rank", &rank)
            .field("size", &size)
            .finish()
    }
}

impl Mpi {
    /// Opens the MPI library of that file or name, or the one of the launcher, and starts MPI, once in a process. No call
    /// waits longer than `patience` for other ranks, if there is one: a rank may be busy by itself for as long as it takes to
    /// read and compute what lies between two calls.
    ///
    /// Whoever has called this calls [`leave`](super::leave) at the end of `main`, also where this is an error.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) where there is no such library, or it does not know of the processes that the launcher
    /// has started; [`Error::Device`](crate::Error::Device) where MPI does not start.
    pub fn open(library: Option<&str>, patience: Option<Duration>) -> Result<Self> {
        let (session, comm) = Session::start(library, patience)?;
        Ok(Self { session, comm, buffers: Buffers::default() })
    }

    /// A collective of the same ranks whose calls meet none of this one's. All ranks ask for it alike.
    ///
    /// # Errors
    /// As [`Collective::sum`].
    pub fn another(&mut self) -> Result<Self> {
        let Self { session, comm, buffers } = self;
        let comm = session.unless_failed(|| session.another(*comm, buffers))?;
        Ok(Self { session, comm, buffers: Buffers::default() })
    }

    /// The library's file, version and binary interface.
    pub fn library(&self) -> String {
        self.session.description()
    }

    /// Begins a call, with bytes that ride on its message; the calls of all ranks.
    fn greet(&mut self, call: Call, ride: &[u8]) -> Result<Vec<Call>> {
        self.session.greet(self.comm, &mut self.buffers, call, ride)
    }

    /// Sends and receives pieces of the buffers.
    fn exchange(
        &mut self,
        sends: impl Iterator<Item = Piece>,
        receives: impl Iterator<Item = Piece>,
    ) -> Result<()> {
        let (sends, receives): (Vec<_>, Vec<_>) =
            (sends.flat_map(cut).collect(), receives.flat_map(cut).collect());
        self.session.exchange(self.comm, &mut self.buffers, &sends, &receives)
    }

    /// Room for so many bytes in each buffer.
    fn grow(&mut self, send: usize, receive: usize) {
        grow(&mut self.buffers.send, send.div_ceil(8));
        grow(&mut self.buffers.receive, receive.div_ceil(8));
    }

    /// x ← Σ x.
    fn sum_up<T: Summed>(&mut self, x: &mut [T]) -> Result<()> {
        let ((rank, size), len) = (self.session.place, x.len());
        let call = Call::Sum(size_of::<T>(), len);
        if size_of_val(x) <= RIDE {
            self.greet(call, cast_slice(x))?;
            let given = rides(&mut self.buffers, size).map(|words| &mut numbers_mut(words)[..len]);
            x.copy_from_slice(add_up(given));
            return Ok(());
        }
        self.greet(call, &[])?;
        let part = |rank: usize| part(len, rank, size);
        let own = part(rank);
        // A place for the own part of each rank, from a whole word on.
        let words = (own.len() * size_of::<T>()).div_ceil(8);
        let place = |peer: usize| 8 * words * peer..8 * words * peer + own.len() * size_of::<T>();
        self.grow(size_of_val(x), 8 * words * size);
        numbers_mut(&mut self.buffers.send)[..len].copy_from_slice(x);
        let sends = others(rank, size).map(|peer| Piece { peer, bytes: bytes_of::<T>(&part(peer)) });
        let receives = others(rank, size).map(|peer| Piece { peer, bytes: place(peer) });
        self.exchange(sends, receives)?;
        let places = self.buffers.receive.chunks_exact_mut(words.max(1)).take(size).enumerate();
        let given = places.map(|(peer, words)| {
            let given = &mut numbers_mut(words)[..own.len()];
            if peer == rank {
                given.copy_from_slice(&x[own.clone()]);
            }
            given
        });
        let sum = add_up(given);
        x[own.clone()].copy_from_slice(sum);
        self.share(x)
    }

    /// Of x each rank has its part. All get all of it.
    fn share<T: Pod>(&mut self, x: &mut [T]) -> Result<()> {
        let ((rank, size), len) = (self.session.place, x.len());
        let part = |rank: usize| part(len, rank, size);
        let own = part(rank);
        self.grow(own.len() * size_of::<T>(), size_of_val(x));
        numbers_mut(&mut self.buffers.send)[..own.len()].copy_from_slice(&x[own.clone()]);
        let sends = others(rank, size).map(|peer| Piece { peer, bytes: 0..own.len() * size_of::<T>() });
        let receives = others(rank, size).map(|peer| Piece { peer, bytes: bytes_of::<T>(&part(peer)) });
        self.exchange(sends, receives)?;
        let received: &[T] = cast_slice(&self.buffers.receive);
        for part in others(rank, size).map(part) {
            x[part.clone()].copy_from_slice(&received[part]);
        }
        Ok(())
    }

    /// x ← x of the first rank.
    fn spread(&mut self, x: &mut [u8]) -> Result<()> {
        let ((rank, size), len) = (self.session.place, x.len());
        self.greet(Call::Broadcast(len), &[])?;
        let own = part(len, rank, size);
        if rank == 0 {
            self.grow(len, 0);
            numbers_mut(&mut self.buffers.send)[..len].copy_from_slice(x);
            let sends = others(0, size).map(|peer| Piece { peer, bytes: part(len, peer, size) });
            self.exchange(sends, std::iter::empty())?;
        } else {
            self.grow(0, own.len());
            let receives = std::iter::once(Piece { peer: 0, bytes: 0..own.len() });
            self.exchange(std::iter::empty(), receives)?;
            x[own.clone()].copy_from_slice(&cast_slice(&self.buffers.receive)[..own.len()]);
        }
        self.share(x)
    }

    /// Hands x of every rank to `take` on the first one. No more than one rank's is held at a time.
    fn gather(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        let rank = self.session.place.0;
        let calls = self.greet(Call::ToFirst(x.len()), &[])?;
        if rank > 0 {
            self.grow(x.len(), 0);
            numbers_mut(&mut self.buffers.send)[..x.len()].copy_from_slice(x);
            let sends = std::iter::once(Piece { peer: 0, bytes: 0..x.len() });
            return self.exchange(sends, std::iter::empty());
        }
        take(0, x)?;
        for (peer, call) in calls.into_iter().enumerate().skip(1) {
            let len = if let Call::ToFirst(len) = call { len } else { 0 };
            self.grow(0, len);
            self.exchange(std::iter::empty(), std::iter::once(Piece { peer, bytes: 0..len }))?;
            take(peer, &cast_slice(&self.buffers.receive)[..len])?;
        }
        Ok(())
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.session.place.0
    }

    fn size(&self) -> usize {
        self.session.place.1
    }

    fn sum(&mut self, x: &mut [f32]) -> Result<()> {
        self.session.unless_failed(|| self.sum_up(x))
    }

    fn sum_f64(&mut self, x: &mut [f64]) -> Result<()> {
        self.session.unless_failed(|| self.sum_up(x))
    }

    fn broadcast(&mut self, x: &mut [u8]) -> Result<()> {
        self.session.unless_failed(|| self.spread(x))
    }

    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        self.session.unless_failed(|| self.gather(x, take))
    }

    fn fail(&mut self, why: &str) {
        self.session.fail(format!("rank {}, {why}", self.session.place.0));
    }
}

/// The part of `len` numbers that a rank adds up.
fn part(len: usize, rank: usize, size: usize) -> Range<usize> {
    rank * len / size..(rank + 1) * len / size
}

fn bytes_of<T>(numbers: &Range<usize>) -> Range<usize> {
    numbers.start * size_of::<T>()..numbers.end * size_of::<T>()
}

/// A message in pieces that MPI can count; none of nothing.
fn cut(Piece { peer, bytes }: Piece) -> impl Iterator<Item = Piece> {
    let end = bytes.end;
    bytes.step_by(LONGEST).map(move |start| Piece { peer, bytes: start..end.min(start + LONGEST) })
}

/// Words as other numbers.
fn numbers_mut<T: Pod>(words: &mut [u64]) -> &mut [T] {
    cast_slice_mut(words)
}

/// The sum of the numbers of all ranks, in the memory of the first.
fn add_up<'a, T: Summed>(given: impl Iterator<Item = &'a mut [T]>) -> &'a mut [T] {
    let add =
        |sum: &mut &mut [T], part: &&mut [T]| sum.iter_mut().zip(&**part).for_each(|(sum, x)| *sum += *x);
    let mut tree = TreeSum::default();
    given.for_each(|numbers| tree.push(numbers, add));
    tree.total(add).unwrap_or_default()
}
