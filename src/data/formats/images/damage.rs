//! Failures of readers of pictures in our words: the end of a file that comes too soon, and data that make no sense.

use std::io;
use std::path::Path;

use crate::error::{Error, Result};

/// An error of reading: of the system, or of what was read.
pub fn damage(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::input(path, "it ends too soon: it is truncated; copy or download it anew")
        }
        _ if error.raw_os_error().is_some() => Error::io("read", path, error),
        _ => {
            let cause = error.to_string();
            damaged(path, cause.trim_end_matches('.'))
        }
    }
}

/// The error of a file whose content cannot be.
pub fn damaged(path: &Path, cause: &str) -> Error {
    Error::input(path, format!("cannot be decoded ({cause}); it is truncated or damaged"))
}

/// The error of a file that has become another one since it was listed.
pub fn changed(path: &Path) -> Error {
    Error::input(path, "it has changed since it was looked at; start again")
}

/// A vector of so many numbers, or a refusal where the system has no memory for them.
pub fn numbers<T: Clone + Default>(path: &Path, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        Error::device(format!(
            "{}: out of memory: the system refuses a picture of {count} numbers",
            path.display()
        ))
    })?;
    values.resize(count, T::default());
    Ok(values)
}
