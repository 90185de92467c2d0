//! Training steps as recordings. `resident` is all that stays on the device; the machines borrow it: `first_order`
//! (SGD and Adam), `lbfgs`, `full` (cost and gradient over all examples), `layers` (activations of examples),
//! `rows` (rows that are no examples), `finiteness`, `replace`, `state`. They record passes ([`pass`]) over [`examples`] on the device or over rows
//! that are fetched (`fetch`, `stream`), which `evaluate` hides from them. `held` keeps whoever reads parameters from those that a
//! search is ahead of.

pub(crate) mod evaluate;
pub mod examples;
pub(crate) mod fetch;
pub(crate) mod finiteness;
pub(crate) mod first_order;
pub(crate) mod full;
pub(crate) mod held;
pub(crate) mod layers;
pub(crate) mod lbfgs;
pub(crate) mod list;
pub mod pass;
pub(crate) mod rates;
pub(crate) mod replace;
pub(crate) mod resident;
pub(crate) mod rows;
pub(crate) mod state;
pub(crate) mod stream;
