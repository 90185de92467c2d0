//! The files of a folder of rows: arrays by content or by name, or all files where they are bare numbers; and what else
//! there is, counted.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::left_out::{LeftOut, What};
use super::npy;
use crate::error::{Error, Result};
use crate::io::safe_open::{self, Part};

/// The `.npy` files of a folder, whatever their names, in the order of their names. What is named so and is none counts, so
/// that it is refused by its name. Beside arrays a file that cannot be read is an error: it may be one of them, and learning
/// from the others would be another experiment.
pub fn arrays(folder: &Path) -> Result<(Vec<PathBuf>, LeftOut)> {
    let (files, mut left_out) = files(folder)?;
    let (mut arrays, mut unread) = (Vec::new(), None);
    for path in files {
        let is_array = if is_named(&path) { Ok(true) } else { holds_array(&path) };
        match is_array {
            Ok(true) => arrays.push(path),
            Ok(false) => left_out.add(What::Other, &path, 1),
            Err(why) => {
                left_out.add(What::Unreadable, &path, 1);
                unread.get_or_insert(why);
            }
        }
    }
    match unread {
        Some(why) if !arrays.is_empty() => Err(why),
        _ => Ok((arrays, left_out)),
    }
}

/// All files of a folder without headers; those of several kinds, by their endings, are not taken together.
pub fn bare(folder: &Path) -> Result<(Vec<PathBuf>, LeftOut)> {
    let (files, left_out) = files(folder)?;
    let endings: BTreeSet<String> = files.iter().map(|path| ending(path)).collect();
    if endings.len() > 1 {
        let found = endings.iter().map(|ending| if ending.is_empty() { "none" } else { ending });
        let found = found.take(5).collect::<Vec<_>>().join(", ");
        let fact = format!(
            "its files have several endings ({found}), but --raw takes all of them for numbers of one kind"
        );
        return Err(Error::input(folder, format!("{fact}; leave files of one kind in it, or give one file")));
    }
    if files.is_empty() {
        let found = if left_out.is_empty() { String::new() } else { format!(" ({left_out})") };
        return Err(Error::input(
            folder,
            format!("a folder without files{found}; at least one row is needed"),
        ));
    }
    Ok((files, left_out))
}

/// The ending of a name in lower case; numbers, as parts of a whole have them, are none.
fn ending(path: &Path) -> String {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    if ending.bytes().all(|byte| byte.is_ascii_digit()) { String::new() } else { format!(".{ending}") }
}

/// Whether a file is called an array.
pub fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

fn holds_array(path: &Path) -> Result<bool> {
    let (file, _) = safe_open::open(path)?;
    let mut start = Vec::new();
    let read = Part::new(&file, 0, npy::MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|error| Error::io("read", path, error))?;
    Ok(start == npy::MAGIC)
}

/// The regular files of a folder that are not hidden, links to such files included, in the order of their names.
pub fn files(folder: &Path) -> Result<(Vec<PathBuf>, LeftOut)> {
    let failed = |error| Error::io("read", folder, error);
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(DirEntry::file_name);
    let (mut files, mut left_out) = (Vec::new(), LeftOut::default());
    for path in entries.iter().map(DirEntry::path) {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => files.push(path),
            Ok(found) if found.is_dir() => left_out.add(What::Subfolder, &path, 1),
            Ok(_) => left_out.add(What::Special, &path, 1),
            Err(_) if path.is_symlink() => left_out.add(What::BrokenLink, &path, 1),
            Err(_) => left_out.add(What::Unreadable, &path, 1),
        }
    }
    Ok((files, left_out))
}
