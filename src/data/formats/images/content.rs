//! PNG and JPEG by content, and the likely kind of a file that is named so and is neither.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use image::ImageFormat;

use crate::data::formats::unsupported;
use crate::error::{Error, Result};

/// Formats of pictures that are read.
const ACCEPTED: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];

/// The format of `bytes`, if it is one that is read.
pub fn recognised(bytes: &[u8]) -> Option<ImageFormat> {
    image::guess_format(bytes).ok().filter(|format| ACCEPTED.contains(format))
}

/// Which of the two formats it is, by content.
pub fn format(path: &Path, mut file: &File) -> Result<ImageFormat> {
    let mut start = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(512).read_to_end(&mut start));
    read.map_err(|error| Error::io("read", path, error))?;
    recognised(&start).ok_or_else(|| Error::input(path, not_a_picture(&start)))
}

/// The likely kind of a file that is named as a picture and is none, in words with a way out.
fn not_a_picture(start: &[u8]) -> String {
    let text = start.trim_ascii_start().to_ascii_lowercase();
    if start.is_empty() {
        return "is empty, no picture; copy or download it anew, or remove it".to_owned();
    }
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        let fact = "is text (HTML), not a picture: downloaded wrongly?";
        return format!("{fact} download it anew, or remove it");
    }
    if let Some(kind) = unsupported::kind(start) {
        return format!("named as an image, but neither PNG nor JPEG: {kind}; convert it to PNG");
    }
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return "is text, not a picture, neither PNG nor JPEG; remove it, or give it another name".to_owned();
    }
    "named as an image, but neither PNG nor JPEG; convert it to PNG, or remove it".to_owned()
}
