//! Training runs: their settings, their files, and the sittings that they are trained in.
//!
//! A build without the feature `files` has runs in memory alone: what a file would be read to or written from is a type
//! without values there (`without_files`).

#[cfg(feature = "files")]
pub mod catalog;
#[cfg(feature = "files")]
pub mod checkpoint;
pub mod classify;
pub mod column_tensors;
#[cfg(feature = "files")]
pub mod columns_file;
pub mod condition;
pub mod config;
#[cfg(feature = "files")]
pub mod convert;
pub mod data_log;
pub mod every;
pub mod features;
pub mod fold;
pub mod meta;
pub mod metrics;
pub mod model_bytes;
#[cfg(feature = "files")]
pub mod model_file;
pub mod picture;
#[cfg(feature = "files")]
pub mod report;
#[cfg(feature = "files")]
mod run_dir;
pub mod session;
#[cfg(feature = "files")]
pub mod stack;
pub mod summary;
#[cfg(feature = "files")]
mod tensorboard;
mod tensors_file;
#[cfg(feature = "files")]
pub mod unit_table;
#[cfg(not(feature = "files"))]
mod without_files;

#[cfg(feature = "files")]
pub use run_dir::{
    Changes, DataRecord, Divergence, Environment, FEATURES, METRICS, MODEL, REPORT, RunDir, Sitting, TABLE,
    is_file_of_run, run_name,
};
#[cfg(not(feature = "files"))]
pub use without_files::{DataRecord, Divergence, RunDir, model_file, report};
