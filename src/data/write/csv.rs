//! Tables of text: a line of names, then a row a line, the label in the last column. Numbers are as short as they can be read
//! back to the same f32.

use std::io::{self, Write};

use super::{RowsHeader, Sink};

pub fn write(
    out: &mut dyn Write,
    delimiter: u8,
    header: &RowsHeader<'_>,
    fill: &mut dyn FnMut(&mut Sink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let RowsHeader { column, cols, labels, .. } = *header;
    let parted = char::from(delimiter);
    for number in 0..cols {
        let before = if number == 0 { String::new() } else { parted.to_string() };
        write!(out, "{before}{column}{number}")?;
    }
    if labels.is_some() {
        write!(out, "{parted}label")?;
    }
    writeln!(out)?;
    let (mut col, mut row, mut line) = (0, 0, String::new());
    fill(&mut |values| {
        use std::fmt::Write as _;
        for value in values {
            // Writing to a text does not fail.
            let _ = write!(line, "{value:?}");
            col += 1;
            if col < cols {
                line.push(parted);
                continue;
            }
            if let Some(label) = labels.and_then(|labels| labels.names.get(*labels.of.get(row)? as usize)) {
                line.push(parted);
                line.push_str(&quoted(label, delimiter));
            }
            line.push('\n');
            out.write_all(line.as_bytes())?;
            line.clear();
            (col, row) = (0, row + 1);
        }
        Ok(())
    })
}

/// A text in quotes, where it holds what would end the cell.
fn quoted(text: &str, delimiter: u8) -> String {
    let is_plain = !text.contains([char::from(delimiter), '"', '\n', '\r', '#']) && text.trim() == text;
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}
