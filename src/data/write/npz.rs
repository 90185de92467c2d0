//! Archives of NumPy arrays, not packed: the rows, and beside them `labels`, the place of each row's label in `label_names`.

use std::io::{self, Write};

use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::{RowsHeader, Sink};
use crate::data::formats::npy;

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
    if let Some(labels) = header.labels {
        array(&mut archive, "labels", |mut file| {
            npy::write_header_of(&mut file, "<u4", &format!("({},)", labels.of.len()))?;
            labels.of.iter().try_for_each(|label| file.write_all(&label.to_le_bytes()))
        })?;
        array(&mut archive, "label_names", |mut file| {
            // Texts of one width, four bytes a character.
            let width = labels.names.iter().map(|name| name.chars().count()).max().unwrap_or_default().max(1);
            npy::write_header_of(&mut file, &format!("<U{width}"), &format!("({},)", labels.names.len()))?;
            labels.names.iter().try_for_each(|name| {
                let characters = name.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
                characters.into_iter().try_for_each(|character| file.write_all(&character.to_le_bytes()))
            })
        })?;
    }
    archive.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Writes one file of an archive.
fn array(
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
