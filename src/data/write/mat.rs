//! MATLAB's files, level 5, not packed: the rows as single, and beside them `labels`, the place of each row's label in
//! the cells
//! `label_names`, counted from 1 as MATLAB counts, and `shape`, that of what a row holds. Numbers lie column by column, so that all rows are in memory before the first
//! is written.

use std::io::{self, Write};

use super::{ArrayValues, NamedArray, RowsHeader, Sink};
use crate::io::memory::{Bytes, available};

/// MATLAB reads no variable of more bytes, whose length is a number of 32 bits.
const MOST: u64 = (1 << 31) - 1;
/// Bytes of a variable besides its numbers, at most.
const AROUND: u64 = 1 << 10;

/// Types of data.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const SINGLE: u32 = 7;
const DOUBLE: u32 = 9;
const MATRIX: u32 = 14;
const UTF8: u32 = 16;
/// Classes of arrays.
const CELL: u32 = 1;
const CHAR: u32 = 4;
const OF_DOUBLE: u32 = 6;
const OF_SINGLE: u32 = 7;
const OF_UINT8: u32 = 9;
const OF_INT32: u32 = 12;

/// Why rows do not fit.
pub fn refusal(header: &RowsHeader<'_>) -> Option<String> {
    let RowsHeader { rows, cols, labels, .. } = *header;
    let bytes = (rows as u64).saturating_mul(cols as u64).saturating_mul(4);
    let names: u64 = labels.map_or(0, |labels| labels.names.iter().map(|name| name.len() as u64 + 64).sum());
    let most = i32::MAX as usize;
    if bytes.max(names).saturating_add(AROUND) > MOST || rows > most || cols > most {
        let fact = format!("{rows} rows of {cols} numbers take {}", Bytes(bytes));
        return Some(format!("{fact}, but a variable of a .mat file has less than 2 GiB; write .npy"));
    }
    let free = available().filter(|free| free.0 < bytes)?;
    Some(format!(
        "{rows} rows of {cols} numbers lie column by column in a .mat file, so that their {} have to be in memory, and {free} \
         are free; write .npy",
        Bytes(bytes)
    ))
}

pub fn write(
    out: &mut dyn Write,
    header: &RowsHeader<'_>,
    fill: &mut dyn FnMut(&mut Sink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let RowsHeader { name, rows, cols, labels, shape, .. } = *header;
    let mut values: Vec<f32> = Vec::new();
    values.try_reserve_exact(rows * cols).map_err(io::Error::other)?;
    fill(&mut |piece| {
        values.extend_from_slice(piece);
        Ok(())
    })?;
    header_of_file(out)?;
    matrix(out, (OF_SINGLE, name), &[rows, cols], 8 + padded(4 * rows * cols), &mut |out| {
        tag(out, SINGLE, 4 * rows * cols)?;
        for col in 0..cols {
            values[col..].iter().step_by(cols).try_for_each(|value| out.write_all(&value.to_le_bytes()))?;
        }
        pad(out, 4 * rows * cols)
    })?;
    if let Some(shape) = shape {
        numbers(out, (OF_DOUBLE, "shape"), [1, shape.len()], (DOUBLE, 8), &mut |out| {
            shape.iter().try_for_each(|&length| out.write_all(&(length as f64).to_le_bytes()))
        })?;
    }
    let Some(labels) = labels else { return Ok(()) };
    let count = labels.of.len();
    matrix(out, (OF_INT32, "labels"), &[count, 1], 8 + padded(4 * count), &mut |out| {
        tag(out, INT32, 4 * count)?;
        labels.of.iter().try_for_each(|&label| out.write_all(&(label as i32 + 1).to_le_bytes()))?;
        pad(out, 4 * count)
    })?;
    let length_of = |name: &String| 8 + matrix_length("", 2, 8 + padded(name.len()));
    let cells = labels.names.iter().map(length_of).sum();
    matrix(out, (CELL, "label_names"), &[labels.names.len(), 1], cells, &mut |out| {
        labels.names.iter().try_for_each(|name| text(out, "", name))
    })
}

/// Why a vector of so many doubles does not fit.
pub fn doubles_refusal(numbers: usize) -> Option<String> {
    let bytes = (numbers as u64).saturating_mul(8);
    (bytes.saturating_add(AROUND) > MOST).then(|| {
        let fact = format!("{numbers} parameters take {} as doubles", Bytes(bytes));
        format!("{fact}, but a variable of a .mat file has less than 2 GiB; write .npz or .safetensors")
    })
}

/// Writes a file of these arrays.
pub fn write_arrays(out: &mut dyn Write, arrays: &[NamedArray<'_>]) -> io::Result<()> {
    header_of_file(out)?;
    arrays.iter().try_for_each(|NamedArray { name, shape, values }| {
        let name = &*name.replace('.', "_");
        let (rows, cols) = match shape[..] {
            [rows, cols] => (rows, cols),
            _ => (shape.iter().product(), 1),
        };
        // Row by row as they come, column by column as they go.
        let order = move || (0..cols).flat_map(move |col| (0..rows).map(move |row| row * cols + col));
        match *values {
            ArrayValues::Single(values) => {
                numbers(out, (OF_DOUBLE, name), [rows, cols], (DOUBLE, 8), &mut |out| {
                    order().try_for_each(|at| out.write_all(&f64::from(values[at]).to_le_bytes()))
                })
            }
            ArrayValues::Double(values) => {
                numbers(out, (OF_DOUBLE, name), [rows, cols], (DOUBLE, 8), &mut |out| {
                    order().try_for_each(|at| out.write_all(&values[at].to_le_bytes()))
                })
            }
            // A row, which char() makes a text of.
            ArrayValues::Bytes(values) => {
                numbers(out, (OF_UINT8, name), [1, values.len()], (UINT8, 1), &mut |out| {
                    out.write_all(values)
                })
            }
            ArrayValues::Text(content) => text(out, name, content),
        }
    })
}

fn header_of_file(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[b"MATLAB 5.0 MAT-file".as_slice(), &[b' '; 97], &[0; 8], b"\0\x01IM"].concat())
}

/// Writes a dense array of a type of so many bytes, whose numbers `fill` writes.
fn numbers(
    out: &mut dyn Write,
    variable: (u32, &str),
    shape: [usize; 2],
    (kind, size): (u32, usize),
    fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let bytes = size * shape[0] * shape[1];
    matrix(out, variable, &shape, 8 + padded(bytes), &mut |out| {
        tag(out, kind, bytes)?;
        fill(out)?;
        pad(out, bytes)
    })
}

/// Writes a text.
fn text(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    let shape = [usize::from(!text.is_empty()), text.chars().count()];
    matrix(out, (CHAR, name), &shape, 8 + padded(text.len()), &mut |out| {
        tag(out, UTF8, text.len())?;
        out.write_all(text.as_bytes())?;
        pad(out, text.len())
    })
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// Bytes of a variable behind its tag.
fn matrix_length(name: &str, dimensions: usize, content: usize) -> usize {
    16 + 8 + padded(4 * dimensions) + 8 + padded(name.len()) + content
}

fn tag(out: &mut dyn Write, kind: u32, length: usize) -> io::Result<()> {
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&(length as u32).to_le_bytes())
}

fn pad(out: &mut dyn Write, length: usize) -> io::Result<()> {
    out.write_all(&[0; 8][..padded(length) - length])
}

/// Writes a variable whose `content` bytes `fill` writes.
fn matrix(
    out: &mut dyn Write,
    (class, name): (u32, &str),
    shape: &[usize],
    content: usize,
    fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    tag(out, MATRIX, matrix_length(name, shape.len(), content))?;
    tag(out, UINT32, 8)?;
    out.write_all(&[class.to_le_bytes(), [0; 4]].concat())?;
    tag(out, INT32, 4 * shape.len())?;
    shape.iter().try_for_each(|&length| out.write_all(&(length as i32).to_le_bytes()))?;
    pad(out, 4 * shape.len())?;
    tag(out, INT8, name.len())?;
    out.write_all(name.as_bytes())?;
    pad(out, name.len())?;
    fill(out)
}
