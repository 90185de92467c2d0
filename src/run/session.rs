//! One sitting of a training run, from a request to its result: settings, data, device, engine, loop, files.
//!
//! ```text
//! Request ── prepare ──► Prepared ── open ──► Session ── train ──► Finished
//!            settings,               examples,           loop,
//!            data, device,           kernels,            model,
//!            memory plan             engine              summary
//! ```
//!
//! Everything that can be refused is refused in `prepare` and `open`, before a run directory is made. A run in memory
//! takes the same way and touches no file.

mod begun;
mod device;
mod directory;
mod examples;
mod observer;
mod open;
mod prepare;
mod request;
mod resume;
mod summary;
mod train;
mod watch;

pub use observer::{ProgressObserver, Stage};
pub use open::Session;
pub use prepare::{Outset, Prepared};
pub use request::{OpenData, Place, Request};
pub use summary::{RunFiles, Summary, Validation};
pub use train::Finished;
