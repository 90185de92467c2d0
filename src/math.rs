//! The mathematics, on plain numbers: the objective, its parameters, optimisers, and seeded random numbers.

pub mod objective;
pub mod optim;
pub mod params;
pub mod random;
pub mod transpose;
