//! Sparse autoencoders with a Kullback–Leibler penalty, trained on WebGPU compute shaders, on the CPU, or on a plain
//! f64 reference that both are checked against.
//!
//! The model is that of Ng's lecture notes (CS294A, *Sparse autoencoder*): hidden sigmoid or tanh units whose mean
//! activation ρ̂ is held at a small ρ,
//!
//! ```text
//! A2 = f(X W1ᵀ + b1)     A3 = g(A2 D + b2)     ρ̂ = column means of A2
//! J  = 1/(2m) Σ ‖A3 − X‖²  +  λ/2 (‖W1‖² + ‖D‖²)  +  β Σ KL(ρ ‖ ρ̂)
//! ```
//!
//! # Twelve lines
//!
//! ```standalone_crate
//! use rhohat::{Data, Model, Trainer};
//!
//! # fn main() -> rhohat::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # std::env::set_current_dir(&folder).unwrap();
//! let data = Data::built_in().patches(8, 1_000);
//! let trained = Trainer::new(25).rho(0.01).steps(50).device("cpu").fit(&data)?;
//! println!("J {:.2}, {} units dead", trained.summary.terms.j, trained.summary.units.dead);
//! trained.model.save("model.safetensors")?;
//! trained.model.save_features("features.png")?;
//!
//! let model = Model::load("model.safetensors")?.device("cpu");
//! let codes = model.encode(&data)?; // [40960, 25]: every patch of the ten pictures
//! # assert_eq!((codes.rows, codes.cols), (40_960, 25));
//! # Ok(())
//! # }
//! ```
//!
//! # A tour
//!
//! | | |
//! |---|---|
//! | [`Data`] | pictures, arrays or rows of the program, and how examples are made of them |
//! | [`Trainer`] | the settings of a run; [`Trainer::fit`] trains in memory or in a run directory, [`Trainer::resume`] goes on bit for bit |
//! | [`Training`] | the same run, its steps taken by the caller ([`Trainer::begin`]) |
//! | [`Trained`] | the model, and a [`Summary`] of how it was reached |
//! | [`Model`] | save, load, encode, decode, reconstruct, evaluate, draw its features |
//! | [`OnData`] | a model on data that need not fit in memory: [`Evaluation`], its units one by one ([`UnitRecord`]), and results piece by piece |
//! | [`Convolved`] | a model of patches at every position of whole pictures, pooled ([`Pool`]) into features for a classifier |
//! | [`ProgressObserver`] | reports while a run is trained, from a closure or a type; each can stop it |
//! | [`Error`] | what went wrong, sorted by what can be done about it |
//!
//! # Features
//!
//! | feature | what it adds | without it |
//! |---|---|---|
//! | `cli` | the program: `rhohat::cli::main` | the library alone |
//! | `gpu` | the engine on WebGPU | the CPU, and the reference |
//! | `files` | data, runs and models in files, clocks, threads | all in memory, one thread, no time measured |
//! | `mpi` | ranks as processes of an MPI job, whose library is opened at run time; on Unix alone | ranks as threads of one process |
//! | `web` | the command `rhohat web`: a page over HTTP, to this machine alone | all other commands |
//! | `unfused` | multiply-adds of the CPU engine are rounded twice: other last bits | they are rounded once, as WebAssembly cannot in reasonable time |
//!
//! The first five are on by default; `web` needs `cli`, which needs `gpu` and `files`; `mpi` needs `files`.
//!
//! The same settings, under the same names, are flags of the program `rhohat` and keys of its `config.toml`. Examples of own
//! rows, of resuming and of observers lie in the folder `examples/`. Events (what data were taken for, warnings) go
//! to [`tracing`].

#![cfg_attr(
    not(all(feature = "gpu", feature = "files")),
    allow(dead_code, reason = "readers of files or the GPU engine use it")
)]

mod api;
#[cfg(all(feature = "gpu", feature = "files"))]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod data;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod io;
#[doc(hidden)]
pub mod math;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod train;
#[cfg(feature = "gpu")]
#[doc(hidden)]
pub mod verify;

pub use api::{
    Classifier, ClassifierTrainer, Convolved, Data, Evaluation, Model, OnData, Pool, Trained,
    TrainedClassifier, Trainer, Training,
};
#[cfg(feature = "files")]
pub use data::stream::RowNumber;
pub use data::{
    Axes, ClassChoice, DataFormat, Form, Labels, Meaning, Normalize, Picture, RawRows, Reading, WhiteningKind,
};
pub use error::{Error, Result};
pub use math::objective::{Activation, Cost, Objective, Penalty, PenaltyKind, RhoHatMode};
pub use math::optim::{Optimizer, Schedule};
pub use math::params::{Matrix, Params, Shape};
pub use math::start::Start;
pub use run::classify::{Baseline, ClassifierFiles, ClassifierSummary, Judged, LambdaEnd, TriedLambda};
pub use run::config::MemoryPlan;
pub use run::metrics::{RhoHatRange, Terms};
pub use run::session::{Course, ProgressObserver, Stage};
pub use run::summary::{RunFiles, Summary, Validation};
pub use train::confusion::Confusion;
pub use train::diagnostics::UnitDiagnostics;
pub use train::measures::Measures;
pub use train::units::{Excitation, UnitRecord};
pub use train::{Ended, HeldOutCost, Progress};
