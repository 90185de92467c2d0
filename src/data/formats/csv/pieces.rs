//! A table of text in pieces of whole lines.

use std::io::Read;
use std::path::Path;

use super::PIECE;
use crate::data::formats::array::cannot_unpack;
use crate::error::{Error, Result};

/// Longest line, bytes.
const LONGEST_LINE: usize = 32 << 20;

/// Whole lines.
pub struct Piece {
    pub text: Vec<u8>,
    /// The number of the first of them in the file, counted from 1 as editors do.
    pub first_line: usize,
}

/// The pieces of a file, in order.
pub struct Pieces<'a> {
    path: &'a Path,
    from: &'a mut dyn Read,
    /// The beginning of a line whose end was not yet read.
    rest: Vec<u8>,
    line: usize,
    /// Whether quotes hold line ends together.
    pub is_quoted: bool,
}

impl<'a> Pieces<'a> {
    pub fn new(path: &'a Path, from: &'a mut dyn Read) -> Self {
        Self { path, from, rest: Vec::new(), line: 1, is_quoted: true }
    }

    /// The next piece; `None` behind the last.
    pub fn next(&mut self) -> Result<Option<Piece>> {
        let mut text = std::mem::take(&mut self.rest);
        loop {
            let wanted = PIECE as u64;
            let read = (&mut *self.from).take(wanted).read_to_end(&mut text);
            let read = read.map_err(|error| cannot_unpack(self.path, &error))?;
            let is_last = (read as u64) < wanted;
            let end = if is_last { Some(text.len()) } else { self.end_of_lines(&text) };
            if let Some(end) = end {
                self.rest = text.split_off(end);
                break;
            }
            if text.len() > LONGEST_LINE {
                let fact = format!("line {} has more than {LONGEST_LINE} bytes", self.line);
                return Err(Error::input(
                    self.path,
                    format!(
                        "{fact}; close its quotes if they are left open, or save an array with numpy.save"
                    ),
                ));
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        let first_line = self.line;
        self.line += text.iter().filter(|&&byte| byte == b'\n').count();
        Ok(Some(Piece { text, first_line }))
    }

    /// Where the last whole line ends: at a line feed that no quotes hold.
    fn end_of_lines(&self, text: &[u8]) -> Option<usize> {
        if !self.is_quoted || !text.contains(&b'"') {
            return text.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
        }
        let (mut is_open, mut end) = (false, None);
        for (at, &byte) in text.iter().enumerate() {
            match byte {
                b'"' => is_open = !is_open,
                b'\n' if !is_open => end = Some(at + 1),
                _ => {}
            }
        }
        end
    }
}
