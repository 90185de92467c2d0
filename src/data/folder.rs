//! The pictures of a folder: the files that are PNG or JPEG by content or by name, and a list of everything else.
//!
//! * A file that is a picture of another kind, by content or by name, is left out, and so are links that lead nowhere, other
//!   files, and pictures in subfolders: all counted, and those that somebody may miss told in a warning.
//! * A file that is named as PNG or JPEG and is none, or is damaged, is taken for a picture: it refuses the whole run with its
//!   name, as a file does that is named so and cannot be opened. Learning from what is left would be another experiment.
//! * Well-known companions are passed over: hidden files, `Thumbs.db`, `desktop.ini`, marks of downloads, `__MACOSX`.

use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::left_out::{LeftOut, What};
use super::{foreign, images};
use crate::error::{Error, Result};

/// Files that are counted in subfolders before it is left at that.
const MOST_COUNTED: usize = 100_000;
/// Depth to which they are counted.
const DEEPEST: usize = 16;

/// The files of a folder that are to be read as pictures, in the order of their names, and what else there is.
pub fn picture_files(folder: &Path) -> Result<(Vec<PathBuf>, LeftOut)> {
    let failed = |error| Error::io("read", folder, error);
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(DirEntry::file_name);
    let (mut files, mut left_out) = (Vec::new(), LeftOut::default());
    for entry in entries {
        let path = entry.path();
        if is_companion(&path) {
            continue;
        }
        match fs::metadata(&path) {
            Err(_) if entry.file_type().is_ok_and(|kind| kind.is_symlink()) => {
                left_out.add(What::BrokenLink, &path, 1);
            }
            Err(_) => left_out.add(What::Unreadable, &path, 1),
            Ok(found) if found.is_dir() => {
                let mut most = MOST_COUNTED;
                let inside = count_inside(&path, DEEPEST, &mut most);
                if inside > 0 {
                    left_out.add(What::InSubfolder, &path, inside);
                }
            }
            Ok(found) if !found.is_file() => left_out.add(What::Special, &path, 1),
            Ok(_) => match what(&path) {
                None => files.push(path),
                Some(what) => left_out.add(what, &path, 1),
            },
        }
    }
    Ok((files, left_out))
}

/// What a file is, unless it is to be read.
fn what(path: &Path) -> Option<What> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut start));
    let is_named_readable = foreign::is_named_readable(path);
    if is_named_readable && read.is_err() || images::recognised(&start).is_some() {
        return None;
    }
    // What is named as a picture is one of the kind that its content is; raw files of cameras are TIFF, too.
    match (foreign::kind(&start), foreign::named(path)) {
        (Some("TIFF"), Some(named)) => Some(What::Foreign(named)),
        (Some(kind), _) => Some(What::Foreign(kind)),
        (None, _) if is_named_readable => None,
        (None, Some(named)) => Some(What::Foreign(named)),
        (None, None) if read.is_err() => Some(What::Unreadable),
        (None, None) => Some(What::Other),
    }
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
        } else if foreign::is_named_readable(&path) || foreign::named(&path).is_some() {
            count += 1;
        }
    }
    count
}
