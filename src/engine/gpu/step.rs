//! The steps of training as recordings: passes over resident or fetched examples, updates, searches, states.

pub mod evaluate;
pub mod examples;
pub mod finiteness;
pub mod first_order;
pub mod lbfgs;
pub mod pass;
pub mod rows;
pub mod state;
pub mod stream;
pub mod units;
