//! Cells of a table of text: numbers, labels, and the words for all that is neither.

use std::collections::HashMap;
use std::str;

use super::columns::{Columns, Use};
use super::dialect::Dialect;
use super::pieces::Piece;
use crate::data::labels::Labels;

/// The content of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A number, finite or not.
    Number(f64),
    /// No value, in one of the usual words.
    Missing,
    /// A number whose decimals stand behind a comma.
    DecimalComma,
    /// Anything else.
    Text,
}

/// Words for a missing value, in lower case.
const MISSING: [&str; 8] = ["", "na", "nan", "n/a", "null", "none", "?", "-"];

impl Cell {
    pub fn of(bytes: &[u8]) -> Self {
        let Ok(text) = str::from_utf8(bytes.trim_ascii()) else { return Self::Text };
        match text.parse() {
            Ok(number) if !f64::is_nan(number) => Self::Number(number),
            _ if MISSING.contains(&&*text.to_lowercase()) => Self::Missing,
            _ if is_decimal_comma(text) => Self::DecimalComma,
            _ => Self::Text,
        }
    }
}

fn is_decimal_comma(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.trim_start_matches(['-', '+']);
    text.split_once(',').is_some_and(|(whole, rest)| digits(whole) && digits(rest))
}

/// Records of a text, with the bytes and lines that stand before each.
pub struct Records<'a> {
    text: &'a [u8],
    reader: Option<csv::Reader<&'a [u8]>>,
    at: usize,
    line: usize,
}

/// A record: its cells, and the bytes and lines before it.
type Placed = (Vec<String>, (usize, usize));

/// The records of a text, comments and empty lines left out.
pub fn records(text: &[u8], delimiter: Option<u8>) -> Records<'_> {
    Records { text, reader: delimiter.map(|delimiter| reader(text, delimiter, Some(b'#'))), at: 0, line: 0 }
}

fn reader(text: &[u8], delimiter: u8, comment: Option<u8>) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .comment(comment)
        .buffer_capacity(1 << 16)
        .from_reader(text)
}

impl Records<'_> {
    /// The next record.
    pub fn next(&mut self) -> Result<Option<Placed>, String> {
        let lossy = |cell: &[u8]| String::from_utf8_lossy(cell.trim_ascii()).into_owned();
        let Some(reader) = &mut self.reader else {
            while self.at < self.text.len() {
                let before = (self.at, self.line);
                let rest = &self.text[self.at..];
                let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
                (self.at, self.line) = (self.at + end, self.line + 1);
                let line = rest[..end].trim_ascii();
                if !line.is_empty() && !line.starts_with(b"#") {
                    let cells = line.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty());
                    return Ok(Some((cells.map(lossy).collect(), before)));
                }
            }
            return Ok(None);
        };
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).map_err(|error| format!("no table: {error}"))? {
            if record.len() > 1 || !record[0].trim_ascii().is_empty() {
                let at = record.position().map_or((0, 0), |at| (at.byte() as usize, at.line() as usize - 1));
                return Ok(Some((record.iter().map(lossy).collect(), at)));
            }
        }
        Ok(None)
    }
}

/// The numbers and labels of a piece.
#[derive(Default)]
pub struct Parsed {
    pub values: Vec<f64>,
    pub labels: LabelColumn,
}

/// Labels as they come.
#[derive(Default)]
pub struct LabelColumn {
    places: HashMap<Vec<u8>, u32>,
    of: Vec<u32>,
}

impl LabelColumn {
    fn add(&mut self, label: &[u8]) {
        let label = label.trim_ascii();
        let next = self.places.len() as u32;
        let place = match self.places.get(label) {
            Some(&place) => place,
            None => *self.places.entry(label.to_vec()).or_insert(next),
        };
        self.of.push(place);
    }

    /// Appends those of the rows that follow.
    pub fn extend(&mut self, other: Self) {
        let mut places = vec![0; other.places.len()];
        for (label, place) in other.places {
            let next = self.places.len() as u32;
            places[place as usize] = *self.places.entry(label).or_insert(next);
        }
        self.of.extend(other.of.into_iter().map(|place| places[place as usize]));
    }

    /// The labels in order.
    pub fn sorted(self) -> Labels {
        let mut names = vec![String::new(); self.places.len()];
        for (label, place) in self.places {
            names[place as usize] = String::from_utf8_lossy(&label).into_owned();
        }
        Labels::sorted(names, &self.of)
    }
}

/// Reads the rows of a piece, of about so many numbers; an error tells the line and the column.
pub fn parse(piece: &Piece, dialect: &Dialect, columns: &Columns, numbers: usize) -> Result<Parsed, String> {
    let mut rows = Rows { columns, parsed: Parsed::default(), width: columns.width() };
    rows.parsed.values.reserve(numbers);
    let mut cells: Vec<&[u8]> = Vec::new();
    match dialect.delimiter {
        Some(delimiter) if is_plain(&piece.text) => {
            let mut first = 0;
            let ends = memchr::memchr2_iter(delimiter, b'\n', &piece.text).chain([piece.text.len()]);
            let mut number = piece.first_line;
            for end in ends {
                cells.push(&piece.text[first..end]);
                first = end + 1;
                if piece.text.get(end) != Some(&delimiter) {
                    if let Some(last) = cells.last_mut() {
                        *last = last.strip_suffix(b"\r").unwrap_or(last);
                    }
                    if cells != [b""] {
                        rows.add(cells.len(), cells.iter().copied(), || number)?;
                    }
                    cells.clear();
                    number += 1;
                }
            }
        }
        Some(delimiter) => {
            let (mut reader, mut record) = (reader(&piece.text, delimiter, None), csv::ByteRecord::new());
            while reader.read_byte_record(&mut record).map_err(|error| format!("no table: {error}"))? {
                let line = || record.position().map_or(0, |at| line_of(&piece.text, at)) + piece.first_line;
                rows.add(record.len(), record.iter(), line)?;
            }
        }
        None => {
            for (number, line) in piece.text.split(|&byte| byte == b'\n').enumerate() {
                cells.clear();
                cells.extend(line.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty()));
                if !cells.is_empty() {
                    rows.add(cells.len(), cells.iter().copied(), || number + piece.first_line)?;
                }
            }
        }
    }
    Ok(rows.parsed)
}

/// The line of a record, counted from 0; its position is that of the empty lines before it.
fn line_of(text: &[u8], at: &csv::Position) -> usize {
    let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let empty = text[at.byte() as usize..].iter().take_while(is_end).filter(|&&byte| byte == b'\n').count();
    at.line() as usize - 1 + empty
}

/// Whether a text can be cut at every delimiter and line feed: no quotes, and no line that a bare carriage return ends.
fn is_plain(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'"', b'\r', text).all(|at| text[at..].starts_with(b"\r\n"))
}

/// Rows that are read.
struct Rows<'a> {
    columns: &'a Columns,
    parsed: Parsed,
    width: usize,
}

impl Rows<'_> {
    /// Appends a row of `count` cells.
    fn add<'a>(
        &mut self,
        count: usize,
        mut cells: impl Iterator<Item = &'a [u8]>,
        line: impl Fn() -> usize,
    ) -> Result<(), String> {
        let uses = &self.columns.uses;
        if count != uses.len() {
            // A line of spaces is no row, nor is a comment, which has another number of cells: a row may begin like one.
            let first = cells.next().unwrap_or_default().trim_ascii();
            if count == 1 && first.is_empty() || first.starts_with(b"#") {
                return Ok(());
            }
            let fact = format!("line {} has {count} cells, but the first row has {}", line(), uses.len());
            return Err(format!("{fact}; every row needs as many"));
        }
        let first = self.parsed.values.len();
        self.parsed.values.resize(first + self.width, 0.0);
        let row = &mut self.parsed.values[first..];
        for (column, (cell, used)) in cells.zip(uses).enumerate() {
            match *used {
                Use::Not => {}
                Use::Label => self.parsed.labels.add(cell),
                Use::Number(place) => match number(cell) {
                    Some(number) => row[place] = number,
                    None => return Err(no_number(cell, line(), &self.columns.place(column))),
                },
            }
        }
        Ok(())
    }
}

/// The number of a cell, where it is finite in the engines' f32.
fn number(cell: &[u8]) -> Option<f64> {
    let number: f64 = str::from_utf8(cell.trim_ascii()).ok()?.parse().ok()?;
    (number.abs() <= f64::from(f32::MAX)).then_some(number)
}

/// Longest text of a cell that an error repeats, bytes.
const LONGEST: usize = 60;

/// Why a cell is refused, and what to do.
fn no_number(cell: &[u8], line: usize, column: &str) -> String {
    let shown = String::from_utf8_lossy(&cell[..cell.len().min(LONGEST)]).into_owned();
    let place = format!("line {line}, column {column}");
    match Cell::of(cell) {
        Cell::Missing if shown.trim().is_empty() => {
            format!("{place} is empty; fill it, or leave its row out, as pandas.DataFrame.dropna does")
        }
        Cell::Missing => {
            format!(
                "{place} holds {shown}, a missing value; fill it, or leave its row out, as pandas.DataFrame.dropna does"
            )
        }
        Cell::DecimalComma => format!(
            "{place} holds {shown}, a number with a decimal comma, but points are read; \
             pandas.read_csv(FILE, sep=';', decimal=',').to_csv('converted.csv', index=False) writes those"
        ),
        Cell::Number(_) => {
            format!(
                "{place} holds {shown}, which is no finite 32-bit number; replace it, or leave its row out"
            )
        }
        Cell::Text => format!(
            "{place} holds {shown:?}, which is no number; name the columns of numbers with `use_columns`, or keep this one as \
             labels with `label_column`"
        ),
    }
}
