//! Tables of text, CSV and the like: a row a line, parted by commas, semicolons, tabs or spaces. The table is cut where lines
//! end, and its pieces are read by all threads, in order.

mod cells;
mod columns;
mod dialect;
mod pieces;

#[cfg(test)]
mod tests;

use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use super::array::{KnownLength, check_memory, no_memory};
use super::format::{Format, OpenFile};
use super::unknown;
use crate::data::ambiguity;
use crate::data::axes::{Axes, Meaning};
use crate::data::description::DataDescription;
use crate::data::dtype::DType;
use crate::data::reading::Reading;
use crate::data::source::{Opened, Source};
use crate::data::table::Table;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;
use crate::io::threads;
use cells::{LabelColumn, Parsed};
use columns::Columns;
use dialect::Dialect;
use pieces::{Piece, Pieces};

/// Bytes of a piece, whole lines.
const PIECE: usize = 1 << 20;
/// Bytes that are reserved beyond what the first piece lets expect, one in so many.
const MARGIN: usize = 32;

/// Tables of numbers in text.
pub const FORMAT: Format = Format {
    name: "a table of text",
    kinds: Some("CSV (also .gz)"),
    usage: Some("CSV (also .gz)"),
    endings: &[".csv", ".tsv"],
    has_parts: false,
    begins: dialect::recognised,
    is_certain: |_, _| true,
    open,
};

/// Whether a file that begins with this text is a table by its name alone.
pub fn is_named_so(path: &Path, start: &[u8]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    FORMAT.endings.iter().any(|ending| name.ends_with(ending)) && unknown::may_be_table(start)
}

fn open(OpenFile { path, file, length, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    let mut from = BufReader::new(FileRange::new(&file, 0, length));
    read(path, &mut from, KnownLength::Exact(length), reading)
}

/// Reads a table of so many bytes.
pub fn read(
    path: &Path,
    from: &mut (dyn Read + Send),
    length: KnownLength,
    reading: &Reading,
) -> Result<Opened> {
    let refused = |why: String| Error::input(path, why);
    if reading.meaning() == Some(Meaning::Pictures) {
        let fact = "a table of text holds rows, but pictures were asked for with `as` or `axes`";
        return Err(refused(format!("{fact}; leave that out, or save an array with numpy.save")));
    }
    let mut pieces = Pieces::new(path, from);
    let Some(mut first) = pieces.next()? else {
        return Err(refused("a table without rows; save it anew".to_owned()));
    };
    let dialect = Dialect::of(&first.text).map_err(refused)?;
    let columns = Columns::new(&dialect, reading).map_err(refused)?;
    columns.tell(path);
    pieces.is_quoted = dialect.delimiter.is_some();
    first.first_line += dialect.lines_before;
    first.text.drain(..dialect.bytes_before);
    let mut table = Growing::new(path, length, columns.width());
    let mut labels = columns.label.is_some().then(LabelColumn::default);
    let mut waiting = vec![first];
    while !waiting.is_empty() {
        // The next pieces are read while these are parsed.
        let expected = |piece: &Piece| table.expected(piece.text.len());
        let parse = |piece: &Piece| cells::parse(piece, &dialect, &columns, expected(piece));
        let batch = || pieces.batch(2 * threads::count());
        let (parsed, next) = threads::both(|| threads::map(&waiting, parse), batch);
        for (piece, parsed) in waiting.iter().zip(parsed) {
            let Parsed { values, labels: of_piece } = parsed.map_err(refused)?;
            table.add(piece.text.len(), &values)?;
            if let Some(labels) = &mut labels {
                labels.extend(of_piece);
            }
        }
        pieces.recycle(std::mem::replace(&mut waiting, next?));
    }
    let cols = columns.width();
    let rows = table.values.len() / cols.max(1);
    if rows == 0 || cols == 0 {
        return Err(refused(format!(
            "a table of {rows} rows of {cols} numbers; at least one of each is needed"
        )));
    }
    let table = Table { rows, cols, dtype: DType::F64, values: table.values };
    let axes = reading.axes(&[rows, cols]).map_err(refused)?;
    let (table, labels) = if axes == Axes::rows() { (table, labels) } else { (turned(path, &table)?, None) };
    let look = || ambiguity::of_axes(&axes, &[rows, cols], |i| table.values[i]);
    let description = DataDescription {
        ambiguity: reading.meaning().is_none().then(look).flatten(),
        labels: labels.map(|labels| Arc::new(labels.sorted())),
        ..DataDescription::array(path, (&[rows, cols], DType::F64), axes)
    };
    Ok(Opened { source: Source::Rows(table), description })
}

/// The same with examples for columns.
fn turned(path: &Path, table: &Table) -> Result<Table> {
    check_memory(path, (table.values.len() * size_of::<f64>()) as u64)?;
    let mut values = super::array::reserved(path, table.values.len())?;
    for col in 0..table.cols {
        values.extend(table.values[col..].iter().step_by(table.cols));
    }
    Ok(Table { rows: table.cols, cols: table.rows, dtype: table.dtype, values })
}

/// Numbers that come piece by piece, in memory that is taken for as many as the file seems to hold.
struct Growing<'a> {
    path: &'a Path,
    length: KnownLength,
    cols: usize,
    /// Bytes whose numbers are here.
    read: usize,
    values: Vec<f64>,
}

impl<'a> Growing<'a> {
    fn new(path: &'a Path, length: KnownLength, cols: usize) -> Self {
        Self { path, length, cols, read: 0, values: Vec::new() }
    }

    /// Numbers that so many bytes hold, more likely than not.
    fn expected(&self, bytes: usize) -> usize {
        let share = self.values.len() as f64 / self.read.max(1) as f64;
        (share * bytes as f64) as usize + self.values.len().min(bytes) / MARGIN
    }

    /// Appends the numbers of so many bytes.
    fn add(&mut self, bytes: usize, values: &[f64]) -> Result<()> {
        self.read += bytes;
        let wanted = self.values.len() + values.len();
        if self.values.capacity() < wanted {
            let expected = match self.length {
                KnownLength::Exact(length) => {
                    let share = length as f64 / self.read.max(1) as f64;
                    let whole = (wanted as f64 * share.max(1.0)) as usize;
                    // No number takes less than two bytes.
                    (whole + whole / MARGIN).min(length as usize / 2 + self.cols)
                }
                KnownLength::Packed(_) => 2 * wanted,
            };
            let expected = expected.max(wanted);
            check_memory(self.path, ((expected - self.values.len()) * size_of::<f64>()) as u64)?;
            let refused = |_| no_memory(self.path, expected * size_of::<f64>(), None);
            self.values.try_reserve_exact(expected - self.values.len()).map_err(refused)?;
        }
        self.values.extend_from_slice(values);
        Ok(())
    }
}
