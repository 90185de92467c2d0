//! The case list of the kernels: each shader against the reference kernel of its name in
//! [`crate::engine::reference::kernels`], over awkward shapes, within the bound that [`super::running_error`] derives, exactly on small integers.

mod case;
mod classes;
mod gradients;
mod layers;
mod penalty;
mod products;
mod sums;
mod vectors;

pub use case::Case;
pub use products::{ProductCase, check_candidate, check_products};

/// Every case, on numbers drawn from `seed`.
pub fn cases(seed: u64) -> Vec<Case> {
    let lists = [
        products::cases,
        layers::cases,
        classes::cases,
        gradients::cases,
        sums::cases,
        penalty::cases,
        vectors::cases,
    ];
    lists.iter().flat_map(|list| list(seed)).collect()
}
