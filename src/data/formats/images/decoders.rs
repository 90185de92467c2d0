//! Decoders of PNG and JPEG on open files, with limits of their own, and their errors in our words.

use std::io::{self, BufRead, Read, Seek, SeekFrom, Take};
use std::path::Path;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{ImageError, Limits};

use super::file::{PictureFile, PictureReader};
use crate::data::formats::conversion::as_png;
use crate::error::{Error, Result};

/// Widest and highest picture that is decoded, pixels.
pub const LARGEST_SIDE: u32 = 32_768;
/// Most memory that a PNG decoder may take besides the pixels: comments, colour profiles, a row.
pub const MOST_EXTRAS: u64 = 16 << 20;

pub fn png<'a>(file: &'a PictureFile<'a>) -> Result<PngDecoder<PictureReader<'a>>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_EXTRAS);
    PngDecoder::with_limits(file.reader(), limits).map_err(|error| refusal(file.path, &error))
}

/// A decoder that is given the first `length` bytes of the file.
pub fn jpeg<'a>(file: &'a PictureFile<'a>, length: u64) -> Result<JpegDecoder<FirstBytes<'a>>> {
    let start = FirstBytes { bytes: file.reader().take(length) };
    JpegDecoder::new(start).map_err(|error| refusal(file.path, &error))
}

/// The first bytes of a file, read at once into no more memory than they take.
pub struct FirstBytes<'a> {
    bytes: Take<PictureReader<'a>>,
}

impl Read for FirstBytes<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(out)
    }

    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        out.try_reserve_exact(usize::try_from(self.bytes.limit()).unwrap_or(usize::MAX))?;
        self.bytes.read_to_end(out)
    }
}

impl BufRead for FirstBytes<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for FirstBytes<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// The decoder's error in our words; its innermost cause is the one that says something.
pub fn refusal(path: &Path, error: &ImageError) -> Error {
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
            format!("a kind of image that is not read ({cause}); {}", as_png(path))
        }
        _ => format!("cannot be decoded ({}); it is truncated or damaged", cause.trim_end_matches('.')),
    };
    Error::input(path, reason)
}
