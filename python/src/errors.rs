//! Errors of the library as exceptions of Python, in the words of the estimator's parameters.

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rhohat::Error;

create_exception!(rhohat, DivergedError, PyRuntimeError, "Training left the finite numbers.");
create_exception!(
    rhohat,
    DeviceError,
    PyRuntimeError,
    "No usable device, or one that has refused or failed."
);

/// Settings whose parameters have other names in Python.
const NAMES: [(&str, &str); 6] = [
    ("`hidden`", "`n_components`"),
    ("`seed`", "`random_state`"),
    ("`lambda`", "`weight_decay`"),
    ("`batch`", "`batch_size`"),
    ("`revive`", "`resample`"),
    ("rows in memory: ", ""),
];

/// A text of the library with the names that settings have in Python.
pub fn in_pythons_words(text: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (setting, parameter)| text.replace(setting, parameter))
}

/// The exception of an error.
pub fn raised(error: Error) -> PyErr {
    let text = in_pythons_words(&error.to_string());
    match error {
        Error::Usage(_) | Error::Input { .. } => PyValueError::new_err(text),
        Error::Diverged { .. } => DivergedError::new_err(text),
        Error::Device(_) => DeviceError::new_err(text),
        Error::Io { source, path, .. } => match source.raw_os_error() {
            // FileNotFoundError, PermissionError and their kin follow from the number.
            Some(code) => PyOSError::new_err((code, source.to_string(), path.display().to_string())),
            None => PyOSError::new_err(text),
        },
        _ => PyRuntimeError::new_err(text),
    }
}
