//! PNG and JPEG files: what their headers say, and their pixels. Sizes of headers are checked against what can come out of
//! the file, and nothing is decoded for a header.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};

use super::jpeg;
use super::pixels::{Numbers, Pixels};
use crate::error::{Error, Result};
use crate::io::safe_open;

/// Widest and highest picture that is decoded, pixels.
pub const LARGEST_SIDE: u32 = 32_768;
/// Most numbers that a picture may have, channels included: 2²⁸.
const MOST_NUMBERS: u64 = 1 << 28;
/// Most memory that a PNG decoder may take besides the pixels: comments, colour profiles, a row.
const MOST_EXTRAS: u64 = 16 << 20;
/// Bytes within which the headers of a JPEG file must end.
const LONGEST_HEADERS: u64 = 16 << 20;
/// Most pixels out of a byte: what deflate makes of it, eight of them in one byte.
const MOST_PIXELS_PNG: u64 = 8 * MOST_INFLATION;
/// Most bytes that deflate makes of one.
const MOST_INFLATION: u64 = 1032;
/// Most pixels out of a byte: a block of 64 takes a bit at least, and may stand for 4×4 of them.
const MOST_PIXELS_JPEG: u64 = 8 * 64 * 16;
/// Buffers of files and of inflation, tables of codes.
const BUFFERS: u64 = 256 << 10;
/// What files and folders of images may hold.
const ACCEPTED: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];

/// The format of `bytes`, if it is one that is read.
pub fn recognised(bytes: &[u8]) -> Option<ImageFormat> {
    image::guess_format(bytes).ok().filter(|format| ACCEPTED.contains(format))
}

/// What the headers of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels across, as the picture is shown.
    pub width: usize,
    /// Pixels down, as the picture is shown.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// How the picture has to be turned to be shown.
    orientation: Orientation,
    /// Bytes of a pixel as it is decoded, transparency included.
    pixel: usize,
    /// Most bytes that the decoder takes besides the decoded pixels.
    decoder: u64,
}

impl Header {
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
pub fn header(path: &Path) -> Result<Header> {
    let (file, held) = safe_open::open(path)?;
    header_of(path, &file, held)
}

/// Reads the headers of an open file of `held` bytes.
pub fn header_of(path: &Path, file: &File, held: u64) -> Result<Header> {
    match format(path, file)? {
        ImageFormat::Png => {
            let extras = check_png(path, from_start(path, file)?)?;
            let mut decoder = png(path, file)?;
            described(path, &mut decoder, held.saturating_mul(MOST_PIXELS_PNG), extras + BUFFERS)
        }
        _ => {
            let headers = jpeg_headers(path, file)?;
            let mut decoder = jpeg(path, file, headers.length)?;
            // The decoder holds the whole image, which ends where the file does but in large files with something behind.
            let end = if held > LONGEST_HEADERS { jpeg_end(path, file)? } else { held };
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

/// Decodes the pixels of a file that was found to have these headers; transparency is ignored.
pub fn decode(path: &Path, expected: &Header) -> Result<Pixels> {
    let (file, held) = safe_open::open(path)?;
    if header_of(path, &file, held)? != *expected {
        return Err(Error::input(path, "it has changed since it was looked at; start again"));
    }
    let failed = |error| refusal(path, &error);
    let mut image = match format(path, &file)? {
        ImageFormat::Png => DynamicImage::from_decoder(png(path, &file)?).map_err(failed)?,
        _ => {
            let end = jpeg_end(path, &file)?;
            DynamicImage::from_decoder(jpeg(path, &file, end)?).map_err(failed)?
        }
    };
    image.apply_orientation(expected.orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let stride = usize::from(image.color().channel_count());
    let numbers = match image {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => Numbers::Words(words(image)),
        other => Numbers::Bytes(other.into_bytes()),
    };
    Ok(Pixels { width, height, stride, channels: expected.channels, numbers })
}

/// The numbers of an image of 16 bits.
fn words(image: DynamicImage) -> Vec<u16> {
    match image {
        DynamicImage::ImageLuma16(pixels) => pixels.into_raw(),
        DynamicImage::ImageLumaA16(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgb16(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgba16(pixels) => pixels.into_raw(),
        _ => Vec::new(),
    }
}

/// Which of the two formats it is, by content.
fn format(path: &Path, mut file: &File) -> Result<ImageFormat> {
    let mut start = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(512).read_to_end(&mut start));
    read.map_err(|error| Error::io("read", path, error))?;
    recognised(&start).ok_or_else(|| Error::input(path, not_a_picture(&start)))
}

/// What a file is that is named as a picture and is none, in words with a way out.
fn not_a_picture(start: &[u8]) -> String {
    let text = start.trim_ascii_start().to_ascii_lowercase();
    if start.is_empty() {
        return "is empty, no picture; copy or download it anew, or remove it".to_owned();
    }
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        let fact = "is text (HTML), not a picture: downloaded wrongly?";
        return format!("{fact} download it anew, or remove it");
    }
    if let Some(kind) = super::foreign::kind(start) {
        return format!("named as an image, but neither PNG nor JPEG: {kind}; convert it to PNG");
    }
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return "is text, not a picture, neither PNG nor JPEG; remove it, or give it another name".to_owned();
    }
    "named as an image, but neither PNG nor JPEG; convert it to PNG, or remove it".to_owned()
}

/// The header that a decoder has read; refuses what is larger than can be decoded, or than can come out of the file.
fn described(path: &Path, decoder: &mut impl ImageDecoder, most_pixels: u64, own: u64) -> Result<Header> {
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
    Ok(Header { width, height, channels, orientation, pixel, decoder: own })
}

fn png<'a>(path: &Path, file: &'a File) -> Result<PngDecoder<BufReader<&'a File>>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_EXTRAS);
    PngDecoder::with_limits(from_start(path, file)?, limits).map_err(|error| refusal(path, &error))
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

fn jpeg_headers(path: &Path, file: &File) -> Result<jpeg::Headers> {
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
fn jpeg_end(path: &Path, file: &File) -> Result<u64> {
    let end = jpeg::end(&mut from_start(path, file)?).map_err(|error| Error::io("read", path, error))?;
    end.ok_or_else(|| Error::input(path, "the end of the JPEG image is missing; it is truncated"))
}

/// A decoder that is given the first `length` bytes of the file.
fn jpeg<'a>(path: &Path, file: &'a File, length: u64) -> Result<JpegDecoder<Start<'a>>> {
    let start = Start { bytes: from_start(path, file)?.take(length) };
    JpegDecoder::new(start).map_err(|error| refusal(path, &error))
}

/// The first bytes of a file, read at once into no more memory than they take.
struct Start<'a> {
    bytes: Take<BufReader<&'a File>>,
}

impl Read for Start<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(out)
    }

    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        out.try_reserve_exact(usize::try_from(self.bytes.limit()).unwrap_or(usize::MAX))?;
        self.bytes.read_to_end(out)
    }
}

impl BufRead for Start<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for Start<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

fn from_start<'a>(path: &Path, mut file: &'a File) -> Result<BufReader<&'a File>> {
    file.seek(SeekFrom::Start(0)).map_err(|error| Error::io("read", path, error))?;
    Ok(BufReader::new(file))
}

/// Whether an orientation makes columns of rows.
fn swaps(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The decoder's error in our words; its innermost cause is the one that says something.
fn refusal(path: &Path, error: &ImageError) -> Error {
    if let ImageError::IoError(system) = error
        && let Some(code) = system.raw_os_error()
    {
        return Error::io("read", path, io::Error::from_raw_os_error(code));
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string().replace('\n', " ");
    let reason = match error {
        ImageError::Limits(_) => {
            let mib = MOST_EXTRAS >> 20;
            let fact =
                format!("more than {LARGEST_SIDE} pixels a side, or {mib} MiB of comments and profiles");
            format!("{fact}; scale it down, or save it without them")
        }
        ImageError::Unsupported(_) => {
            format!("a kind of image that is not read ({cause}); convert it to plain PNG")
        }
        _ => format!("cannot be decoded ({}); it is truncated or damaged", cause.trim_end_matches('.')),
    };
    Error::input(path, reason)
}
