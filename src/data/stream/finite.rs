//! The check that rows on disk hold finite numbers in f32.

use super::store::Store;
use crate::data::dtype::{DType, Endian};
use crate::error::{Error, Result};
use crate::io::threads;

/// Refuses bytes of rows that hold what is no finite number in f32; `row_of` tells which row of `store` each of them is.
pub fn check_finite(store: &Store, bytes: &[u8], row_of: impl Fn(usize) -> usize) -> Result<()> {
    let bad_in: fn(&[u8]) -> Option<usize> = match store.dtype {
        DType::F16 => |row| row.as_chunks().0.iter().position(|code: &[u8; 2]| code[1] & 0x7c == 0x7c),
        DType::F32 => |row| {
            let is_bad = |bytes: &[u8; 4]| !f32::from_le_bytes(*bytes).is_finite();
            row.as_chunks().0.iter().position(is_bad)
        },
        DType::Bf16 => |row| {
            row.as_chunks()
                .0
                .iter()
                .position(|[low, high]: &[u8; 2]| u16::from_le_bytes([*low, *high]) & 0x7f80 == 0x7f80)
        },
        DType::F64 => |row| {
            let limit = f64::from(f32::MAX);
            let is_bad = |bytes: &[u8; 8]| !(-limit..=limit).contains(&f64::from_le_bytes(*bytes));
            row.as_chunks().0.iter().position(is_bad)
        },
        _ => return Ok(()),
    };
    let bad = threads::find_first_chunk(bytes, store.row_bytes(), 64, bad_in);
    let Some((at, column)) = bad else { return Ok(()) };
    let (path, row) = store.place(row_of(at));
    let size = store.dtype.size();
    let number = &bytes[at * store.row_bytes() + column * size..][..size];
    let value = store.dtype.decode(number, Endian::Little)[0];
    let place = format!("row {row}, column {column} (counted from 0)");
    let fact = format!("{place} holds {value:?}, which is no finite 32-bit number");
    Err(Error::input(path, format!("{fact}; replace it or leave its row out")))
}
