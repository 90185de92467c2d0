//! What the operating system is asked for: files that are opened and replaced with care, paths, memory, threads; and the
//! words in which amounts are told.

#[cfg(feature = "files")]
pub mod atomic_write;
pub mod clock;
#[cfg(feature = "files")]
pub mod date;
#[cfg(feature = "files")]
pub mod folder;
pub(crate) mod lock;
pub mod memory;
pub mod paths;
#[cfg(feature = "files")]
pub(crate) mod safe_open;
pub mod text;
pub mod threads;
