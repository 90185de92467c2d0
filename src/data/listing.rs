//! The files of a folder, listed once: pictures, arrays or bare numbers, and those that are skipped beside them.
//!
//! * A file that is a picture of another kind, by content or by name, is skipped, and so are links that lead nowhere, other
//!   files, and pictures in subfolders: all counted, and those that somebody may miss told in a warning.
//! * A file that is named as PNG or JPEG and is none, or is damaged, counts as a picture: it refuses the whole run with its
//!   name, as a file does that is named so and cannot be opened. Learning from what is left would be another experiment. The
//!   same holds for arrays.
//! * Well-known companions of pictures are passed over: hidden files, `Thumbs.db`, `desktop.ini`, marks of downloads,
//!   `__MACOSX`.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::formats::npy::header::MAGIC;
use super::formats::unknown::START;
use super::formats::{images, unsupported};
use super::skipped::{SkipReason, SkippedFiles};
use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};

/// Files that are counted in subfolders before it is left at that.
const MOST_COUNTED: usize = 100_000;
/// Depth to which they are counted.
const DEEPEST: usize = 16;

/// The entries of a folder in the order of their names.
pub struct Listing {
    folder: PathBuf,
    entries: Vec<FolderEntry>,
}

/// One name in a folder.
struct FolderEntry {
    path: PathBuf,
    kind: EntryKind,
}

impl FolderEntry {
    fn is_visible_file(&self) -> bool {
        self.kind == EntryKind::File && !is_hidden(&self.path)
    }
}

/// The kind of thing behind a name, links followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    File,
    Folder,
    /// A pipe or a device.
    Special,
    BrokenLink,
    Unreadable,
}

/// The kind of a file by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// PNG or JPEG.
    Picture,
    /// A picture of another kind.
    UnsupportedPicture(&'static str),
    /// `.npy`.
    Array,
    Other,
    Unreadable,
}

impl Listing {
    /// Lists a folder.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn of(folder: &Path) -> Result<Self> {
        let failed = |error| Error::io("read", folder, error);
        let mut entries =
            fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        entries.sort_by_key(DirEntry::file_name);
        let entries = entries.into_iter().map(|entry| {
            let path = entry.path();
            let kind = match fs::metadata(&path) {
                Ok(found) if found.is_file() => EntryKind::File,
                Ok(found) if found.is_dir() => EntryKind::Folder,
                Ok(_) => EntryKind::Special,
                Err(_) if entry.file_type().is_ok_and(|kind| kind.is_symlink()) => EntryKind::BrokenLink,
                Err(_) => EntryKind::Unreadable,
            };
            FolderEntry { path, kind }
        });
        Ok(Self { folder: folder.to_owned(), entries: entries.collect() })
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

    /// The files that end so; hidden ones are left out.
    pub fn named(&self, extension: &str) -> Vec<&Path> {
        self.visible_files().0.into_iter().filter(|path| is_named(path, extension)).collect()
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
                EntryKind::Unreadable => skipped.add(SkipReason::Unreadable, path, 1),
            }
        }
        (files, skipped)
    }

    /// Looks at the first bytes of all files that are not hidden.
    pub fn with_contents(self) -> Contents {
        let mut unread = None;
        let mut content_of = |entry: &FolderEntry| {
            if !entry.is_visible_file() {
                return Content::Other;
            }
            content(&entry.path).unwrap_or_else(|why| {
                // One that is named as an array is refused as one.
                if !is_named(&entry.path, "npy") {
                    unread.get_or_insert(why);
                }
                Content::Unreadable
            })
        };
        let contents = self.entries.iter().map(&mut content_of).collect();
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
    /// The `.npy` files, whatever their names. A file that is named so and is none counts, so that it is refused by its name. Beside
    /// arrays a file that cannot be read is an error: it may be one of them, and learning from the others would be another
    /// experiment.
    ///
    /// # Errors
    /// [`Error::Io`] for such a file, once.
    pub fn arrays(&mut self) -> Result<(Vec<PathBuf>, SkippedFiles)> {
        let (_, mut skipped) = self.listing.visible_files();
        let mut arrays = Vec::new();
        let entries = self.listing.entries.iter().zip(&self.contents);
        for (FolderEntry { path, .. }, content) in entries.filter(|(entry, _)| entry.is_visible_file()) {
            match content {
                _ if is_named(path, "npy") => arrays.push(path.clone()),
                Content::Array => arrays.push(path.clone()),
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
                EntryKind::Folder => {
                    let mut most = MOST_COUNTED;
                    let inside = count_inside(path, DEEPEST, &mut most);
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
    let mut start = Vec::new();
    let read = FileRange::new(&file, 0, START).read_to_end(&mut start);
    read.map_err(|error| Error::io("read", path, error))?;
    Ok(match unsupported::kind(&start) {
        _ if images::recognised(&start).is_some() => Content::Picture,
        Some(kind) => Content::UnsupportedPicture(kind),
        None if start.starts_with(MAGIC) => Content::Array,
        None => Content::Other,
    })
}

/// Why a file is skipped among pictures, unless it is to be read.
fn why_no_picture(path: &Path, content: Content) -> Option<SkipReason> {
    let is_named_readable = unsupported::is_named_readable(path);
    // What is named as a picture is one of the kind that its content is; raw files of cameras are TIFF, too.
    match (content, unsupported::named(path)) {
        (Content::Picture, _) => None,
        (Content::UnsupportedPicture("TIFF"), Some(named)) => Some(SkipReason::Unsupported(named)),
        (Content::UnsupportedPicture(kind), _) => Some(SkipReason::Unsupported(kind)),
        _ if is_named_readable => None,
        (_, Some(named)) => Some(SkipReason::Unsupported(named)),
        (Content::Unreadable, None) => Some(SkipReason::Unreadable),
        (Content::Array | Content::Other, None) => Some(SkipReason::Other),
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
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

/// Files that come along with pictures and that nobody means to be read.
fn is_companion(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy();
    let known = ["thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"];
    name.starts_with('.')
        || known.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name.ends_with(":Zone.Identifier")
}

/// Files in a folder and its subfolders that are named as pictures; links to folders are not followed.
fn count_inside(folder: &Path, depth: usize, most: &mut usize) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if *most == 0 {
            break;
        }
        *most -= 1;
        let path = entry.path();
        if is_companion(&path) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            count += if depth > 0 { count_inside(&path, depth - 1, most) } else { 0 };
        } else if unsupported::is_named_readable(&path) || unsupported::named(&path).is_some() {
            count += 1;
        }
    }
    count
}
