//! The outline of a WebP file: its chunks by their lengths, checked against the file, before the decoder sees any of them. Of an
//! animation the first frame is read.

use std::io::Read;

use image::codecs::webp::WebPDecoder;

use super::damage::{damage, damaged};
use super::decoders::refusal;
use super::file::{PictureFile, PictureReader};
use super::header::{BUFFERS, ImageHeader, LONGEST_HEADERS, described};
use crate::error::{Error, Result};

/// Most pixels out of a byte: a block of 256 takes some bits at least.
const MOST_PIXELS_LOSSY: u64 = 4096;
/// The same without loss, where a colour may go on for ever: beyond the first million of pixels.
const MOST_PIXELS_LOSSLESS: u64 = 16_384;
const FIRST_PIXELS_LOSSLESS: u64 = 1 << 20;
/// Most chunks that are walked through.
const MOST_CHUNKS: usize = 100_000;

/// The outline.
struct Outline {
    /// Bytes of the chunk of pixels, of that of transparency and of frames.
    pixels: u64,
    is_lossless: bool,
    frames: usize,
    /// Whether transparency lies beside the pixels.
    has_alpha: bool,
}

/// The header of a file.
pub fn header(file: &PictureFile<'_>) -> Result<ImageHeader> {
    let (length, outline) = (file.length, outline(file)?);
    let mut decoder = decoder(file)?;
    let most = if outline.is_lossless {
        FIRST_PIXELS_LOSSLESS + length.saturating_mul(MOST_PIXELS_LOSSLESS)
    } else {
        length.saturating_mul(MOST_PIXELS_LOSSY)
    };
    let header = described(file.path, &mut decoder, most, 0)?;
    let pixels = (header.width * header.height) as u64;
    // Planes of a frame with loss, four numbers a pixel and tables for blocks of pixels without; frames lie on a canvas.
    let lossy = pixels * 2 + 3 * outline.pixels;
    let lossless = pixels * 6 + 2 * outline.pixels;
    let own = match (outline.is_lossless, outline.has_alpha) {
        (true, _) => lossless,
        (false, true) => lossy + lossless,
        (false, false) => lossy,
    };
    let canvas = if outline.frames > 0 { pixels * 8 } else { 0 };
    Ok(ImageHeader { decoder: own + canvas + BUFFERS, count: outline.frames.max(1), ..header })
}

/// A decoder of a file whose outline has been looked at.
pub fn decoder<'a>(file: &'a PictureFile<'a>) -> Result<WebPDecoder<PictureReader<'a>>> {
    WebPDecoder::new(file.reader()).map_err(|error| refusal(file.path, &error))
}

fn outline(file: &PictureFile<'_>) -> Result<Outline> {
    let (path, length) = (file.path, file.length);
    let (_, riff) = chunk(file, 0)?;
    if 8 + riff > length {
        return Err(damage(path, std::io::ErrorKind::UnexpectedEof.into()));
    }
    let mut outline = Outline { pixels: 0, is_lossless: false, frames: 0, has_alpha: false };
    let (mut at, end) = (12, 8 + riff);
    let mut count = 0;
    while at + 8 <= end {
        let (name, size) = chunk(file, at)?;
        let next = at + 8 + size + size % 2;
        // The last one may lack the byte that makes it even.
        if at + 8 + size > end {
            return Err(damage(path, std::io::ErrorKind::UnexpectedEof.into()));
        }
        count += 1;
        if count > MOST_CHUNKS {
            return Err(damaged(path, &format!("more than {MOST_CHUNKS} chunks")));
        }
        match &name {
            b"VP8 " => outline.pixels += size,
            b"VP8L" => (outline.pixels, outline.is_lossless) = (outline.pixels + size, true),
            b"ALPH" => (outline.pixels, outline.has_alpha) = (outline.pixels + size, true),
            b"ANMF" => {
                outline.frames += 1;
                if outline.frames == 1 {
                    outline.pixels += size;
                    let (inner, size) = chunk(file, at + 8 + 16)?;
                    outline.has_alpha |= &inner == b"ALPH";
                    outline.is_lossless |= &inner == b"VP8L";
                    if size > length {
                        return Err(damage(path, std::io::ErrorKind::UnexpectedEof.into()));
                    }
                }
            }
            b"EXIF" | b"ANIM" if size > LONGEST_HEADERS => {
                let mib = LONGEST_HEADERS >> 20;
                return Err(Error::input(
                    path,
                    format!("more than {mib} MiB of EXIF data; save it without them"),
                ));
            }
            _ => {}
        }
        at = next;
    }
    Ok(outline)
}

/// The name and the length of the chunk at `at`.
fn chunk(file: &PictureFile<'_>, at: u64) -> Result<([u8; 4], u64)> {
    let mut header = [0; 8];
    let read = file.range(at, file.length).read_exact(&mut header);
    read.map_err(|error| damage(file.path, error))?;
    let [a, b, c, d, size @ ..] = header;
    Ok(([a, b, c, d], u32::from_le_bytes(size).into()))
}
