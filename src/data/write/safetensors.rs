//! Files of tensors: the rows as f32 and, where there are labels, `labels` as i64, whose names are in the metadata as a
//! list in JSON, as is the shape of what a row holds.

use std::io::{self, Write};

use serde_json::json;

use super::{RowsHeader, Sink};

pub fn write(
    out: &mut dyn Write,
    header: &RowsHeader<'_>,
    fill: &mut dyn FnMut(&mut Sink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let RowsHeader { name, rows, cols, labels, shape, .. } = *header;
    // Wider numbers first, as the format wants them.
    let start = labels.map_or(0, |labels| 8 * labels.of.len() as u64);
    let end = start + (rows as u64).saturating_mul(cols as u64).saturating_mul(4);
    let mut tensors =
        json!({ name: { "dtype": "F32", "shape": [rows, cols], "data_offsets": [start, end] } });
    if let Some(labels) = labels {
        tensors["labels"] = json!({ "dtype": "I64", "shape": [labels.of.len()], "data_offsets": [0, start] });
        tensors["__metadata__"]["label_names"] = json!(labels.names).to_string().into();
    }
    if let Some(shape) = shape {
        tensors["__metadata__"]["shape"] = json!(shape).to_string().into();
    }
    let mut text = tensors.to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    if let Some(labels) = labels {
        labels.of.iter().try_for_each(|&label| out.write_all(&i64::from(label).to_le_bytes()))?;
    }
    fill(&mut |values| values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes())))
}
