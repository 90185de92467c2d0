//! The binary interfaces of MPI libraries: what a handle is in each, and the few that are needed.
//!
//! Numbers are those of `mpi_abi.h` of the MPI-5 standard and of `mpi.h` of MPICH 4.0. Open MPI's handles are addresses of its
//! own data.

use std::ffi::c_int;
use std::fmt;

/// An interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// The MPI-5 standard's, of MPICH and Intel MPI from 5.0 and 2021.18 on.
    Standard,
    /// MPICH's, which Intel MPI, Cray MPICH and MVAPICH have, too.
    Mpich,
    /// Open MPI's.
    OpenMpi,
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "interface of MPI-5",
            Self::Mpich => "interface of MPICH",
            Self::OpenMpi => "interface of Open MPI",
        })
    }
}

/// What stands for something in calls.
#[derive(Clone, Copy, Debug)]
pub struct Handles {
    /// `MPI_COMM_WORLD`.
    pub world: usize,
    /// `MPI_BYTE`.
    pub byte: usize,
    /// `MPI_ERRORS_RETURN`.
    pub errors_return: usize,
    /// `MPI_STATUS_IGNORE`.
    pub status_ignore: usize,
    /// `MPI_THREAD_SERIALIZED`.
    pub serialized: c_int,
}

impl Abi {
    /// The interface of a library that has such symbols. `standard` is the version of the standard interface that it says to
    /// have, −1 if none.
    pub fn of(standard: Option<c_int>, has: impl Fn(&str) -> bool) -> Option<Self> {
        if standard.is_some_and(|major| major >= 1) {
            Some(Self::Standard)
        } else if has("ompi_mpi_comm_world") {
            Some(Self::OpenMpi)
        } else {
            // A function that MPICH's header names.
            has("MPIR_Dup_fn").then_some(Self::Mpich)
        }
    }

    /// Its handles; `address` is that of a symbol.
    ///
    /// # Errors
    /// Those of `address`.
    pub fn handles<E>(self, address: impl Fn(&str) -> Result<usize, E>) -> Result<Handles, E> {
        Ok(match self {
            Self::Standard => Handles {
                world: 0x101,
                byte: 0x247,
                errors_return: 0x143,
                status_ignore: 0,
                serialized: 2048,
            },
            Self::Mpich => Handles {
                world: 0x4400_0000,
                byte: 0x4c00_010d,
                errors_return: 0x5400_0001,
                status_ignore: 1,
                serialized: 2,
            },
            Self::OpenMpi => Handles {
                world: address("ompi_mpi_comm_world")?,
                byte: address("ompi_mpi_byte")?,
                errors_return: address("ompi_mpi_errors_return")?,
                status_ignore: 0,
                serialized: 2,
            },
        })
    }

    /// The handle that a library has written to a word: a pointer, or an `int` at its beginning.
    pub fn handle(self, word: usize) -> usize {
        match self {
            Self::Standard | Self::OpenMpi => word,
            Self::Mpich => {
                let mut int = [0; size_of::<c_int>()];
                int.copy_from_slice(&word.to_ne_bytes()[..size_of::<c_int>()]);
                u32::from_ne_bytes(int) as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_told_apart_by_symbols() {
        let with = |symbol: &'static str| move |other: &str| other == symbol;
        assert_eq!(Abi::of(Some(1), with("MPIR_Dup_fn")), Some(Abi::Standard));
        assert_eq!(Abi::of(Some(-1), with("MPIR_Dup_fn")), Some(Abi::Mpich), "MPICH 5 has both libraries");
        assert_eq!(Abi::of(None, with("MPIR_Dup_fn")), Some(Abi::Mpich));
        assert_eq!(Abi::of(None, with("ompi_mpi_comm_world")), Some(Abi::OpenMpi));
        assert_eq!(Abi::of(None, with("MPI_Init_thread")), None);
    }

    #[test]
    fn a_handle_of_mpich_is_an_int_whatever_stands_behind_it() {
        let mut word = [0xff; size_of::<usize>()];
        word[..4].copy_from_slice(&0x8400_0001_u32.to_ne_bytes());
        assert_eq!(Abi::Mpich.handle(usize::from_ne_bytes(word)), 0x8400_0001);
        assert_eq!(Abi::OpenMpi.handle(usize::from_ne_bytes(word)), usize::from_ne_bytes(word));
    }
}
