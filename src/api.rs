//! The front door: data, trainer, model. A caller of [`crate::run::session`], as the binary is.

mod data;
#[cfg(feature = "files")]
mod files;
#[cfg(not(feature = "files"))]
mod in_memory;
mod model;
mod setters;
mod trainer;

pub use data::Data;
pub use model::Model;
pub use trainer::{Trained, Trainer};
