//! The mathematics, on plain numbers: the objective, its parameters, optimisers, and seeded random numbers.

pub mod activation;
pub mod multiply_add;
pub mod network;
pub mod number;
pub mod objective;
pub mod optim;
pub mod params;
pub mod penalty;
pub mod pool;
pub mod product;
pub mod random;
pub mod rate;
pub mod simd;
pub mod start;
pub mod transpose;
