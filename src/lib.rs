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
//! # A tour
//!
//! | module | what it owns |
//! |---|---|
//! | [`objective`] | activations, KL penalty, the three terms of J: the formulas of single numbers |
//! | [`model`] | parameters and their start values; [`model::file`] their safetensors form |
//! | [`data`] | files and built-in pictures → patches → normalised rows, and the way back |
//! | [`supply`], [`order`] | examples as engines take them, from memory or from disk, and their seeded order |
//! | [`engine`] | what an engine can do, at the level of a training step |
//! | [`reference`](mod@reference) | the engine in f64, plain loops, the truth for every test |
//! | [`cpu`] | the engine in f32 on all cores |
//! | [`gpu`] | the engine in WGSL; `shaders/` holds one kernel a file |
//! | [`device`] | what `--device` means, and the engine that it opens |
//! | [`memory`] | how much memory a run takes, and what the machine has |
//! | [`optim`] | L-BFGS and its line search, learning rates |
//! | [`train`](mod@train) | the training loop over any engine |
//! | [`checkpoint`] | a run between two steps, on disk |
//! | [`verify`] | checks of an adapter: every kernel and every step within a derived bound |
//! | [`bench`](mod@bench) | what is timed, after it was validated; tables and the roofline |
//! | [`revive`](mod@revive) | new weights for dead units |
//! | [`units`] | dead, saturated, collapsed and duplicate units |
//! | [`config`], [`run`], [`metrics`], [`picture`], [`durable`], [`folder`], [`paths`] | settings, the run directory and what lies in it |
//!
//! # Training through the library
//!
//! ```
//! use rhohat::data::{Normalize, Recipe as Patches, Scale, Source};
//! use rhohat::device::{Choice, Setup};
//! use rhohat::model::{Params, Shape};
//! use rhohat::optim::OptimizerConfig;
//! use rhohat::order::Shuffle;
//! use rhohat::train::{Recipe, train};
//!
//! # fn main() -> rhohat::Result<()> {
//! // 500 whitened 8×8 patches of the built-in pictures, normalised as in the lecture.
//! let patches = Patches {
//!     patch: 8,
//!     samples: 500,
//!     color: false,
//!     scale: Scale::Pixels,
//!     whiten: true,
//!     normalize: Normalize::Lecture,
//!     limits: None,
//!     seed: 0,
//!     replacement: false,
//! };
//! let examples = Source::built_in(0).training_set(&patches)?;
//!
//! let shape = Shape { visible: 64, hidden: 25 };
//! let start = (Params::random(shape, 0), examples.matrix);
//! let mut engine = Choice::resolve(&"cpu".parse()?)?.open(&Setup::default(), &start)?;
//!
//! let before = engine.cost()?.total();
//! let recipe = Recipe {
//!     optimizer: OptimizerConfig::Lbfgs,
//!     resampling: None,
//!     steps: 20,
//!     shuffle: Shuffle::rows(0),
//!     report_every: 10,
//! };
//! let outcome = train(&mut *engine, &recipe, &mut ())?;
//! assert!(outcome.cost.total() < before / 2.0);
//!
//! let codes = engine.encode(0, 500)?; // [500, 25]
//! assert_eq!(codes.len(), 500 * 25);
//! # Ok(())
//! # }
//! ```

pub mod bench;
pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
pub mod io;
pub mod math;
pub mod run;
pub mod train;
pub mod verify;

pub use error::{Error, Result};
