//! The files of a folder, listed once: pictures, arrays or bare numbers, and those that are skipped beside them.
//!
//! * A file that is a picture of another kind, by content or by name, is skipped, and so are links that lead nowhere, other
//!   files, and pictures in subfolders: all counted, and those that somebody may miss told in a warning.
//! * A file that is named as a picture that is read and is none, or is damaged, counts as a picture: it refuses the whole run with its
//!   name, as a file does that is named so and cannot be opened. Learning from what is left would be another experiment. The
//!   same holds for arrays.
//! * Well-known companions of pictures are passed over: hidden files, `Thumbs.db`, `desktop.ini`, marks of downloads,
//!   `__MACOSX`.

mod entries;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::formats::images::ImageKind;
use super::formats::npy::header::MAGIC;
use super::formats::unknown::START;
use super::formats::unsupported;
use super::reading::Reading;
use super::skipped::{SkipReason, SkippedFiles};
use crate::error::{Error, Result};
use crate::io::safe_open;
use crate::io::threads;
use entries::{EntryKind, FolderEntry, in_folder, in_tree, is_companion, is_hidden, pictures_inside};

/// The entries of a folder in the order of their names.
pub struct Listing {
    folder: PathBuf,
    entries: Vec<FolderEntry>,
}

/// The kind of a file by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A picture of a kind that is read.
    Picture(ImageKind),
    /// A picture of another kind.
    UnsupportedPicture(&'static str),
    /// `.npy`.
    Array,
    Other,
    Unreadable,
}

/// The kinds of files that hold arrays, of which a folder is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayFiles {
    /// NumPy's `.npy`.
    Npy,
    /// Tensors.
    Safetensors,
    /// Archives of arrays: `.npz`.
    Archives,
}

impl ArrayFiles {
    /// How their names end.
    fn extension(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Safetensors => "safetensors",
            Self::Archives => "npz",
        }
    }
}

impl Listing {
    /// Lists a folder, or all folders in it where that is said.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn under(folder: &Path, reading: &Reading) -> Result<Self> {
        if reading.recursive { Self::of_tree(folder) } else { Self::of(folder) }
    }

    /// Lists a folder.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn of(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), entries: in_folder(folder)? })
    }

    /// Lists a folder and all folders in it, in the order of their paths. Links to folders are not followed, so that none is
    /// come back to; hidden folders are passed over.
    ///
    /// # Errors
    /// [`Error::Io`] when one of them cannot be read.
    pub fn of_tree(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), entries: in_tree(folder)? })
    }

    /// All files without headers; those of several kinds, by their endings, are not taken together.
    ///
    /// # Errors
    /// [`Error::Input`] for several endings, and where there is no file.
    pub fn bare_files(&self) -> Result<(Vec<PathBuf>, SkippedFiles)> {
        let (files, skipped) = self.visible_files();
        let endings: BTreeSet<String> = files.iter().map(|path| ending(path)).collect();
        if endings.len() > 1 {
            let found = endings.iter().map(|ending| if ending.is_empty() { "none" } else { ending });
            let found = found.take(5).collect::<Vec<_>>().join(", ");
            let fact = format!(
                "its files have several endings ({found}), but `raw` takes all of them for numbers of one kind"
            );
            let remedy = "leave files of one kind in it, or give one file";
            return Err(Error::input(&self.folder, format!("{fact}; {remedy}")));
        }
        if files.is_empty() {
            let found = if skipped.is_empty() { String::new() } else { format!(" ({skipped})") };
            let fact = format!("a folder without files{found}");
            return Err(Error::input(&self.folder, format!("{fact}; at least one row is needed")));
        }
        Ok((files.into_iter().map(Path::to_owned).collect(), skipped))
    }

    /// The files that end so; hidden ones do not count.
    pub fn named(&self, extension: &str) -> Vec<PathBuf> {
        let (files, _) = self.visible_files();
        files.into_iter().filter(|path| is_named(path, extension)).map(Path::to_owned).collect()
    }

    /// Files and other things beside `files`, counted.
    pub fn beside(&self, files: &[PathBuf]) -> SkippedFiles {
        let (others, mut skipped) = self.visible_files();
        for path in others.into_iter().filter(|path| !files.iter().any(|file| file == path)) {
            skipped.add(SkipReason::Other, path, 1);
        }
        skipped
    }

    /// The files that are not hidden, links to such files included.
    fn visible_files(&self) -> (Vec<&Path>, SkippedFiles) {
        let (mut files, mut skipped) = (Vec::new(), SkippedFiles::default());
        for FolderEntry { path, kind } in self.entries.iter().filter(|entry| !is_hidden(&entry.path)) {
            match kind {
                EntryKind::File => files.push(&**path),
                EntryKind::Folder => skipped.add(SkipReason::Subfolder, path, 1),
                EntryKind::Special => skipped.add(SkipReason::Special, path, 1),
                EntryKind::BrokenLink => skipped.add(SkipReason::BrokenLink, path, 1),
                EntryKind::LinkedFolder => skipped.add(SkipReason::LinkedFolder, path, 1),
                EntryKind::DeepFolder => skipped.add(SkipReason::DeepFolder, path, 1),
                EntryKind::Unreadable => skipped.add(SkipReason::Unreadable, path, 1),
            }
        }
        (files, skipped)
    }

    /// Looks at the first bytes of all files that are not hidden.
    pub fn with_contents(self) -> Contents {
        let mut unread = None;
        let content_of = |entry: &FolderEntry| match entry.is_visible_file() {
            true => content(&entry.path),
            false => Ok(Content::Other),
        };
        let found = threads::map(&self.entries, content_of).into_iter().zip(&self.entries);
        let contents = found.map(|(content, entry)| {
            content.unwrap_or_else(|why| {
                // One that is named as an array is refused as one.
                if !is_named(&entry.path, "npy") {
                    unread.get_or_insert(why);
                }
                Content::Unreadable
            })
        });
        let contents = contents.collect();
        Contents { listing: self, contents, unread }
    }
}

/// A listing with the kinds of all files.
pub struct Contents {
    /// The names.
    pub listing: Listing,
    /// Of each name.
    contents: Vec<Content>,
    /// The first file that could not be read, but for those named as arrays.
    unread: Option<Error>,
}

impl Contents {
    /// The files with arrays of one kind: `.npy` whatever their names, of the other kinds those that are named so, too. A file
    /// that is named so and is none counts, so that it is refused by its name. Beside arrays a file that cannot be read is an
    /// error: it may be one of them, and learning from the others would be another experiment.
    ///
    /// # Errors
    /// [`Error::Io`] for such a file, once.
    pub fn arrays(&mut self, kind: ArrayFiles) -> Result<(Vec<PathBuf>, SkippedFiles)> {
        let (_, mut skipped) = self.listing.visible_files();
        let mut arrays = Vec::new();
        let entries = self.listing.entries.iter().zip(&self.contents);
        for (FolderEntry { path, .. }, content) in entries.filter(|(entry, _)| entry.is_visible_file()) {
            match content {
                _ if is_named(path, kind.extension()) => arrays.push(path.clone()),
                Content::Array if kind == ArrayFiles::Npy => arrays.push(path.clone()),
                Content::Unreadable => skipped.add(SkipReason::Unreadable, path, 1),
                _ => skipped.add(SkipReason::Other, path, 1),
            }
        }
        match self.unread.take() {
            Some(why) if !arrays.is_empty() => Err(why),
            _ => Ok((arrays, skipped)),
        }
    }

    /// The files that are to be read as pictures, and those that are skipped beside them.
    pub fn pictures(&self) -> (Vec<PathBuf>, SkippedFiles) {
        let (mut files, mut skipped) = (Vec::new(), SkippedFiles::default());
        let entries = self.listing.entries.iter().zip(&self.contents);
        for (FolderEntry { path, kind }, content) in entries.filter(|(entry, _)| !is_companion(&entry.path)) {
            match kind {
                EntryKind::BrokenLink => skipped.add(SkipReason::BrokenLink, path, 1),
                EntryKind::Unreadable => skipped.add(SkipReason::Unreadable, path, 1),
                EntryKind::LinkedFolder => skipped.add(SkipReason::LinkedFolder, path, 1),
                EntryKind::DeepFolder if pictures_inside(path) > 0 => {
                    skipped.add(SkipReason::DeepFolder, path, 1)
                }
                EntryKind::DeepFolder => {}
                EntryKind::Folder => {
                    let inside = pictures_inside(path);
                    if inside > 0 {
                        skipped.add(SkipReason::InSubfolder, path, inside);
                    }
                }
                EntryKind::Special => skipped.add(SkipReason::Special, path, 1),
                EntryKind::File => match why_no_picture(path, *content) {
                    None => files.push(path.clone()),
                    Some(why) => skipped.add(why, path, 1),
                },
            }
        }
        (files, skipped)
    }
}

/// The kind of a file by its first bytes.
fn content(path: &Path) -> Result<Content> {
    let (file, _) = safe_open::open(path)?;
    let start = safe_open::start(&file, START).map_err(|error| Error::io("read", path, error))?;
    Ok(match unsupported::kind(&start) {
        _ if let Some(kind) = ImageKind::of(&start) => Content::Picture(kind),
        Some(kind) => Content::UnsupportedPicture(kind),
        None if start.starts_with(MAGIC) => Content::Array,
        None => Content::Other,
    })
}

/// Why a file is skipped among pictures, unless it is to be read.
fn why_no_picture(path: &Path, content: Content) -> Option<SkipReason> {
    // What is named as a picture is one of the kind that its content is; raw files of cameras are TIFF, too.
    match (content, unsupported::named(path)) {
        (Content::Picture(ImageKind::Tiff), Some(named)) => Some(SkipReason::Unsupported(named)),
        (Content::Picture(_), _) => None,
        (Content::UnsupportedPicture(kind), _) => Some(SkipReason::Unsupported(kind)),
        _ if ImageKind::named(path).is_some() => None,
        (_, Some(named)) => Some(SkipReason::Unsupported(named)),
        (Content::Unreadable, None) => Some(SkipReason::Unreadable),
        (Content::Array | Content::Other, None) => Some(SkipReason::Other),
    }
}

/// Whether a name has this extension.
fn is_named(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The ending of a name in lower case; numbers, as parts of a whole have them, are none.
fn ending(path: &Path) -> String {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    if ending.bytes().all(|byte| byte.is_ascii_digit()) { String::new() } else { format!(".{ending}") }
}
