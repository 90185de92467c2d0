//! The place of MPI in a build without the feature `mpi`, or where no library can be opened at run time: a rank that cannot be.

use std::time::Duration;

use crate::engine::collective::Collective;
use crate::error::{Error, Result};

/// A rank that cannot be.
#[derive(Debug)]
pub enum Mpi {}

impl Mpi {
    /// Refuses.
    ///
    /// # Errors
    /// [`Error::Usage`] always.
    pub fn open(_library: Option<&str>, _patience: Option<Duration>) -> Result<Self> {
        Err(Error::usage(if cfg!(unix) {
            "`mpi`: rhohat was built without the feature mpi; build it with, or train in one process"
        } else {
            "`mpi`: MPI is opened on Linux, macOS and the like alone; train in one process here"
        }))
    }

    /// Another of no rank.
    ///
    /// # Errors
    /// None: there is nobody to ask.
    pub fn another(&mut self) -> Result<Self> {
        match *self {}
    }

    /// The library of no rank.
    pub fn library(&self) -> String {
        match *self {}
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        match *self {}
    }

    fn size(&self) -> usize {
        match *self {}
    }

    fn sum(&mut self, _: &mut [f32]) -> Result<()> {
        match *self {}
    }

    fn sum_f64(&mut self, _: &mut [f64]) -> Result<()> {
        match *self {}
    }

    fn broadcast(&mut self, _: &mut [u8]) -> Result<()> {
        match *self {}
    }

    fn to_first(&mut self, _: &[u8], _: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        match *self {}
    }

    fn fail(&mut self, _: &str) {
        match *self {}
    }
}

/// Does nothing: there is no MPI to be left.
///
/// # Errors
/// None.
pub fn leave(_code: u8) -> Result<()> {
    Ok(())
}
