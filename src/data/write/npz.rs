//! Archives of NumPy arrays, not packed: the rows, and beside them `labels`, the place of each row's label in
//! `label_names`, and
//! `shape`, that of what a row holds.

use std::io::{self, Write};

use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::{ArrayValues, NamedArray, RowsHeader, Sink};
use crate::data::formats::npy;
use crate::data::labels::Labels;

pub fn write(
    out: &mut dyn Write,
    header: &RowsHeader<'_>,
    fill: &mut dyn FnMut(&mut Sink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut archive = ZipArchiveWriter::new(out);
    array(&mut archive, header.name, |mut file| {
        npy::write_header(&mut file, header.rows, header.cols)?;
        fill(&mut |values| npy::write_values(&mut file, values))
    })?;
    if let Some(of_rows) = header.labels {
        labels(&mut archive, of_rows)?;
    }
    if let Some(shape) = header.shape {
        array(&mut archive, "shape", |mut file| {
            npy::write_header_of(&mut file, "<u8", "(3,)")?;
            shape.iter().try_for_each(|&length| file.write_all(&(length as u64).to_le_bytes()))
        })?;
    }
    archive.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Writes the labels of rows, and their names.
pub fn labels(archive: &mut ZipArchiveWriter<&mut dyn Write>, labels: &Labels) -> io::Result<()> {
    array(archive, "labels", |mut file| {
        npy::write_header_of(&mut file, "<u4", &format!("({},)", labels.of.len()))?;
        labels.of.iter().try_for_each(|label| file.write_all(&label.to_le_bytes()))
    })?;
    array(archive, "label_names", |mut file| {
        texts(&mut file, &format!("({},)", labels.names.len()), labels.names.iter().map(String::as_str))
    })
}

/// Writes an archive of these arrays.
pub fn write_arrays(out: &mut dyn Write, arrays: &[NamedArray<'_>]) -> io::Result<()> {
    let mut archive = ZipArchiveWriter::new(out);
    for NamedArray { name, shape, values } in arrays {
        // A tuple of Python, with a comma behind a single length.
        let lengths: Vec<String> = shape.iter().map(|length| format!("{length},")).collect();
        let shape = format!("({})", lengths.join(" "));
        array(&mut archive, name, |mut file| match *values {
            ArrayValues::Single(values) => {
                npy::write_header_of(&mut file, "<f4", &shape)?;
                npy::write_values(&mut file, values)
            }
            ArrayValues::Double(values) => {
                npy::write_header_of(&mut file, "<f8", &shape)?;
                values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
            }
            ArrayValues::Bytes(values) => {
                npy::write_header_of(&mut file, "|u1", &shape)?;
                file.write_all(values)
            }
            ArrayValues::Text(text) => texts(&mut file, "()", std::iter::once(text)),
        })?;
    }
    archive.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Writes texts of one width, four bytes a character, in an array of this shape.
fn texts<'a>(
    file: &mut &mut dyn Write,
    shape: &str,
    texts: impl Iterator<Item = &'a str> + Clone,
) -> io::Result<()> {
    let width = texts.clone().map(|text| text.chars().count()).max().unwrap_or_default().max(1);
    npy::write_header_of(file, &format!("<U{width}"), shape)?;
    for text in texts {
        let characters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
        characters.into_iter().try_for_each(|character| file.write_all(&character.to_le_bytes()))?;
    }
    Ok(())
}

/// Writes one file of an archive.
pub fn array(
    archive: &mut ZipArchiveWriter<&mut dyn Write>,
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let name = format!("{name}.npy");
    let options = archive.new_file(&name).compression_method(CompressionMethod::STORE);
    let (mut entry, config) = options.start().map_err(io::Error::other)?;
    let mut file = config.wrap(&mut entry);
    fill(&mut file)?;
    let (_, descriptor) = file.finish().map_err(io::Error::other)?;
    entry.finish(descriptor).map_err(io::Error::other)?;
    Ok(())
}
