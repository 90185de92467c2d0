//! Benchmarks that validate before they time: the machine's own ceilings, every product and kernel, whole training
//! steps of CPU against GPU over a ladder of shapes, and seconds until the lecture's experiment reaches a cost.
//!
//! `tasks` says what is to be done, [`Bench`] takes in what came of it as [`Row`]s. [`stats`] times and summarises,
//! [`contender`] is an engine on a device, [`ladder`] the shapes, [`sampled`] the validation of large ones;
//! [`ceilings`], [`products`], [`kernels`], [`steps`], [`profile`] and [`goal`] measure.
//!
//! What comes of all are [`Results`], with the [`host`] that they hold for: [`verdict`] answers from them, [`report`] and [`chart`]
//! show them, [`comparison`] sets two side by side. None of these knows an engine, so that they are tested on made-up times.

pub mod ceilings;
pub mod chart;
pub mod comparison;
pub mod contender;
pub mod goal;
pub mod host;
pub mod kernels;
pub mod ladder;
pub mod products;
pub mod profile;
pub mod report;
pub mod results;
pub mod row;
pub mod sampled;
pub mod stats;
pub mod steps;
mod tasks;
pub mod verdict;

pub use contender::{Contender, contenders};
pub use results::Results;
pub use row::{Row, What};
pub use tasks::{Bench, Options, Task, tasks};
