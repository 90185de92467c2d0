//! Ranks as processes that an MPI launcher has started, on one machine or on many.
//!
//! The library is opened at run time, whichever of the three binary interfaces it has: nothing of MPI is needed to build, and
//! one program runs under all of them. Of MPI messages alone are used, from one rank to another. Sums are added up here, in the
//! order of `TreeSum`: `MPI_Allreduce` promises no order, and some have given other bits from call to call.
//!
//! ```text
//! launch     what the launcher's variables tell           abi      what handles look like, and which are needed
//! library    which library, and opening it                calls    its functions: the only file with unsafe code
//! greeting   how a call begins: all compare what they call
//! session    the process's one MPI: failures, its end     wait     naps, and patience that ends
//! rank       a rank: the calls of `Collective`
//! ```
//!
//! MPI ends a job well only where every process says that it has ended well: whoever has opened it calls [`leave`] at the end
//! of `main`, with the exit code. Nothing does so by itself: a program that panics must not wait for the others in
//! `MPI_Finalize`, and one that failed must not look like a success.

mod launch;
pub use launch::{Launch, Launcher, launched};

#[cfg(all(unix, feature = "mpi"))]
mod abi;
#[cfg(all(unix, feature = "mpi"))]
mod calls;
#[cfg(all(unix, feature = "mpi"))]
mod functions;
#[cfg(all(unix, feature = "mpi"))]
mod greeting;
#[cfg(all(unix, feature = "mpi"))]
mod library;
#[cfg(all(unix, feature = "mpi"))]
mod message;
#[cfg(all(unix, feature = "mpi"))]
mod rank;
#[cfg(all(unix, feature = "mpi"))]
mod session;
#[cfg(all(unix, feature = "mpi"))]
mod wait;
#[cfg(all(unix, feature = "mpi"))]
pub use {rank::Mpi, session::leave};

#[cfg(not(all(unix, feature = "mpi")))]
mod without;
#[cfg(not(all(unix, feature = "mpi")))]
pub use without::{Mpi, leave};
