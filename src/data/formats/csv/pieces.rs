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
    from: &'a mut (dyn Read + Send),
    /// The beginning of a line whose end was not yet read.
    rest: Vec<u8>,
    /// Memory of pieces that are done with.
    spare: Vec<Vec<u8>>,
    line: usize,
    /// Whether quotes hold line ends together.
    pub is_quoted: bool,
}

impl<'a> Pieces<'a> {
    pub fn new(path: &'a Path, from: &'a mut (dyn Read + Send)) -> Self {
        Self { path, from, rest: Vec::new(), spare: Vec::new(), line: 1, is_quoted: true }
    }

    /// The next piece; `None` behind the last.
    pub fn next(&mut self) -> Result<Option<Piece>> {
        let mut text = self.spare.pop().unwrap_or_default();
        text.clear();
        text.append(&mut self.rest);
        // Beyond what is left of the piece before.
        text.reserve(PIECE + PIECE / 8);
        loop {
            let wanted = PIECE as u64;
            let read = (&mut *self.from).take(wanted).read_to_end(&mut text);
            let read = read.map_err(|error| cannot_unpack(self.path, &error))?;
            let is_last = (read as u64) < wanted;
            let end = if is_last { Some(text.len()) } else { self.end_of_lines(&text) };
            if let Some(end) = end {
                self.rest.extend_from_slice(&text[end..]);
                text.truncate(end);
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
        self.line += memchr::memchr_iter(b'\n', &text).count();
        Ok(Some(Piece { text, first_line }))
    }

    /// Takes pieces back, whose memory those to come have.
    pub fn recycle(&mut self, pieces: Vec<Piece>) {
        self.spare.extend(pieces.into_iter().map(|piece| piece.text));
    }

    /// The next so many pieces, or as many as there are.
    pub fn batch(&mut self, count: usize) -> Result<Vec<Piece>> {
        let mut batch = Vec::with_capacity(count);
        while batch.len() < count {
            let Some(piece) = self.next()? else { break };
            batch.push(piece);
        }
        Ok(batch)
    }

    /// Where the last whole line ends: at a line feed that no quotes hold.
    fn end_of_lines(&self, text: &[u8]) -> Option<usize> {
        if !self.is_quoted || memchr::memchr(b'"', text).is_none() {
            return memchr::memrchr(b'\n', text).map(|at| at + 1);
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
