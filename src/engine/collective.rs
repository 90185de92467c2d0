//! Ranks that train one model together: the few calls through which they exchange numbers, and what stands above and
//! below them. [`Alone`] is a process without others, [`threads`] are ranks in threads of one process, [`mpi`] are
//! processes of an MPI job; [`Ranks`] is what an engine holds, [`Shards`] how hidden units are dealt out, [`TreeSum`] the order
//! of every sum.

mod gather;
#[cfg(feature = "files")]
pub mod mpi;
mod ranks;
mod shards;
#[cfg(feature = "files")]
pub mod threads;
mod tree;

use std::fmt::Debug;
use std::ops::AddAssign;

use bytemuck::Pod;

use crate::error::Result;
use crate::math::params::Real;
pub use gather::{whole_columns, whole_params};
pub use ranks::{Ranks, Tally, VOTES, Vote};
pub use shards::{Shards, columns, join_columns, of_units};
pub use tree::TreeSum;

/// Exchanges among P ranks. Every rank makes the same calls with the same lengths in the same order, and has the same bits
/// of every sum, whoever carries the numbers: a sum over ranks is that of [`TreeSum`].
///
/// An error is the end for all: a rank that has met one says so ([`Collective::fail`]), and every call of the others that
/// waits, or is made later, ends with an error that names it. The same follows where a rank is dropped while others go on.
pub trait Collective: Debug + Send {
    /// This rank, from 0 on.
    fn rank(&self) -> usize;

    /// P.
    fn size(&self) -> usize;

    /// x ← Σ x over the ranks.
    ///
    /// # Errors
    /// [`crate::Error::Device`] where another rank has failed, has made another call, or does not answer.
    fn sum(&mut self, x: &mut [f32]) -> Result<()>;

    /// The same in f64.
    ///
    /// # Errors
    /// As [`Collective::sum`].
    fn sum_f64(&mut self, x: &mut [f64]) -> Result<()>;

    /// x ← x of the first rank.
    ///
    /// # Errors
    /// As [`Collective::sum`].
    fn broadcast(&mut self, x: &mut [u8]) -> Result<()>;

    /// Hands x of every rank to `take` on the first rank, in the order of ranks; lengths may differ.
    ///
    /// # Errors
    /// As [`Collective::sum`], and those of `take`.
    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()>;

    /// Tells the others that this rank goes no further, and why. Only the first failure among all ranks is kept.
    fn fail(&mut self, why: &str);
}

/// Numbers that ranks add up.
pub trait Summed: Real + Pod + AddAssign {
    /// x ← Σ x over the ranks.
    ///
    /// # Errors
    /// Those of the collective.
    fn sum(collective: &mut dyn Collective, x: &mut [Self]) -> Result<()>;
}

impl Summed for f32 {
    fn sum(collective: &mut dyn Collective, x: &mut [Self]) -> Result<()> {
        collective.sum(x)
    }
}

impl Summed for f64 {
    fn sum(collective: &mut dyn Collective, x: &mut [Self]) -> Result<()> {
        collective.sum_f64(x)
    }
}

/// The only rank: every sum is its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn sum(&mut self, _: &mut [f32]) -> Result<()> {
        Ok(())
    }

    fn sum_f64(&mut self, _: &mut [f64]) -> Result<()> {
        Ok(())
    }

    fn broadcast(&mut self, _: &mut [u8]) -> Result<()> {
        Ok(())
    }

    fn to_first(&mut self, x: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        take(0, x)
    }

    fn fail(&mut self, _: &str) {}
}
