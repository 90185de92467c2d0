//! Pictures by content, and the likely kind of a file that is named so and is none.

use std::path::Path;

use super::file::PictureFile;
use super::kind::{ImageKind, names};
use crate::data::formats::unsupported;
use crate::error::{Error, Result};

/// The kind of an open file, by content.
pub fn kind_of(file: &PictureFile<'_>) -> Result<ImageKind> {
    let start = &file.start()[..file.start().len().min(512)];
    ImageKind::of(start).ok_or_else(|| Error::input(file.path, not_a_picture(file.path, start)))
}

/// The likely kind of a file that is named as a picture and is none, in words with a way out.
fn not_a_picture(path: &Path, start: &[u8]) -> String {
    let text = start.trim_ascii_start().to_ascii_lowercase();
    if start.is_empty() {
        return "is empty, no picture; copy or download it anew, or remove it".to_owned();
    }
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        let fact = "is text (HTML), not a picture: downloaded wrongly?";
        return format!("{fact} download it anew, or remove it");
    }
    if let Some(kind) = unsupported::kind(start) {
        let line = unsupported::remedy(kind, path);
        return format!("named as an image, but of a kind that is not read: {kind}; {line}");
    }
    let fact = format!("but none that is read ({})", names());
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return format!("is text, named as an image, {fact}; remove it, or give it another name");
    }
    format!("named as an image, {fact}; save it anew as PNG, or remove it")
}
