//! The command `rhohat`, as pip installs it.

use pyo3::prelude::*;

/// Runs the command with these arguments, the first of which is its name, and tells its exit code.
#[pyfunction]
pub fn main(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| rhohat::cli::run(arguments))
}
