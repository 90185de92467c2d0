//! The identity of the data that a run learns from: hashes by which they are recognised when it is resumed, and the
//! differences if they are others. Rows and patches in memory are hashed whole; of rows on disk parts of each file at the start, and every row as
//! passes read it (a [`RowSum`]). Between the two, a change of a streamed file that no part shows is found out in the first
//! complete pass.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::picture::PictureInfo;
use super::source::Source;
use super::stream::{FileSample, RowSum, Store};
use super::table::{self, Table};
use crate::error::{Error, Result};
use crate::io::safe_open;
use crate::math::params::Matrix;

/// Bytes of a file that are read and hashed at a time.
const PIECE: usize = 1 << 18;
/// Most files that an inventory names: some 16 MiB of text.
const MOST_FILES: usize = 100_000;
/// Names that a text about differences lists at most.
const NAMED: usize = 3;

/// The inputs of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The examples.
    pub data: Identity,
    /// Held-out examples, where they are data of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Identity>,
    /// XXH3 (128 bits) of the model that it started from, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
}

/// The kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// Patches of pictures, the built-in ones among them.
    Pictures,
    /// Rows in memory.
    Rows,
    /// Rows that can be read one by one.
    StoredRows,
}

/// Hashes and sizes by which data are recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Their kind.
    pub kind: DataKind,
    /// Rows, or patches drawn, held-out ones included.
    pub rows: usize,
    /// Numbers each.
    pub cols: usize,
    /// The kind of number in the file, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Files of rows, or pictures.
    pub files: usize,
    /// XXH3 (128 bits): of all rows in memory as they were read, of all patches, or of the samples of each file.
    pub xxh3: String,
    /// Over all rows on disk, once a pass has read them whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<RowSum>,
}

/// The files behind an [`Identity`], to name those that differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Pictures, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<PictureEntry>,
    /// Files of rows, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileSample>,
}

/// A picture of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureEntry {
    /// The name of its file, without the folder.
    pub name: String,
    /// Pixels across and down, and channels.
    pub size: [usize; 3],
}

/// How data compare with those that a run has learned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// They are the same, as far as an [`Identity`] can tell.
    Same,
    /// The same rows, and others behind them.
    Appended {
        /// Rows then.
        was: usize,
        /// Rows now.
        is: usize,
    },
    /// Others, in these words.
    Other(String),
}

impl Identity {
    /// That of a source, and its files. `examples` are the patches that were drawn from pictures, `[m, n]` after
    /// preprocessing, whose limits are then those of the run; they say nothing of rows.
    ///
    /// # Errors
    /// When rows on disk cannot be read.
    pub fn of(source: &Source, examples: Option<&Matrix<f64>>) -> Result<(Self, Inventory)> {
        match source {
            Source::Rows(table) => Ok((Self::of_table(table), Inventory::default())),
            Source::Stored(store) => {
                let files = store.fingerprint(store.reach())?;
                let identity = Self {
                    kind: DataKind::StoredRows,
                    rows: store.rows,
                    cols: store.cols,
                    number: Some(store.dtype.name().to_owned()),
                    files: files.len(),
                    xxh3: of_samples(&files),
                    sum: None,
                };
                Ok((identity, Inventory { files, ..Inventory::default() }))
            }
            Source::Images(pictures) => {
                let folder = pictures.labels().and_then(|_| common_folder(pictures.list()));
                let entry = |picture: &PictureInfo| {
                    let within = folder.and_then(|folder| picture.name.strip_prefix(folder).ok());
                    let name = within.map_or(picture.name.file_name(), |name| Some(name.as_os_str()));
                    PictureEntry {
                        name: name.unwrap_or_default().to_string_lossy().into_owned(),
                        size: [picture.width, picture.height, picture.channels],
                    }
                };
                let pictures: Vec<PictureEntry> = pictures.list().iter().map(entry).collect();
                let (rows, cols) = examples.map_or((0, 0), |examples| (examples.rows, examples.cols));
                let identity = Self {
                    kind: DataKind::Pictures,
                    rows,
                    cols,
                    number: None,
                    files: pictures.len(),
                    xxh3: table::fingerprint(examples.map_or(&[], |examples| &examples.values)),
                    sum: None,
                };
                Ok((identity, Inventory { pictures, ..Inventory::default() }))
            }
        }
    }

    fn of_table(table: &Table) -> Self {
        Self {
            kind: DataKind::Rows,
            rows: table.rows,
            cols: table.cols,
            number: None,
            files: 1,
            xxh3: table.fingerprint(table.rows),
            sum: None,
        }
    }

    /// How the data of `source`, whose identity is `now`, compare with these.
    ///
    /// # Errors
    /// When rows on disk cannot be read.
    pub fn compare(&self, now: &Self, source: &Source) -> Result<Likeness> {
        if let (DataKind::Rows, Source::Stored(store)) = (self.kind, source) {
            return self.compare_held(now, store);
        }
        if self.kind != now.kind || self.cols != now.cols || self.number != now.number {
            return Ok(Likeness::Other(format!("the run has learned from {self}, they are {now}")));
        }
        let sums = self.sum.zip(now.sum);
        if self.rows == now.rows && self.xxh3 == now.xxh3 && sums.is_none_or(|(was, is)| was == is) {
            return Ok(Likeness::Same);
        }
        if self.rows < now.rows && self.of_first_rows(source)? == Some(&self.xxh3).cloned() {
            return Ok(Likeness::Appended { was: self.rows, is: now.rows });
        }
        Ok(Likeness::Other(if self.rows == now.rows && self.files == now.files {
            format!("they are {now} as then, but other numbers stand in them")
        } else {
            format!("the run has learned from {self}, they are {now}")
        }))
    }

    /// How rows that stay on disk compare with these, which were held: earlier versions held more kinds of arrays.
    fn compare_held(&self, now: &Self, store: &Store) -> Result<Likeness> {
        if self.cols == store.cols
            && self.rows <= store.rows
            && self.xxh3 == store.table_fingerprint(self.rows)?
        {
            return Ok(match store.rows {
                rows if rows == self.rows => Likeness::Same,
                rows => Likeness::Appended { was: self.rows, is: rows },
            });
        }
        Ok(Likeness::Other(if (self.rows, self.cols) == (now.rows, now.cols) {
            format!("they are {now} as then, but other numbers stand in them")
        } else {
            format!("the run has learned from {self}, they are {now}")
        }))
    }

    /// The hash of as many rows of `source` as these have.
    fn of_first_rows(&self, source: &Source) -> Result<Option<String>> {
        Ok(match source {
            Source::Rows(table) => Some(table.fingerprint(self.rows)),
            Source::Stored(store) => Some(of_samples(&store.fingerprint(self.rows)?)),
            Source::Images(_) => None,
        })
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, rows, cols, number, files, .. } = self;
        match (kind, number) {
            (DataKind::Pictures, _) => {
                write!(f, "{rows} patches of {files} picture{}", if *files == 1 { "" } else { "s" })
            }
            (_, Some(number)) => write!(f, "{rows} rows of {cols} numbers ({number})"),
            (_, None) => write!(f, "{rows} rows of {cols} numbers"),
        }
    }
}

impl Inventory {
    /// Whether no file is named.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty() && self.files.is_empty()
    }

    /// The files, unless they are too many to be named.
    pub fn if_few(self) -> Self {
        if self.pictures.len() + self.files.len() > MOST_FILES { Self::default() } else { self }
    }

    /// Which files are gone, new or others than in `then`, in words; nothing where none is.
    pub fn differences(&self, then: &Self) -> Option<String> {
        let names = |inventory: &Self| -> Vec<(String, String)> {
            let pictures =
                inventory.pictures.iter().map(|entry| (entry.name.clone(), format!("{:?}", entry.size)));
            let files = inventory
                .files
                .iter()
                .map(|file| (file.name.clone(), format!("{} {}", file.rows, file.xxh3)));
            pictures.chain(files).collect()
        };
        let (then, now) = (names(then), names(self));
        let has = |all: &[(String, String)], name: &str| all.iter().any(|(other, _)| other == name);
        let lacking = |all: &[(String, String)], of: &[(String, String)]| -> Vec<String> {
            all.iter().filter(|(name, _)| !has(of, name)).map(|(name, _)| name.clone()).collect()
        };
        let changed = now.iter().filter(|entry| has(&then, &entry.0) && !then.contains(entry));
        let groups = [
            ("gone", lacking(&then, &now)),
            ("new", lacking(&now, &then)),
            ("changed", changed.map(|(name, _)| name.clone()).collect()),
        ];
        let words: Vec<String> = groups
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| {
                let more = if names.len() > NAMED { ", …" } else { "" };
                format!("{} {what} ({}{more})", names.len(), names[..names.len().min(NAMED)].join(", "))
            })
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The folder in which all pictures lie, in it or in folders of it.
fn common_folder(pictures: &[PictureInfo]) -> Option<&Path> {
    let mut folder = pictures.first()?.name.parent()?;
    for picture in pictures {
        while !picture.name.starts_with(folder) {
            folder = folder.parent()?;
        }
    }
    Some(folder)
}

/// XXH3 (128 bits) of a file, 32 hexadecimal digits.
///
/// # Errors
/// [`crate::Error`] when it cannot be read.
pub fn of_file(path: &Path) -> Result<String> {
    let (mut file, _) = safe_open::open(path)?;
    let mut hash = Xxh3::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(|error| Error::io("read", path, error))? {
            0 => return Ok(format!("{:032x}", hash.digest128())),
            read => hash.update(&piece[..read]),
        }
    }
}

/// One hash of the samples of all files: their content counts, their names and times do not.
fn of_samples(files: &[FileSample]) -> String {
    let mut hash = Xxh3::new();
    for file in files {
        hash.update(&file.rows.to_le_bytes());
        hash.update(file.xxh3.as_bytes());
    }
    format!("{:032x}", hash.digest128())
}
