//! PNG and JPEG files, one or a folder full.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};
use rayon::prelude::*;

use super::Picture;
use crate::error::{Error, Result};
use crate::input;
use crate::memory::{Bytes, available};

/// Widest and highest picture that is decoded, pixels.
const LARGEST_SIDE: u32 = 32_768;
/// Most numbers that a picture may have, channels included: 1 GiB of them.
const MOST_NUMBERS: u64 = 1 << 28;
/// Most memory that a PNG decoder may take besides the pixels: comments, colour profiles, a row.
const MOST_EXTRAS: u64 = 16 << 20;
/// Bytes within which the headers of a JPEG file must end.
const LONGEST_HEADERS: u64 = 16 << 20;
/// Most pixels out of a byte: what deflate makes of it, eight of them in one byte.
const MOST_PIXELS_PNG: u64 = 8 * 1032;
/// Most pixels out of a byte: a block of 64 takes a bit at least, and may stand for 4×4 of them.
const MOST_PIXELS_JPEG: u64 = 8 * 64 * 16;
/// What files and folders of images may hold.
const ACCEPTED: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];

/// The format of `bytes`, if it is one that is read.
pub fn recognised(bytes: &[u8]) -> Option<ImageFormat> {
    image::guess_format(bytes).ok().filter(|format| ACCEPTED.contains(format))
}

/// Decodes all images of a folder in the order of their names; subfolders, hidden files and files that are images
/// neither by name nor by content are passed over.
pub fn read_folder(folder: &Path) -> Result<Vec<Picture>> {
    let files = image_files(folder)?;
    if files.is_empty() {
        let remedy =
            "put some into it (subfolders are not searched), or give a .npy, IDX or safetensors file";
        return Err(Error::input(folder, format!("no PNG or JPEG images in this folder; {remedy}")));
    }
    let room = Room { left: available(), taken: AtomicU64::new(0) };
    let read = |path: &PathBuf| {
        let (file, held) = input::open(path)?;
        let picture = read(path, &file, held)?;
        room.take(folder, &picture)?;
        Ok(picture)
    };
    // Collected first, so that of several bad files the first by name is reported.
    files.par_iter().map(read).collect::<Vec<_>>().into_iter().collect()
}

/// The memory that the pictures of a folder may fill.
struct Room {
    left: Option<Bytes>,
    taken: AtomicU64,
}

impl Room {
    fn take(&self, folder: &Path, picture: &Picture) -> Result<()> {
        let more = size_of_val(&picture.pixels[..]) as u64;
        let taken = more + self.taken.fetch_add(more, Ordering::Relaxed);
        match self.left.filter(|left| left.0 < taken) {
            Some(left) => {
                let fact = format!("its images take more than the {left} of memory that are free");
                Err(Error::input(folder, format!("{fact}; leave some out or scale them down")))
            }
            None => Ok(()),
        }
    }
}

/// The files of a folder that are images by name or by content, sorted by name.
pub fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("read", folder, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_file() && (ImageFormat::from_path(&path).is_ok() || holds_image(&path)?) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether the first bytes of a file are those of an image.
fn holds_image(path: &Path) -> Result<bool> {
    Ok(recognised(&start_of(path, &input::open(path)?.0)?).is_some())
}

fn start_of(path: &Path, mut file: &File) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(16).read_to_end(&mut start));
    read.map_err(|error| Error::io("read", path, error))?;
    Ok(start)
}

/// Decodes an image of `held` bytes to [0, 1]; transparency is ignored.
pub fn read(path: &Path, file: &File, held: u64) -> Result<Picture> {
    let format = recognised(&start_of(path, file)?);
    let image = match format {
        Some(ImageFormat::Png) => png(path, file, held),
        Some(_) => jpeg(path, file, held),
        None => {
            let fact = "named as an image, but neither PNG nor JPEG";
            Err(Error::input(path, format!("{fact}; convert it to PNG")))
        }
    }?;
    Ok(picture(path.to_owned(), &image))
}

fn png(path: &Path, file: &File, held: u64) -> Result<DynamicImage> {
    let failed = |error| refusal(path, &error);
    check_palette(path, from_start(path, file)?)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_EXTRAS);
    let decoder = PngDecoder::with_limits(from_start(path, file)?, limits).map_err(failed)?;
    check_size(path, &decoder, held.saturating_mul(MOST_PIXELS_PNG))?;
    DynamicImage::from_decoder(decoder).map_err(failed)
}

/// Refuses a PNG palette that ends within a colour: the decoder (png 0.18) would look for the rest of it, and panic.
/// Whatever else is wrong is told by the decoder.
fn check_palette(path: &Path, mut file: BufReader<&File>) -> Result<()> {
    let mut next = |skipped: i64| -> std::io::Result<(u32, [u8; 4])> {
        file.seek_relative(skipped)?;
        let (mut length, mut kind) = ([0; 4], [0; 4]);
        file.read_exact(&mut length).and_then(|()| file.read_exact(&mut kind))?;
        Ok((u32::from_be_bytes(length), kind))
    };
    // Behind the signature; then behind a chunk's content and its checksum.
    let mut skipped = 8;
    while let Ok((length, kind)) = next(skipped) {
        match &kind {
            b"PLTE" if length % 3 != 0 => {
                let fact = format!("its palette (PLTE) has {length} bytes, which is no number of colours");
                return Err(Error::input(path, format!("{fact}; save it anew")));
            }
            b"IDAT" => break,
            _ => skipped = i64::from(length) + 4,
        }
    }
    Ok(())
}

fn jpeg(path: &Path, file: &File, held: u64) -> Result<DynamicImage> {
    let failed = |error| refusal(path, &error);
    let decoder = |most| -> Result<JpegDecoder<_>> {
        JpegDecoder::new(from_start(path, file)?.take(most)).map_err(failed)
    };
    if !jpeg_ends(from_start(path, file)?).map_err(|error| Error::io("read", path, error))? {
        return Err(Error::input(path, "the end of the JPEG image is missing; it is truncated"));
    }
    let mut whole = decoder(LONGEST_HEADERS)?;
    let decoded = check_size(path, &whole, held.saturating_mul(MOST_PIXELS_JPEG))?;
    if held > LONGEST_HEADERS {
        // The decoder holds the whole file: it may be large where the picture is.
        if held - LONGEST_HEADERS > decoded {
            let fact = format!("{held} bytes are more than a picture of its size needs");
            return Err(Error::input(path, format!("{fact}; save it anew, as PNG for example")));
        }
        drop(whole);
        whole = decoder(held)?;
    }
    DynamicImage::from_decoder(whole).map_err(failed)
}

fn from_start<'a>(path: &Path, mut file: &'a File) -> Result<BufReader<&'a File>> {
    file.seek(SeekFrom::Start(0)).map_err(|error| Error::io("read", path, error))?;
    Ok(BufReader::new(file))
}

/// Refuses what is larger than can be decoded, or than can come out of the file; the bytes of the decoded picture.
fn check_size(path: &Path, decoder: &impl ImageDecoder, most_pixels: u64) -> Result<u64> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let numbers = pixels * u64::from(decoder.color_type().channel_count());
    let (what, remedy) = if width.max(height) > LARGEST_SIDE || numbers > MOST_NUMBERS {
        let most = format!("more than {LARGEST_SIDE} pixels a side or {MOST_NUMBERS} numbers");
        (most, "cut it or scale it down")
    } else if pixels > most_pixels {
        ("more than can come out of so short a file".to_owned(), "it is truncated or damaged")
    } else {
        return Ok(numbers * size_of::<f32>() as u64);
    };
    Err(Error::input(path, format!("{width}×{height} pixels, {what}; {remedy}")))
}

/// The decoder's error in our words; its innermost cause is the one that says something.
fn refusal(path: &Path, error: &ImageError) -> Error {
    if let ImageError::IoError(system) = error
        && let Some(code) = system.raw_os_error()
    {
        return Error::io("read", path, std::io::Error::from_raw_os_error(code));
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

/// Whether the last scan of a JPEG file is closed by an end marker. The decoder fills what is missing with grey and
/// says nothing; within a scan neither marker can occur.
fn jpeg_ends(mut file: impl BufRead) -> std::io::Result<bool> {
    const MARK: u8 = 0xff;
    let (mut before, mut ends) = (0, false);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(ends);
        }
        for &byte in bytes {
            match (before, byte) {
                (MARK, 0xda) => ends = false,
                (MARK, 0xd9) => ends = true,
                _ => {}
            }
            before = byte;
        }
        let read = bytes.len();
        file.consume(read);
    }
}

fn picture(name: PathBuf, image: &DynamicImage) -> Picture {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (channels, pixels) = if image.color().has_color() {
        (3, image.to_rgb32f().into_raw())
    } else {
        (1, image.to_luma32f().into_raw())
    };
    Picture { name, width, height, channels, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_images_fill_the_memory_is_refused_with_what_there_is() {
        let room = Room { left: Some(Bytes(100)), taken: AtomicU64::new(0) };
        let name = PathBuf::from("a.png");
        let picture = Picture { name, width: 4, height: 4, channels: 1, pixels: vec![0.0; 16] };
        room.take(Path::new("photos"), &picture).unwrap();
        let error = room.take(Path::new("photos"), &picture).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(
            error.to_string().starts_with("photos: its images take more than the 100 B of memory"),
            "{error}"
        );
    }
}
