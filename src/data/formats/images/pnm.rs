//! PNM files: bitmaps (PBM), grey (PGM) and colours (PPM), their numbers in bytes or in digits. Numbers up to another largest one
//! than 255 or 65 535 are brought to these, as Pillow does.

use std::io::{self, BufRead, Read};

use image::metadata::Orientation;

use super::damage::{damage, damaged, numbers};
use super::file::PictureFile;
use super::header::{BUFFERS, ImageHeader, check_size};
use crate::data::pixels::{PixelData, Pixels};
use crate::error::{Error, Result};

/// Most bytes of a header, its comments included.
const LONGEST_HEADER: u64 = 64 << 10;

/// What stands before the numbers.
struct PnmHeader {
    width: usize,
    height: usize,
    /// 1 or 3.
    channels: usize,
    /// White; 1 in bitmaps, where it is 0.
    largest: u32,
    is_bitmap: bool,
    /// Whether numbers are spelled in digits.
    is_text: bool,
    /// Bytes.
    length: u64,
}

impl PnmHeader {
    fn is_wide(&self) -> bool {
        self.largest > 255
    }

    /// Fewest bytes of the numbers.
    fn least(&self) -> u64 {
        let count = (self.width * self.height * self.channels) as u64;
        match (self.is_bitmap, self.is_text) {
            (true, false) => (self.width.div_ceil(8) * self.height) as u64,
            (false, false) => count * if self.is_wide() { 2 } else { 1 },
            (true, true) => count,
            // A digit, and what parts it from the next.
            (false, true) => 2 * count - 1,
        }
    }
}

/// The header of a file.
pub fn header(file: &PictureFile<'_>) -> Result<ImageHeader> {
    let header = read_header(file)?;
    let (needed, there) = (header.least(), file.length.saturating_sub(header.length));
    if needed > there {
        let fact =
            format!("{}×{} pixels need {needed} bytes, {there} are there", header.width, header.height);
        return Err(Error::input(file.path, format!("{fact}; it is truncated; copy or download it anew")));
    }
    let PnmHeader { width, height, channels, .. } = header;
    Ok(ImageHeader {
        width,
        height,
        channels,
        orientation: Orientation::NoTransforms,
        pixel: channels * if header.is_wide() { 2 } else { 1 },
        decoder: BUFFERS + (2 * width * channels) as u64,
        is_float: false,
        count: 1,
    })
}

/// The pixels.
pub fn decode(file: &PictureFile<'_>) -> Result<Pixels> {
    let (path, header) = (file.path, read_header(file)?);
    let from = file.range(header.length, file.length);
    let PnmHeader { width, height, channels, largest, .. } = header;
    let count = width * height * channels;
    let failed = |error| damage(path, error);
    let data = if header.is_wide() {
        let mut words: Vec<u16> = numbers(path, count)?;
        fill(&header, from, &mut words, |x| scaled(x, largest, 65_535) as u16).map_err(failed)?;
        PixelData::Words(words)
    } else {
        let mut bytes: Vec<u8> = numbers(path, count)?;
        if header.is_bitmap {
            fill_bits(&header, from, &mut bytes).map_err(failed)?;
        } else {
            let table: Vec<u8> = (0..=255).map(|x| scaled(x.min(largest), largest, 255) as u8).collect();
            fill(&header, from, &mut bytes, |x| table[x.min(255) as usize]).map_err(failed)?;
        }
        PixelData::Bytes(bytes)
    };
    Ok(Pixels { width, height, stride: channels, channels, data })
}

/// A number of a picture whose white is `largest` in one whose white is `white`.
fn scaled(x: u32, largest: u32, white: u32) -> u32 {
    let x = f64::from(x.min(largest));
    (x / f64::from(largest) * f64::from(white)).round_ties_even() as u32
}

/// Reads the numbers of all pixels but those of bitmaps.
fn fill<T>(
    header: &PnmHeader,
    mut from: impl BufRead,
    out: &mut [T],
    number: impl Fn(u32) -> T,
) -> io::Result<()> {
    if header.is_text {
        for x in out {
            *x = number(spelled(&mut from)?);
        }
        return Ok(());
    }
    let size = if header.is_wide() { 2 } else { 1 };
    let mut row = vec![0; header.width * header.channels * size];
    for line in out.chunks_exact_mut(header.width * header.channels) {
        from.read_exact(&mut row)?;
        for (x, bytes) in line.iter_mut().zip(row.chunks_exact(size)) {
            *x = number(bytes.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)));
        }
    }
    Ok(())
}

/// Reads the pixels of a bitmap, in which 1 is black.
fn fill_bits(header: &PnmHeader, mut from: impl BufRead, out: &mut [u8]) -> io::Result<()> {
    let shown = |bit: u8| if bit == 0 { 255 } else { 0 };
    if header.is_text {
        for x in out {
            let mut digit = [b' '];
            while digit[0].is_ascii_whitespace() {
                from.read_exact(&mut digit)?;
            }
            *x = match digit[0] {
                b'0' | b'1' => shown(digit[0] - b'0'),
                _ => return Err(no_digit()),
            };
        }
        return Ok(());
    }
    let mut row = vec![0; header.width.div_ceil(8)];
    for line in out.chunks_exact_mut(header.width) {
        from.read_exact(&mut row)?;
        for (i, x) in line.iter_mut().enumerate() {
            *x = shown(row[i / 8] >> (7 - i % 8) & 1);
        }
    }
    Ok(())
}

/// The next number in digits.
fn spelled(from: &mut impl BufRead) -> io::Result<u32> {
    let mut value: Option<u32> = None;
    loop {
        let Some(&byte) = from.fill_buf()?.first() else {
            return value.ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        };
        match (byte, value) {
            (b'0'..=b'9', _) => {
                let digit = u32::from(byte - b'0');
                value = value.unwrap_or(0).checked_mul(10).and_then(|x| x.checked_add(digit));
                if value.is_none() {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a number that is too large"));
                }
            }
            (white, None) if white.is_ascii_whitespace() => {}
            (white, Some(value)) if white.is_ascii_whitespace() => {
                from.consume(1);
                return Ok(value);
            }
            _ => return Err(no_digit()),
        }
        from.consume(1);
    }
}

fn no_digit() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "something else than digits among its numbers")
}

fn read_header(file: &PictureFile<'_>) -> Result<PnmHeader> {
    let path = file.path;
    let failed = |error: io::Error| damage(path, error);
    let mut from = file.range(0, LONGEST_HEADER);
    let mut kind = [0; 2];
    from.read_exact(&mut kind).map_err(failed)?;
    let kind = kind[1].wrapping_sub(b'0');
    let mut at = 2;
    let mut next = || header_number(&mut from, &mut at).map_err(failed);
    let (width, height) = (next()?, next()?);
    let is_bitmap = matches!(kind, 1 | 4);
    let largest = if is_bitmap { 1 } else { next()? };
    let channels = if matches!(kind, 3 | 6) { 3 } else { 1 };
    check_size(path, (width.into(), height.into()), channels)?;
    if !(1..=65_535).contains(&largest) {
        return Err(damaged(path, &format!("a largest number of {largest}, which is not within 1 to 65535")));
    }
    Ok(PnmHeader {
        width: width as usize,
        height: height as usize,
        channels: channels as usize,
        largest,
        is_bitmap,
        is_text: kind <= 3,
        length: at,
    })
}

/// The next number of a header, and the one white space behind it; comments are passed over.
fn header_number(from: &mut impl BufRead, at: &mut u64) -> io::Result<u32> {
    let mut digits = String::new();
    let mut is_comment = false;
    loop {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        *at += 1;
        match byte[0] {
            b'\n' | b'\r' if is_comment => is_comment = false,
            _ if is_comment => {}
            b'#' => is_comment = true,
            white if white.is_ascii_whitespace() && digits.is_empty() => {}
            white if white.is_ascii_whitespace() => break,
            digit @ b'0'..=b'9' if digits.len() < 10 => digits.push(digit.into()),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a header of something else than numbers",
                ));
            }
        }
    }
    digits.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a number that is too large"))
}
