//! Headers of PNG and JPEG files: sizes, checked against what can come out of the file. Nothing is decoded for a header.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat};

use super::content::format;
use super::decoders::{self, LARGEST_SIDE, MOST_EXTRAS, from_start, refusal};
use super::jpeg;
use crate::error::{Error, Result};
use crate::io::safe_open;

/// Most numbers that a picture may have, channels included: 2²⁸.
const MOST_NUMBERS: u64 = 1 << 28;
/// Bytes within which the headers of a JPEG file must end.
const LONGEST_HEADERS: u64 = 16 << 20;
/// Most pixels out of a byte: all that deflate makes of it, eight of them in one byte.
const MOST_PIXELS_PNG: u64 = 8 * MOST_INFLATION;
/// Most bytes that deflate makes of one.
const MOST_INFLATION: u64 = 1032;
/// Most pixels out of a byte: a block of 64 takes a bit at least, and may stand for 4×4 of them.
const MOST_PIXELS_JPEG: u64 = 8 * 64 * 16;
/// Buffers of files and of inflation, tables of codes.
const BUFFERS: u64 = 256 << 10;

/// The headers of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// Pixels across, as the picture is shown.
    pub width: usize,
    /// Pixels down, as the picture is shown.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// How the picture has to be turned to be shown.
    pub(super) orientation: Orientation,
    /// Bytes of a pixel as it is decoded, transparency included.
    pixel: usize,
    /// Most bytes that the decoder takes besides the decoded pixels.
    decoder: u64,
}

impl ImageHeader {
    /// Whether the file asks for the picture to be turned or mirrored.
    pub fn is_turned(&self) -> bool {
        self.orientation != Orientation::NoTransforms
    }

    /// Bytes of the decoded pixels.
    pub fn decoded(&self) -> u64 {
        (self.width * self.height * self.pixel) as u64
    }

    /// Most bytes that decoding takes, the decoded pixels included.
    pub fn decoding(&self) -> u64 {
        // Turned by a quarter, the pixels are copied.
        let copy = if swaps(self.orientation) { self.decoded() } else { 0 };
        self.decoded() + self.decoder.max(copy)
    }
}

/// Reads the headers of a file.
pub fn header(path: &Path) -> Result<ImageHeader> {
    let (file, length) = safe_open::open(path)?;
    header_of(path, &file, length)
}

/// Reads the headers of an open file of `length` bytes.
pub fn header_of(path: &Path, file: &File, length: u64) -> Result<ImageHeader> {
    match format(path, file)? {
        ImageFormat::Png => {
            let extras = check_png(path, from_start(path, file)?)?;
            let mut decoder = decoders::png(path, file)?;
            described(path, &mut decoder, length.saturating_mul(MOST_PIXELS_PNG), extras + BUFFERS)
        }
        _ => {
            let headers = jpeg_headers(path, file)?;
            let mut decoder = decoders::jpeg(path, file, headers.length)?;
            // The decoder holds the whole image, which ends where the file does but in large files with something behind.
            let end = if length > LONGEST_HEADERS { jpeg_end(path, file)? } else { length };
            let own = end + headers.decoder_bytes() + BUFFERS;
            let header = described(path, &mut decoder, end.saturating_mul(MOST_PIXELS_JPEG), own)?;
            let needless = end.saturating_sub(LONGEST_HEADERS);
            if needless > header.width as u64 * header.height as u64 * 12 {
                let fact = format!("{end} bytes are more than a picture of its size needs");
                return Err(Error::input(path, format!("{fact}; save it anew, as PNG for example")));
            }
            Ok(header)
        }
    }
}

/// The header that a decoder has read; refuses what is larger than can be decoded, or than can come out of the file.
fn described(
    path: &Path,
    decoder: &mut impl ImageDecoder,
    most_pixels: u64,
    own: u64,
) -> Result<ImageHeader> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let pixels = u64::from(width) * u64::from(height);
    let numbers = pixels * u64::from(color.channel_count());
    let refused = if width.max(height) > LARGEST_SIDE || numbers > MOST_NUMBERS {
        let most = format!("more than {LARGEST_SIDE} pixels a side or {MOST_NUMBERS} numbers");
        Some((most, "cut it or scale it down"))
    } else if pixels > most_pixels {
        Some(("more than can come out of so short a file".to_owned(), "it is truncated or damaged"))
    } else {
        None
    };
    if let Some((what, remedy)) = refused {
        return Err(Error::input(path, format!("{width}×{height} pixels, {what}; {remedy}")));
    }
    let orientation = decoder.orientation().map_err(|error| refusal(path, &error))?;
    let channels = if color.has_color() { 3 } else { 1 };
    let pixel = usize::from(color.bytes_per_pixel());
    let (width, height) = if swaps(orientation) { (height, width) } else { (width, height) };
    let (width, height) = (width as usize, height as usize);
    Ok(ImageHeader { width, height, channels, orientation, pixel, decoder: own })
}

/// Most bytes of what stands before the pixels of a PNG, unpacked. Refuses a palette that ends within a colour: the decoder
/// (png 0.18) would look for the rest of it, and panic. Whatever else is wrong is told by the decoder.
fn check_png(path: &Path, mut file: BufReader<&File>) -> Result<u64> {
    let mut next = |skipped: i64| -> io::Result<(u32, [u8; 4])> {
        file.seek_relative(skipped)?;
        let (mut length, mut kind) = ([0; 4], [0; 4]);
        file.read_exact(&mut length).and_then(|()| file.read_exact(&mut kind))?;
        Ok((u32::from_be_bytes(length), kind))
    };
    // Behind the signature; then behind a chunk's content and its checksum.
    let (mut skipped, mut extras) = (8, 0u64);
    while let Ok((length, kind)) = next(skipped) {
        match &kind {
            b"PLTE" if length % 3 != 0 => {
                let fact = format!("its palette (PLTE) has {length} bytes, which is no number of colours");
                return Err(Error::input(path, format!("{fact}; save it anew")));
            }
            b"IDAT" => break,
            _ => skipped = i64::from(length) + 4,
        }
        let inflation = if &kind == b"iCCP" { MOST_INFLATION } else { 1 };
        extras = extras.saturating_add(u64::from(length) * inflation);
    }
    Ok(extras.min(MOST_EXTRAS))
}

fn jpeg_headers(path: &Path, file: &File) -> Result<jpeg::JpegHeaders> {
    let headers =
        jpeg::headers(&mut from_start(path, file)?).map_err(|error| Error::io("read", path, error))?;
    let headers = headers.ok_or_else(|| {
        Error::input(
            path,
            "cannot be decoded: no scan of the JPEG image is there; it is truncated or damaged",
        )
    })?;
    if headers.length > LONGEST_HEADERS {
        let mib = LONGEST_HEADERS >> 20;
        return Err(Error::input(
            path,
            format!("more than {mib} MiB of headers; save it without its comments"),
        ));
    }
    Ok(headers)
}

/// The bytes up to the end of the image.
pub fn jpeg_end(path: &Path, file: &File) -> Result<u64> {
    let end = jpeg::end(&mut from_start(path, file)?).map_err(|error| Error::io("read", path, error))?;
    end.ok_or_else(|| Error::input(path, "the end of the JPEG image is missing; it is truncated"))
}

/// Whether an orientation makes columns of rows.
fn swaps(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}
