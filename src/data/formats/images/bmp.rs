//! Headers of BMP files, checked against the length of the file before the decoder sees it; those whose colours are all grey are
//! pictures in grey.

use std::io::Read;

use image::codecs::bmp::BmpDecoder;

use super::damage::damage;
use super::decoders::refusal;
use super::file::{PictureFile, PictureReader};
use super::header::{BUFFERS, ImageHeader, described};
use crate::error::{Error, Result};

/// Most pixels out of a byte where they are packed: runs of 255 take two bytes, and rows may be passed over.
const MOST_PIXELS_PACKED: u64 = 8192;

/// The header of a file.
pub fn header(file: &PictureFile<'_>) -> Result<ImageHeader> {
    let (path, length, mut start) = (file.path, file.length, [0; 54]);
    let there = file.start().len().min(54);
    if there < 26 {
        return Err(damage(path, std::io::ErrorKind::UnexpectedEof.into()));
    }
    start[..there].copy_from_slice(&file.start()[..there]);
    let four = |at: usize| u32::from_le_bytes([start[at], start[at + 1], start[at + 2], start[at + 3]]);
    let two = |at: usize| u64::from(u16::from_le_bytes([start[at], start[at + 1]]));
    let is_old = four(14) == 12;
    let (bits, packing) = if is_old { (two(24), 0) } else { (two(28), four(30)) };
    let is_packed = matches!(packing, 1 | 2);
    let most = length.saturating_mul(if is_packed { MOST_PIXELS_PACKED } else { 8 });
    let mut decoder = decoder(file)?;
    let header = described(path, &mut decoder, most, BUFFERS)?;
    let needed = (header.width as u64 * bits).div_ceil(32) * 4 * header.height as u64;
    let there = length.saturating_sub(four(10).into());
    if !is_packed && needed > there {
        let fact =
            format!("{}×{} pixels need {needed} bytes, {there} are there", header.width, header.height);
        return Err(Error::input(path, format!("{fact}; it is truncated; copy or download it anew")));
    }
    let colours = match (bits, four(46)) {
        (1..=8, _) if is_old => 1 << bits,
        (1..=8, 0) => 1 << bits,
        (1..=8, used) => used.min(1 << bits),
        _ => return Ok(header),
    };
    let size = if is_old { 3 } else { 4 };
    let mut table = vec![0; colours as usize * size];
    let place = 14 + u64::from(four(14));
    file.range(place, length).read_exact(&mut table).map_err(|error| damage(path, error))?;
    let is_grey = table.chunks_exact(size).all(|colour| colour[0] == colour[1] && colour[1] == colour[2]);
    Ok(ImageHeader { channels: if is_grey { 1 } else { header.channels }, ..header })
}

/// A decoder of a file.
pub fn decoder<'a>(file: &'a PictureFile<'a>) -> Result<BmpDecoder<PictureReader<'a>>> {
    BmpDecoder::new(file.reader()).map_err(|error| refusal(file.path, &error))
}
