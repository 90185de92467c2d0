//! Limits on the header of an array before anything is allocated: the length of the file, and the memory that is left.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::memory::{Bytes, available};

/// Bytes that are decoded without a look at the memory that is left.
const SMALL: u64 = 64 << 20;

/// An empty vector with a capacity of `count`, or a refusal.
pub fn reserved<T>(path: &Path, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let refused = |_| no_memory(path, count.saturating_mul(size_of::<T>()), None);
    values.try_reserve_exact(count).map_err(refused)?;
    Ok(values)
}

/// Bytes that a shape promises; `None` for more than an address space has.
pub fn promised(shape: &[usize], size: usize) -> Option<usize> {
    shape.iter().try_fold(size, |product, &length| product.checked_mul(length))
}

/// How many bytes a shape promises, checked against those that follow it in the file.
pub fn check_length(path: &Path, shape: &[usize], size: usize, length: u64) -> Result<usize> {
    let promised = promised(shape, size);
    if let Some(promised) = promised.filter(|&promised| promised as u64 == length) {
        return Ok(promised);
    }
    let words = promised.map_or("more bytes than memory has".to_owned(), |bytes| format!("{bytes} bytes"));
    let fact = format!("shape {shape:?} of {size}-byte numbers promises {words}, the file holds {length}");
    let remedy = match promised {
        Some(bytes) if bytes > 0 && (bytes as u64) < length => {
            "where several arrays were saved into one file, save each into its own; else it is damaged"
        }
        _ => "it is truncated or damaged",
    };
    Err(Error::input(path, format!("{fact}; {remedy}")))
}

/// Refuses more bytes than the machine has left.
pub fn check_memory(path: &Path, bytes: u64) -> Result<()> {
    match available().filter(|_| bytes > SMALL) {
        Some(left) if left.0 < bytes => Err(no_memory(path, bytes as usize, Some(left))),
        _ => Ok(()),
    }
}

pub fn no_memory(path: &Path, bytes: usize, left: Option<Bytes>) -> Error {
    let left = left.map_or("are not to be had".to_owned(), |left| format!("are needed, and {left} are free"));
    let remedy =
        "give fewer rows, or train on rows as .npy or safetensors, which are read as they are needed";
    Error::input(path, format!("{} of memory {left}; {remedy}", Bytes(bytes as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_no_system_has_is_refused_and_not_asked_for() {
        let error = reserved::<f64>(Path::new("a.npy"), usize::MAX / 16).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("are not to be had"), "{error}");
    }
}
