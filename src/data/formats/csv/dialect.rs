//! The dialect of a table of text, by its first lines: what parts its cells, and whether the first line names columns.

use std::str;

use super::cells::{Cell, records};
use crate::data::formats::unknown;

/// Bytes by which UTF-8 files of some programs begin.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes that part cells, spaces besides.
const DELIMITERS: [u8; 3] = [b'\t', b';', b','];

/// Most columns of a table, whose names and first row are held as texts.
const MOST_COLUMNS: usize = 1 << 20;

/// The dialect of a table.
#[derive(Debug)]
pub struct Dialect {
    /// Parts cells; `None` for spaces, of which several are as good as one.
    pub delimiter: Option<u8>,
    /// Names of columns; none where the first line holds numbers.
    pub names: Vec<String>,
    /// The first row.
    pub first: Vec<String>,
    /// What stands before it: a mark, comments, names.
    pub bytes_before: usize,
    pub lines_before: usize,
}

impl Dialect {
    /// Of a table that begins with these lines.
    pub fn of(text: &[u8]) -> Result<Self, String> {
        let start = if text.starts_with(MARK) { MARK.len() } else { 0 };
        let lines = first_lines(&text[start..]);
        let Some(&first) = lines.first() else { return Err("a table without rows; save it anew".to_owned()) };
        let delimiter = delimiter(first, lines.get(1).copied());
        let cells = |line: &[u8]| match delimiter {
            Some(delimiter) => count(line, delimiter),
            None => line.iter().filter(|byte| byte.is_ascii_whitespace()).count(),
        };
        if let Some(most) = lines.iter().map(|line| cells(line)).max().filter(|&most| most >= MOST_COLUMNS) {
            let fact = format!("a line of {} cells, but {MOST_COLUMNS} at most are read", most + 1);
            return Err(format!("{fact}; save an array with numpy.save"));
        }
        let mut all = records(&text[start..], delimiter);
        let Some((first, start_of_first)) = all.next()? else {
            return Err("a table without rows; save it anew".to_owned());
        };
        let second = all.next()?;
        let whole = |(bytes, lines): (usize, usize), names: Vec<String>, first: Vec<String>| {
            let skipped = before_rows(&text[start + bytes..]);
            let (bytes_before, lines_before) = (start + bytes + skipped.0, lines + skipped.1);
            Self { delimiter, names, first, bytes_before, lines_before }
        };
        match second {
            Some((second, at)) if names_columns(&first, &second) => Ok(whole(at, first, second)),
            None if first.iter().all(|cell| matches!(Cell::of(cell.as_bytes()), Cell::Text)) => {
                Err("a table with names of columns and no row; at least one is needed".to_owned())
            }
            _ => Ok(whole(start_of_first, Vec::new(), first)),
        }
    }
}

/// Whether a line names the columns of those that follow: it has text where they have numbers, or counts from 0 as pandas
/// names columns that have no name.
fn names_columns(first: &[String], second: &[String]) -> bool {
    let of = |cell: &String| Cell::of(cell.as_bytes());
    let is_name = |(first, second): (&String, &String)| {
        matches!((of(first), of(second)), (Cell::Text, Cell::Number(_) | Cell::DecimalComma | Cell::Missing))
    };
    if first.iter().zip(second).any(is_name) {
        return true;
    }
    let is_indexed = first.first().is_some_and(|cell| cell.trim().is_empty());
    let counted = if is_indexed { &first[1..] } else { first };
    let counts = counted.iter().enumerate().all(|(i, cell)| *cell == i.to_string());
    counts && first.len() > 1
}

/// What parts the cells of the first two lines: as often in both.
fn delimiter(first: &[u8], second: Option<&[u8]>) -> Option<u8> {
    let second = second.unwrap_or(first);
    let of_both = |&delimiter: &u8| {
        let counts = [first, second].map(|line| count(line, delimiter));
        counts[0] > 0 && counts[0] == counts[1]
    };
    let in_second = |&delimiter: &u8| count(second, delimiter) > 0;
    let found = DELIMITERS.into_iter().find(of_both).or_else(|| DELIMITERS.into_iter().find(in_second));
    let has_spaces = second.trim_ascii().contains(&b' ');
    found.or(if has_spaces { None } else { Some(b',') })
}

/// How often a byte stands outside quotes.
fn count(line: &[u8], byte: u8) -> usize {
    let mut is_open = false;
    let counts = line.iter().filter(|&&found| {
        is_open ^= found == b'"';
        !is_open && found == byte
    });
    counts.count()
}

/// The first two lines that are neither empty nor comments.
fn first_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut is_open = false;
    let ends = |&byte: &u8| {
        is_open ^= byte == b'"';
        byte == b'\n' && !is_open
    };
    let lines = text.split(ends).map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).take(2).collect()
}

/// Bytes and lines before the first line that is neither empty nor a comment.
fn before_rows(text: &[u8]) -> (usize, usize) {
    let (mut bytes, mut lines) = (0, 0);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let trimmed = line.trim_ascii();
        if !trimmed.is_empty() && !trimmed.starts_with(b"#") {
            break;
        }
        (bytes, lines) = (bytes + line.len(), lines + 1);
    }
    (bytes, lines)
}

/// Whether a file that begins so is a table of numbers: text with a line of numbers alone among its first two, or with two lines of
/// as many cells of which most are numbers.
pub fn recognised(start: &[u8]) -> bool {
    if !unknown::may_be_table(start) {
        return false;
    }
    let text = start.strip_prefix(MARK).unwrap_or(start);
    // A line that is cut may end within a number.
    let is_cut = start.len() as u64 >= unknown::START;
    let text = match text.iter().rposition(|&byte| DELIMITERS.contains(&byte) || matches!(byte, b'\n' | b' '))
    {
        Some(end) if is_cut => &text[..end],
        _ => text,
    };
    let lines = first_lines(text);
    if lines.iter().any(|line| str::from_utf8(line).is_ok_and(unknown::is_row)) {
        return true;
    }
    let &[first, second] = &lines[..] else { return false };
    let is_parted = |&delimiter: &u8| {
        let cells: Vec<_> = second.split(|&byte| byte == delimiter).collect();
        let numbers = cells.iter().filter(|cell| matches!(Cell::of(cell), Cell::Number(_))).count();
        cells.len() > 1 && count(first, delimiter) == count(second, delimiter) && 2 * numbers >= cells.len()
    };
    DELIMITERS.iter().any(is_parted)
}
