//! The Python module `rhohat._rhohat`: runs and models of the library under names of Python. What users see of it is in
//! `python/rhohat`.

mod buffers;
mod errors;
mod fitted;
mod observer;
mod program;
mod told;
mod train;

use pyo3::prelude::*;

/// Sparse autoencoders, compiled.
#[pymodule]
mod _rhohat {
    #[pymodule_export]
    use super::errors::{DeviceError, DivergedError};
    #[pymodule_export]
    use super::fitted::{Fitted, load};
    #[pymodule_export]
    use super::program::main;
    #[pymodule_export]
    use super::train::{fit, set_threads};

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
