//! The strips and tiles of a page: unpacked row by row, made absolute, and put where they belong. No more memory is taken
//! than the pixels and a row.

use std::io::{self, BufRead, Read};

use flate2::bufread::ZlibDecoder;

use super::directory::TiffFile;
use super::layout::{Packing, PageLayout, Predictor, Sample};
use crate::data::dtype::Endian;
use crate::data::formats::images::damage::damage;
use crate::data::formats::images::lzw::Lzw;
use crate::error::Result;

/// A row of a strip or tile, its numbers in this machine's order of bytes, and its place in the page.
pub struct Row<'a> {
    pub bytes: &'a [u8],
    /// The first pixel of the row in the page, counted through its rows.
    pub first: usize,
    /// Pixels of it that are in the page.
    pub pixels: usize,
    /// The number of the pixels that it holds, where they have rows of their own each; else 0.
    pub plane: usize,
}

/// Hands every row of a page to `each`.
pub fn rows(file: TiffFile<'_>, page: &PageLayout, mut each: impl FnMut(Row<'_>)) -> Result<()> {
    let (across, down) = (page.width.div_ceil(page.chunk.0), page.height.div_ceil(page.chunk.1));
    let mut bytes = vec![0; page.row_bytes()];
    let mut scratch = Vec::new();
    for (number, &(start, length)) in page.chunks.iter().enumerate() {
        let (plane, within) = (number / (across * down), number % (across * down));
        let (x, y) = (within % across * page.chunk.0, within / across * page.chunk.1);
        let mut from = unpacked(file, page.packing, (start, start.saturating_add(length)));
        for y in y..page.height.min(y + page.chunk.1) {
            from.read_exact(&mut bytes).map_err(|error| damage(file.path, error))?;
            restore(&mut bytes, page, file.endian, &mut scratch);
            let pixels = page.chunk.0.min(page.width - x);
            each(Row { bytes: &bytes, first: y * page.width + x, pixels, plane });
        }
    }
    Ok(())
}

/// The bytes of a strip or tile.
fn unpacked<'a>(file: TiffFile<'a>, packing: Packing, (start, end): (u64, u64)) -> Box<dyn Read + 'a> {
    let packed = file.file.range(start, end);
    match packing {
        Packing::None => Box::new(packed),
        Packing::Lzw => Box::new(Lzw::of_tiff(packed)),
        Packing::Deflate => Box::new(ZlibDecoder::new(packed)),
        Packing::PackBits => Box::new(PackBits { from: packed, run: Run::None }),
    }
}

/// Runs of bytes, Apple's PackBits.
struct PackBits<R> {
    from: R,
    run: Run,
}

/// The run that is being read, and what is left of it.
enum Run {
    None,
    Literal(usize),
    Repeated(u8, usize),
}

impl<R: BufRead> Read for PackBits<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.run {
                Run::None => {
                    let mut code = [0];
                    if self.from.read(&mut code)? == 0 {
                        return Ok(0);
                    }
                    self.run = match code[0] {
                        128 => Run::None,
                        literal @ 0..=127 => Run::Literal(usize::from(literal) + 1),
                        repeated => {
                            self.from.read_exact(&mut code)?;
                            Run::Repeated(code[0], 257 - usize::from(repeated))
                        }
                    };
                }
                Run::Literal(left) => {
                    let most = left.min(out.len());
                    let read = self.from.read(&mut out[..most])?;
                    self.run = if read == left { Run::None } else { Run::Literal(left - read) };
                    return Ok(read);
                }
                Run::Repeated(byte, left) => {
                    let count = left.min(out.len());
                    out[..count].fill(byte);
                    self.run = if count == left { Run::None } else { Run::Repeated(byte, left - count) };
                    return Ok(count);
                }
            }
        }
    }
}

/// Undoes the predictor of a row, and brings its numbers into this machine's order of bytes.
fn restore(row: &mut [u8], page: &PageLayout, endian: Endian, scratch: &mut Vec<u8>) {
    let samples = if page.is_planar { 1 } else { page.samples };
    let size = page.sample.bits().div_ceil(8) as usize;
    if page.predictor == Predictor::Float {
        for i in samples..row.len() {
            row[i] = row[i].wrapping_add(row[i - samples]);
        }
        // The highest bytes of all numbers stand first, whatever the order of the others in the file.
        scratch.clear();
        scratch.extend_from_slice(row);
        let numbers = row.len() / size;
        for (number, bytes) in row.chunks_exact_mut(size).enumerate() {
            for (i, byte) in bytes.iter_mut().enumerate() {
                let rank = if cfg!(target_endian = "big") { i } else { size - 1 - i };
                *byte = scratch[rank * numbers + number];
            }
        }
        return;
    }
    let is_native = (endian == Endian::Big) == cfg!(target_endian = "big");
    if !is_native && size > 1 {
        row.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    if page.predictor == Predictor::Horizontal {
        match page.sample {
            Sample::Bits(_) => {
                for i in samples..row.len() {
                    row[i] = row[i].wrapping_add(row[i - samples]);
                }
            }
            Sample::Word => add_up::<2>(row, samples, |a, b| {
                u16::from_ne_bytes(a).wrapping_add(u16::from_ne_bytes(b)).to_ne_bytes()
            }),
            Sample::Float(_) => add_up::<4>(row, samples, |a, b| {
                u32::from_ne_bytes(a).wrapping_add(u32::from_ne_bytes(b)).to_ne_bytes()
            }),
        }
    }
}

/// Adds to each number of N bytes the one of the pixel before it.
fn add_up<const N: usize>(row: &mut [u8], samples: usize, add: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
    let (numbers, _) = row.as_chunks_mut::<N>();
    for i in samples..numbers.len() {
        numbers[i] = add(numbers[i], numbers[i - samples]);
    }
}
