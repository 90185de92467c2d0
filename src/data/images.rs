//! PNG and JPEG files, one or a folder full.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};
use rayon::prelude::*;

use super::Picture;
use crate::error::{Error, Result};

/// Widest and highest picture that is decoded, pixels.
const LARGEST_SIDE: u32 = 32_768;
/// Most memory that a decoder may take for one picture, bytes.
const MOST_MEMORY: u64 = 1 << 30;
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
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
        decode(path, &bytes)
    };
    // Collected first, so that of several bad files the first by name is reported.
    files.par_iter().map(read).collect::<Vec<_>>().into_iter().collect()
}

/// The files of a folder that are images by name or by content, sorted by name.
fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
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
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    read.map_err(|error| Error::io("read", path, error))?;
    Ok(recognised(&start).is_some())
}

/// Decodes the bytes of the image `path` to [0, 1]; transparency is ignored.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Picture> {
    let Some(format) = recognised(bytes) else {
        return Err(Error::input(path, "named as an image, but neither PNG nor JPEG; convert it to PNG"));
    };
    if format == ImageFormat::Jpeg && !jpeg_ends(bytes) {
        return Err(Error::input(path, "the end of the JPEG image is missing; it is truncated"));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let image = reader.decode().map_err(|error| refusal(path, &error))?;
    Ok(picture(path.to_owned(), &image))
}

/// The decoder's error in our words; its innermost cause is the one that says something.
fn refusal(path: &Path, error: &ImageError) -> Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string().replace('\n', " ");
    let reason = match error {
        ImageError::Limits(_) => {
            let gib = MOST_MEMORY >> 30;
            format!(
                "larger than {LARGEST_SIDE} pixels a side, or than {gib} GiB decoded; cut it or scale it down"
            )
        }
        ImageError::Unsupported(_) => {
            format!("a kind of image that is not read ({cause}); convert it to plain PNG")
        }
        _ => format!("cannot be decoded ({}); it is truncated or damaged", cause.trim_end_matches('.')),
    };
    Error::input(path, reason)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    limits
}

/// Whether the last scan of a JPEG file is closed by an end marker. The decoder fills what is missing with grey and
/// says nothing; within a scan neither marker can occur.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xda]) < last([0xff, 0xd9])
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
