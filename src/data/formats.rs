//! File formats of DATA: one table of all that are read, by content and by name, and their readers, one a file.
//!
//! A new format is a file here with its `FORMAT`, a line in [`Format::ALL`], a line with good files in
//! `tests/hostile/formats.rs`, and its place in the documents.

mod array;
pub(super) mod cifar;
pub(super) mod conversion;
pub(super) mod csv;
mod format;
pub(super) mod gzip;
mod idx;
pub(super) mod images;
mod labels;
mod mat;
pub(crate) mod named;
pub mod npy;
mod npz;
pub(crate) mod safetensors;
pub(super) mod unknown;
pub(super) mod unsupported;

use std::path::Path;

pub use format::{Format, OpenFile};
pub use npz::SparseRows;

pub(super) use array::{
    ArrayBytes, ArrayLayout, KnownLength, check_length, check_memory, promised, reserved,
};

use super::source::Opened;
use crate::error::Result;

impl Format {
    /// All formats, in the order in which files are tried for them and in which lists name them.
    pub const ALL: [&'static Self; 9] = [
        &images::FORMAT,
        &npy::FORMAT,
        &npz::FORMAT,
        &idx::FORMAT,
        &gzip::FORMAT,
        &cifar::FORMAT,
        &mat::FORMAT,
        &safetensors::FORMAT,
        &csv::FORMAT,
    ];

    /// The format of a file that begins with these bytes.
    pub fn of(start: &[u8]) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|format| format.begins(start))
    }

    /// The format that the name of a file promises.
    pub fn named(path: &Path) -> Option<&'static Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        Self::ALL.into_iter().find(|format| format.endings.iter().any(|ending| name.ends_with(ending)))
    }

    /// Whether a file that begins with these bytes may be of this format.
    pub fn begins(&self, start: &[u8]) -> bool {
        (self.begins)(start)
    }

    /// Whether a file of `length` bytes that begins so is of this format in earnest, and no bare numbers that begin alike.
    pub fn is_certain(&self, start: &[u8], length: u64) -> bool {
        (self.is_certain)(start, length)
    }

    /// Reads a file of this format.
    pub(super) fn open(&self, file: OpenFile<'_>) -> Result<Opened> {
        (self.open)(file)
    }

    /// The kinds of files that are read, in words: `PNG, JPEG, .npy, … or safetensors`.
    pub fn known() -> String {
        listed(Self::ALL.iter().filter_map(|format| format.kinds))
    }

    /// What DATA may be, for the help of the command line.
    pub fn usage() -> String {
        listed(["Folder of images"].into_iter().chain(Self::ALL.iter().filter_map(|format| format.usage)))
    }
}

/// `one, two or three`.
fn listed(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_formats_name_all_of_them() {
        assert_eq!(
            Format::known(),
            "PNG, JPEG, TIFF, WebP, BMP, GIF, PNM, .npy, .npz, IDX (also .gz), CIFAR (.bin), .mat, safetensors or CSV (also .gz)"
        );
        let usage = "Folder of images, image, .npy, FILE.npz[:ARRAY], IDX (also .gz), CIFAR .bin, FILE.mat[:NAME], \
                     FILE.safetensors[:TENSOR] or CSV (also .gz)";
        assert_eq!(Format::usage(), usage);
    }

    #[test]
    fn every_format_has_a_name_of_its_own_and_endings_that_lead_back_to_it() {
        for format in Format::ALL {
            assert_eq!(Format::ALL.iter().filter(|other| **other == format).count(), 1, "{format}");
            for ending in format.endings {
                assert_eq!(Format::named(Path::new(&format!("some{ending}"))), Some(format));
            }
            assert!(!format.endings.is_empty() && !format.begins(b""), "{format}");
        }
    }
}
