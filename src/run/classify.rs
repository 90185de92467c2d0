//! Training of a classifier: a softmax layer on the codes of encoders, whose λ held-out rows decide, the same on the examples
//! themselves to compare with, and fine-tuning of all layers together.
//!
//! ```text
//! examples ── encoders ──► codes ── softmax, each λ ──► λ ── softmax on all rows ──► network ── fine-tuning ──► network
//!     └──────────────────────────── the same without encoders, to compare with
//! ```
//!
//! Nothing here knows files: a [`Keeper`] keeps what a sitting leaves.

mod codes;
#[cfg(feature = "files")]
mod confusion_picture;
#[cfg(feature = "files")]
mod directory;
mod fine_tune;
mod settings;
mod sitting;
mod softmax;
mod summary;
#[cfg(feature = "files")]
mod units;

#[cfg(feature = "files")]
pub mod file;
mod meta;
#[cfg(feature = "files")]
mod page;

pub use codes::{Chain, Encoder, encode, projection};
#[cfg(feature = "files")]
pub use confusion_picture::{csv, svg};
#[cfg(feature = "files")]
pub use directory::{ClassifierDir, Outset, settings_of};
pub use fine_tune::Keeper;
pub use meta::ClassifierMeta;
pub use settings::ClassifySettings;
pub use sitting::{Finished, Sitting, Start};
pub use softmax::check_rows;
pub use summary::{Baseline, ClassifierFiles, ClassifierSummary, Judged, LambdaEnd, TriedLambda};
