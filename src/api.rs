//! The front door: data, trainer, model. A caller of [`crate::run::session`], as the binary is.

#[cfg(feature = "files")]
mod bytes;
mod convolve;
mod data;
#[cfg(feature = "files")]
mod files;
#[cfg(not(feature = "files"))]
mod in_memory;
mod model;
mod on_data;
mod reach;
mod setters;
mod trainer;

pub use convolve::{Convolved, Pool};
#[cfg(feature = "cli")]
pub(crate) use convolve::{Encoder, PositionLayout, fitted, of_patches, of_pictures};
pub use data::Data;
pub use model::Model;
#[cfg(feature = "cli")]
pub(crate) use on_data::Names;
pub use on_data::{Evaluation, OnData};
#[cfg(feature = "cli")]
pub(crate) use reach::Reach;
pub use trainer::{Trained, Trainer};
