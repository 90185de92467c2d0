//! The CPU engine against the f64 reference, through bounds that are derived number by number.

mod activations;
mod bounds;
pub mod cases;
mod gradients;
mod parts;
mod products;
pub mod search;
mod threads;
mod updates;
