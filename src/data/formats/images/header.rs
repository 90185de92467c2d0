//! The header of a picture file: its size, checked against what can come out of the file, and the memory that decoding takes.

use std::path::Path;

use image::ImageDecoder;
use image::metadata::Orientation;

use super::decoders::{LARGEST_SIDE, refusal};
use crate::error::{Error, Result};

/// Most numbers that a picture may have, channels included: 2²⁸.
const MOST_NUMBERS: u64 = 1 << 28;
/// Bytes within which the headers of a JPEG file must end, and of EXIF data.
pub const LONGEST_HEADERS: u64 = 16 << 20;
/// Most bytes that deflate makes of one.
pub const MOST_INFLATION: u64 = 1032;
/// Buffers of files and of inflation, tables of codes.
pub const BUFFERS: u64 = 256 << 10;

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
    pub(super) pixel: usize,
    /// Most bytes that the decoder takes besides the decoded pixels.
    pub(super) decoder: u64,
    /// Whether its numbers are floats, which are taken as they are.
    pub is_float: bool,
    /// Pictures in the file, of which this is the first: pages, or frames of an animation, counted as far as that is cheap.
    pub count: usize,
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

/// The header that a decoder has read; refuses what is larger than can be decoded, or than can come out of the file.
pub fn described(
    path: &Path,
    decoder: &mut impl ImageDecoder,
    most_pixels: u64,
    own: u64,
) -> Result<ImageHeader> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    check_size(path, (width.into(), height.into()), color.channel_count().into())?;
    if u64::from(width) * u64::from(height) > most_pixels {
        let fact = format!("{width}×{height} pixels, more than can come out of so short a file");
        return Err(Error::input(path, format!("{fact}; it is truncated or damaged")));
    }
    let orientation = decoder.orientation().map_err(|error| refusal(path, &error))?;
    let channels = if color.has_color() { 3 } else { 1 };
    let pixel = usize::from(color.bytes_per_pixel());
    let (width, height) = if swaps(orientation) { (height, width) } else { (width, height) };
    let (width, height) = (width as usize, height as usize);
    Ok(ImageHeader { width, height, channels, orientation, pixel, decoder: own, is_float: false, count: 1 })
}

/// Refuses a picture without pixels, or with more than are decoded.
pub fn check_size(path: &Path, (width, height): (u64, u64), channels: u64) -> Result<()> {
    if width.min(height) == 0 {
        return Err(Error::input(
            path,
            format!("{width}×{height} pixels, so that it holds nothing; leave it out"),
        ));
    }
    let side = width.max(height);
    if side > LARGEST_SIDE.into() || width * height * channels > MOST_NUMBERS {
        let fact = format!(
            "{width}×{height} pixels, more than {LARGEST_SIDE} pixels a side or {MOST_NUMBERS} numbers"
        );
        return Err(Error::input(path, format!("{fact}; cut it or scale it down")));
    }
    Ok(())
}

/// Whether an orientation makes columns of rows.
pub fn swaps(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}
