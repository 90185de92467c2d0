//! x
use pyo3::prelude::*;

#[pymodule]
mod _rhohat {
    use super::*;
    #[pyfunction]
    fn main() -> u8 { let _ = rhohat::cli::main(); 0 }
}
