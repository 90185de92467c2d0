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
//! takes the same way and touches no file; it is the only kind in a build without the feature `files`.

#[cfg(feature = "files")]
mod begun;
#[cfg(feature = "files")]
mod continued;
mod device;
#[cfg(feature = "files")]
mod directory;
mod examples;
#[cfg(feature = "files")]
mod following;
#[cfg(not(feature = "files"))]
mod in_memory;
mod kept;
mod observer;
mod open;
mod prepare;
#[cfg(feature = "files")]
mod report;
mod request;
#[cfg(feature = "files")]
mod resume;
#[cfg(feature = "files")]
mod save_examples;
#[cfg(feature = "files")]
mod seal;
mod stepwise;
mod train;
mod watch;

pub use continued::{Continued, KeptState};
#[cfg(feature = "files")]
pub use following::follow_first;
#[cfg(not(feature = "files"))]
use in_memory::{begun, continued, directory, resume};
pub use kept::Kept;
pub use observer::{Course, ProgressObserver, Stage};
pub use open::Session;
pub use prepare::{Outset, Prepared};
#[cfg(feature = "files")]
pub use report::{Reported, report};
pub use request::{JudgedRun, OpenData, Place, Request};
pub use stepwise::Stepwise;
pub use train::Finished;
