//! The front door: data, trainer, model. A caller of [`crate::run::session`], as the binary is.

mod bytes;
mod classifier;
mod convolve;
mod data;
#[cfg(feature = "files")]
mod files;
#[cfg(not(feature = "files"))]
mod in_memory;
#[cfg(feature = "files")]
mod kept;
mod model;
mod on_data;
mod positions;
mod reach;
mod setters;
mod trainer;
mod training;

#[cfg(feature = "cli")]
pub(crate) use classifier::layers::Layers;
pub use classifier::{Classifier, ClassifierTrainer, TrainedClassifier};
pub use convolve::{Convolved, Pool};
pub use data::Data;
pub use model::Model;
#[cfg(feature = "cli")]
pub(crate) use on_data::Names;
pub use on_data::{Evaluation, OnData};
#[cfg(feature = "cli")]
pub(crate) use positions::{Encoder, PositionLayout, fitted, of_patches, of_pictures};
#[cfg(feature = "cli")]
pub(crate) use reach::Reach;
pub use trainer::{Trained, Trainer};
pub use training::Training;
