//! The binary versions of CIFAR-10 and CIFAR-100: records of one or two labels and 32×32 pixels, all red ones first, then the
//! green and the blue ones. Nothing in such a file says what it is; it is taken for one where that is said, or where its name,
//! its length and all of its labels agree. Pictures are read one by one when their pixels are asked for.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{Format, OpenFile};
use super::images::{MOST_LABELS, check_reading};
use crate::data::description::DataDescription;
use crate::data::dtype::DType;
use crate::data::labels::Labels;
use crate::data::listing::Listing;
use crate::data::picture::PictureInfo;
use crate::data::pictures::{Pictures, PixelMemory, PixelSource};
use crate::data::pixels::{PixelData, Pixels};
use crate::data::reading::{DataFormat, Reading};
use crate::data::skipped::SkippedFiles;
use crate::data::source::{Opened, Source};
use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};

/// Pixels across and down.
const SIDE: usize = 32;
/// Numbers of a picture.
const NUMBERS: usize = 3 * SIDE * SIDE;
/// Most bytes of a file of names.
const MOST_NAMES: u64 = 64 << 10;

/// CIFAR files, by their names.
pub const FORMAT: Format = Format {
    name: "a CIFAR file",
    kinds: Some("CIFAR (.bin)"),
    usage: Some("CIFAR .bin"),
    endings: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "test_batch.bin",
    ],
    has_parts: false,
    // Its first bytes are a label and pixels.
    begins: |_| false,
    is_certain: |_, _| false,
    open: |OpenFile { path, reading, .. }| open(path, DataFormat::Cifar10, reading),
};

impl DataFormat {
    /// Labels of a record, of which the last one counts.
    fn labels(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    /// How many classes there are.
    fn classes(self) -> u8 {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
        }
    }

    /// Bytes of a record.
    fn record(self) -> u64 {
        (self.labels() + NUMBERS) as u64
    }

    /// The file beside the pictures that names the classes.
    fn names(self) -> &'static str {
        match self {
            Self::Cifar10 => "batches.meta.txt",
            Self::Cifar100 => "fine_label_names.txt",
        }
    }
}

/// An open file of records.
#[derive(Debug)]
struct CifarFile {
    path: PathBuf,
    file: File,
}

/// A picture in it, by the place of its first pixel.
#[derive(Debug)]
struct Record {
    of: Arc<CifarFile>,
    at: u64,
}

impl PixelSource for Record {
    fn decode(&self, _: &PictureInfo) -> Result<Pixels> {
        let CifarFile { path, file } = &*self.of;
        let mut planes = [0; NUMBERS];
        let read = FileRange::new(file, self.at, self.at + NUMBERS as u64).read_exact(&mut planes);
        read.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Error::input(path, "it has become shorter since it was looked at; start again")
            }
            _ => Error::io("read", path, error),
        })?;
        let mut bytes = vec![0; NUMBERS];
        for (i, pixel) in bytes.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            *pixel = [0, 1, 2].map(|channel| planes[channel * SIDE * SIDE + i]);
        }
        Ok(Pixels { width: SIDE, height: SIDE, stride: 3, channels: 3, data: PixelData::Bytes(bytes) })
    }

    fn memory(&self) -> PixelMemory {
        PixelMemory { decoded: NUMBERS as u64, decoding: 2 * NUMBERS as u64, resident: 0 }
    }
}

/// Opens a file, or the files of a folder that end in `.bin`; of a folder that holds those to learn from, the ones to test
/// with are left out.
pub fn open(path: &Path, format: DataFormat, reading: &Reading) -> Result<Opened> {
    check_reading(path, reading)?;
    let (files, skipped) = if path.is_dir() {
        in_folder(path, reading)?
    } else {
        (vec![path.to_owned()], SkippedFiles::default())
    };
    let (mut parts, mut of) = (Vec::new(), Vec::new());
    for path in &files {
        let (file, length) = safe_open::open(path)?;
        let found = labels(path, &file, length, format)?;
        let file = Arc::new(CifarFile { path: path.clone(), file });
        let first = format.labels() as u64;
        for (number, label) in found.into_iter().enumerate() {
            let name = PathBuf::from(format!("{}[{number}]", path.display()));
            let info = PictureInfo { name, width: SIDE, height: SIDE, channels: 3 };
            let at = number as u64 * format.record() + first;
            let pixels: Arc<dyn PixelSource> = Arc::new(Record { of: Arc::clone(&file), at });
            parts.push((info, pixels));
            of.push(u32::from(label));
        }
    }
    let labels = Labels { names: names(path, format), of };
    tracing::info!("{}: {format} has {}", path.display(), labels.in_words(MOST_LABELS));
    let pictures = Pictures::from_parts(parts.into_iter(), skipped).with_labels(Some(labels));
    let description = DataDescription::pictures(Some(path), pictures.list(), pictures.skipped().clone());
    let description = DataDescription { files: files.len(), dtype: Some(DType::U8), ..description };
    Ok(Opened { source: Source::Images(Arc::new(pictures)), description })
}

/// The files of a folder to learn from, or those to test with where there are no others.
fn in_folder(folder: &Path, reading: &Reading) -> Result<(Vec<PathBuf>, SkippedFiles)> {
    let listing = Listing::under(folder, reading)?;
    let all = listing.named("bin");
    let (tests, mut files): (Vec<PathBuf>, Vec<PathBuf>) = all.into_iter().partition(|path| is_test(path));
    if files.is_empty() {
        files = tests;
    } else if let Some(test) = tests.first() {
        let name = test.file_name().unwrap_or_default().to_string_lossy();
        tracing::info!("{}: {name} is left out, to be tested with: give it alone", folder.display());
    }
    if files.is_empty() {
        let fact = "no file in this folder ends in .bin, as the binary version of CIFAR does";
        return Err(Error::input(
            folder,
            format!("{fact}; give the folder that holds them, or leave `format` out"),
        ));
    }
    let skipped = listing.beside(&files);
    Ok((files, skipped))
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().starts_with("test"))
}

/// The labels of all records.
fn labels(path: &Path, file: &File, length: u64, format: DataFormat) -> Result<Vec<u8>> {
    let (record, count) = (format.record(), length / format.record());
    if length == 0 || !length.is_multiple_of(record) {
        let whole = format!(
            "{} and {NUMBERS} bytes each",
            if format.labels() == 1 { "a label" } else { "two labels" }
        );
        let fact = format!(
            "{length} bytes are no whole number of {record} ({whole}): {count} pictures and {} bytes",
            length % record
        );
        let other =
            DataFormat::ALL.into_iter().find(|other| length > 0 && length.is_multiple_of(other.record()));
        let remedy = match other {
            Some(other) => format!("say `format` {other}, of which they are a whole number"),
            None => "it is truncated, or no such file; download it anew".to_owned(),
        };
        return Err(Error::input(path, format!("{fact}; {remedy}")));
    }
    let mut labels = Vec::new();
    for number in 0..count {
        let mut bytes = [0; 2];
        let own = &mut bytes[..format.labels()];
        let read = FileRange::new(file, number * record, length).read_exact(own);
        read.map_err(|error| Error::io("read", path, error))?;
        // The coarse ones are 0 to 19.
        let is_within = own[own.len() - 1] < format.classes() && (own.len() == 1 || own[0] < 20);
        if !is_within {
            let fact =
                format!("picture {number} (counted from 0) has the label {own:?}, beyond those of {format}");
            return Err(Error::input(path, format!("{fact}; it is damaged, or no such file")));
        }
        labels.push(own[own.len() - 1]);
    }
    Ok(labels)
}

/// The names of all classes, of the file beside the pictures that has them, else their numbers.
fn names(path: &Path, format: DataFormat) -> Vec<String> {
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    let file = folder.map(|folder| folder.join(format.names()));
    let text = file.and_then(|file| safe_open::small(&file, "a list of names", MOST_NAMES).ok());
    let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
    let named: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let classes = usize::from(format.classes());
    if named.len() == classes { named } else { (0..classes).map(|label| label.to_string()).collect() }
}

/// The format of a file that its name, its length and all of its labels agree on.
pub fn guess(path: &Path) -> Option<DataFormat> {
    let name = path.file_name()?.to_str()?;
    let batch = name.strip_prefix("data_batch_").and_then(|rest| rest.strip_suffix(".bin"));
    let is_batch =
        batch.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let format = match name {
        _ if is_batch => DataFormat::Cifar10,
        "test_batch.bin" => DataFormat::Cifar10,
        "train.bin" | "test.bin" => DataFormat::Cifar100,
        _ => return None,
    };
    let (file, length) = safe_open::open(path).ok()?;
    labels(path, &file, length, format).ok().map(|_| format)
}

/// The format of all files of a folder that end in `.bin`, where every one is guessed to be of one.
pub fn guess_all(listing: &Listing) -> Option<DataFormat> {
    let files = listing.named("bin");
    let first = guess(files.first()?)?;
    files.iter().all(|file| guess(file) == Some(first)).then_some(first)
}
