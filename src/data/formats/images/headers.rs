//! The headers of picture files of every kind: read by what the kind needs, and for PNG and JPEG here.

use std::io::{self, BufRead, Seek};
use std::path::Path;

use super::content::kind_of;
use super::decoders::{self, MOST_EXTRAS};
use super::file::PictureFile;
use super::header::{BUFFERS, ImageHeader, LONGEST_HEADERS, MOST_INFLATION, described};
use super::kind::ImageKind;
use super::{bmp, gif, jpeg, pnm, tiff, webp};
use crate::error::{Error, Result};

/// Most pixels out of a byte: all that deflate makes of it, eight of them in one byte.
const MOST_PIXELS_PNG: u64 = 8 * MOST_INFLATION;
/// Most pixels out of a byte: a block of 64 takes a bit at least, and may stand for 4×4 of them.
const MOST_PIXELS_JPEG: u64 = 8 * 64 * 16;

/// Reads the headers of a file.
pub fn header(path: &Path) -> Result<ImageHeader> {
    header_of(&PictureFile::open(path)?)
}

/// Reads the headers of an open file.
pub fn header_of(file: &PictureFile<'_>) -> Result<ImageHeader> {
    match kind_of(file)? {
        ImageKind::Tiff => tiff::header(file),
        ImageKind::WebP => webp::header(file),
        ImageKind::Bmp => bmp::header(file),
        ImageKind::Gif => gif::header(file),
        ImageKind::Pnm => pnm::header(file),
        ImageKind::Png => {
            let extras = check_png(file.path, file.reader())?;
            let mut decoder = decoders::png(file)?;
            let most = file.length.saturating_mul(MOST_PIXELS_PNG);
            described(file.path, &mut decoder, most, extras + BUFFERS)
        }
        ImageKind::Jpeg => jpeg_header(file),
    }
}

fn jpeg_header(file: &PictureFile<'_>) -> Result<ImageHeader> {
    let headers = jpeg_headers(file)?;
    let mut decoder = decoders::jpeg(file, headers.length)?;
    // The decoder holds the whole image, which ends where the file does but in large files with something behind.
    let end = if file.length > LONGEST_HEADERS { jpeg_end(file)? } else { file.length };
    let own = end + headers.decoder_bytes() + BUFFERS;
    let header = described(file.path, &mut decoder, end.saturating_mul(MOST_PIXELS_JPEG), own)?;
    let needless = end.saturating_sub(LONGEST_HEADERS);
    if needless > header.width as u64 * header.height as u64 * 12 {
        let fact = format!("{end} bytes are more than a picture of its size needs");
        return Err(Error::input(file.path, format!("{fact}; save it anew, as PNG for example")));
    }
    Ok(header)
}

/// Most bytes of what stands before the pixels of a PNG, unpacked. Refuses a palette that ends within a colour: the decoder
/// (png 0.18) would look for the rest of it, and panic. Whatever else is wrong is told by the decoder.
fn check_png(path: &Path, mut file: impl BufRead + Seek) -> Result<u64> {
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

fn jpeg_headers(file: &PictureFile<'_>) -> Result<jpeg::JpegHeaders> {
    let path = file.path;
    let headers = jpeg::headers(&mut file.reader()).map_err(|error| Error::io("read", path, error))?;
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
pub fn jpeg_end(file: &PictureFile<'_>) -> Result<u64> {
    let path = file.path;
    let end = jpeg::end(&mut file.reader()).map_err(|error| Error::io("read", path, error))?;
    end.ok_or_else(|| Error::input(path, "the end of the JPEG image is missing; it is truncated"))
}
