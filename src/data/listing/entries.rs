//! The names in a folder, or in all folders in it, with the kind of thing behind each.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use crate::data::formats::images::ImageKind;
use crate::data::formats::unsupported;
use crate::error::{Error, Result};

/// Files that are counted in subfolders before it is left at that.
const MOST_COUNTED: usize = 100_000;
/// Depth to which they are counted, or searched.
const DEEPEST: usize = 16;

/// One name in a folder.
pub struct FolderEntry {
    pub path: PathBuf,
    pub kind: EntryKind,
}

impl FolderEntry {
    /// Whether it is a file, and not hidden.
    pub fn is_visible_file(&self) -> bool {
        self.kind == EntryKind::File && !is_hidden(&self.path)
    }
}

/// The kind of thing behind a name, links followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    /// A pipe or a device.
    Special,
    BrokenLink,
    /// A link to a folder, where folders are searched.
    LinkedFolder,
    /// One too deep to be searched.
    DeepFolder,
    Unreadable,
}

/// The names in a folder, in their order.
pub fn in_folder(folder: &Path) -> Result<Vec<FolderEntry>> {
    let mut found = unsorted(folder)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The names in a folder and in all folders in it, in the order of their paths.
pub fn in_tree(folder: &Path) -> Result<Vec<FolderEntry>> {
    let (mut found, mut waiting) = (Vec::new(), vec![(folder.to_owned(), 0)]);
    while let Some((folder, depth)) = waiting.pop() {
        for mut entry in unsorted(&folder)? {
            if entry.kind == EntryKind::Folder {
                if is_companion(&entry.path) {
                    continue;
                }
                if fs::symlink_metadata(&entry.path).is_ok_and(|found| found.is_symlink()) {
                    entry.kind = EntryKind::LinkedFolder;
                } else if depth < DEEPEST {
                    waiting.push((entry.path, depth + 1));
                    continue;
                } else {
                    entry.kind = EntryKind::DeepFolder;
                }
            }
            found.push(entry);
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The names in a folder, in no order.
fn unsorted(folder: &Path) -> Result<Vec<FolderEntry>> {
    let failed = |error| Error::io("read", folder, error);
    let entry = |entry: std::io::Result<DirEntry>| -> Result<FolderEntry> {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let kind = match entry.file_type() {
            // Most systems tell this with the name.
            Ok(kind) if kind.is_file() => EntryKind::File,
            Ok(kind) if kind.is_dir() => EntryKind::Folder,
            kind => match fs::metadata(&path) {
                Ok(found) if found.is_file() => EntryKind::File,
                Ok(found) if found.is_dir() => EntryKind::Folder,
                Ok(_) => EntryKind::Special,
                Err(_) if kind.is_ok_and(|kind| kind.is_symlink()) => EntryKind::BrokenLink,
                Err(_) => EntryKind::Unreadable,
            },
        };
        Ok(FolderEntry { path, kind })
    };
    fs::read_dir(folder).map_err(failed)?.map(entry).collect()
}

/// Whether nobody sees it who does not ask for it.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Files in a folder and its subfolders that are named as pictures.
pub fn pictures_inside(folder: &Path) -> usize {
    let mut most = MOST_COUNTED;
    count_inside(folder, DEEPEST, &mut most)
}

/// Files that come along with pictures and that nobody means to be read.
pub fn is_companion(path: &Path) -> bool {
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
        } else if ImageKind::named(&path).is_some() || unsupported::named(&path).is_some() {
            count += 1;
        }
    }
    count
}
