//! Numbers that come out of a packed variable, and numbers that are stored in a smaller type than their class.

use std::fs::File;
use std::io::{self, BufReader, Read, Take};
use std::ops::Range;

use flate2::bufread::ZlibDecoder;

use super::element::damaged;
use crate::data::dtype::{DType, Endian};
use crate::io::safe_open::FileRange;

/// Bytes of a file that are read ahead.
const AHEAD: usize = 1 << 16;
/// Numbers that are converted at a time.
const PIECE: u64 = 4096;
/// Bytes behind the numbers: less than fill up eight.
const PADDING: usize = 8;

/// Bytes from within a zlib stream, which is read to its end for the checksum.
pub struct Unpacked<'a> {
    from: Take<ZlibDecoder<BufReader<FileRange<'a>>>>,
}

impl<'a> Unpacked<'a> {
    /// The `bytes` bytes that come out of `packed` behind `before` others.
    pub fn new(file: &'a File, packed: Range<u64>, before: u64, bytes: u64) -> io::Result<Self> {
        let range = FileRange::new(file, packed.start, packed.end);
        let mut from = ZlibDecoder::new(BufReader::with_capacity(AHEAD, range));
        io::copy(&mut from.by_ref().take(before), &mut io::sink())?;
        Ok(Self { from: from.take(bytes) })
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(out)?;
        if read == 0 && !out.is_empty() && self.from.limit() == 0 {
            let (mut behind, mut rest) = (0, [0; PADDING]);
            loop {
                match self.from.get_mut().read(&mut rest)? {
                    0 => break,
                    more => behind += more,
                }
                if behind >= PADDING {
                    return Err(damaged("more comes out of a variable than its numbers"));
                }
            }
        }
        Ok(read)
    }
}

/// Numbers in the type of their class, lowest byte first.
pub struct Converted<R> {
    from: R,
    /// Numbers that are still to be read.
    left: u64,
    stored: (DType, Endian),
    class: DType,
    /// Bytes that are converted, and how many of them have been handed out.
    ready: Vec<u8>,
    taken: usize,
}

impl<R: Read> Converted<R> {
    /// Of `numbers` numbers that are stored as another type.
    pub fn new(from: R, numbers: u64, stored: (DType, Endian), class: DType) -> Self {
        Self { from, left: numbers, stored, class, ready: Vec::new(), taken: 0 }
    }
}

impl<R: Read> Read for Converted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            let ((stored, endian), count) = (self.stored, self.left.min(PIECE));
            if count == 0 {
                // To the end of what is packed.
                return self.from.read(out);
            }
            let mut bytes = vec![0; count as usize * stored.size()];
            self.from.read_exact(&mut bytes)?;
            self.left -= count;
            self.ready.clear();
            self.taken = 0;
            stored.decode(&bytes, endian).into_iter().for_each(|x| encode(x, self.class, &mut self.ready));
        }
        let read = out.len().min(self.ready.len() - self.taken);
        out[..read].copy_from_slice(&self.ready[self.taken..self.taken + read]);
        self.taken += read;
        Ok(read)
    }
}

/// Appends a number as a type has it.
fn encode(x: f64, dtype: DType, out: &mut Vec<u8>) {
    match dtype {
        DType::Bool => out.push((x != 0.0).into()),
        DType::U8 => out.push(x as u8),
        DType::I8 => out.extend((x as i8).to_le_bytes()),
        DType::U16 => out.extend((x as u16).to_le_bytes()),
        DType::I16 => out.extend((x as i16).to_le_bytes()),
        DType::U32 => out.extend((x as u32).to_le_bytes()),
        DType::I32 => out.extend((x as i32).to_le_bytes()),
        DType::U64 => out.extend((x as u64).to_le_bytes()),
        DType::I64 => out.extend((x as i64).to_le_bytes()),
        DType::F32 => out.extend((x as f32).to_le_bytes()),
        // MATLAB has no other type.
        DType::F64 | DType::F16 | DType::Bf16 => out.extend(x.to_le_bytes()),
    }
}
