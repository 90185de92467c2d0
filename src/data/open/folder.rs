//! Folders of DATA: pictures, arrays or tensors of rows that go on from file to file, or arrays of pictures.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::join::{as_part, check_scales, join};
use super::{start_of, unknown};
use crate::data::axes::Meaning;
use crate::data::description::DataDescription;
use crate::data::formats::npy::{self, header};
use crate::data::formats::{
    ArrayLayout, Format, OpenFile, check_memory, cifar, images, promised, safetensors,
};
use crate::data::listing::{ArrayFiles, Contents, Listing};
use crate::data::reading::Reading;
use crate::data::skipped::{SkipReason, SkippedFiles};
use crate::data::source::{Opened, Source};
use crate::data::stream::{ArrayInFile, Store, StoredRows};
use crate::error::{Error, Result};
use crate::io::safe_open;

/// Opens a folder of pictures or of arrays; one that holds both needs a word of the user. `part` is the tensor that is meant in
/// every safetensors file.
pub fn open(folder: &Path, part: Option<&str>, reading: &Reading, stays: bool) -> Result<Opened> {
    let reading = &Reading { of_folder: true, ..reading.clone() };
    let mut contents = Listing::under(folder, reading)?.with_contents();
    if part.is_some() {
        let (tensors, skipped) = contents.arrays(ArrayFiles::Safetensors)?;
        return Ok(skipping(open_tensors(folder, &tensors, (part, reading), stays)?, skipped));
    }
    let (arrays, others) = contents.arrays(ArrayFiles::Npy)?;
    let (pictures, skipped) = contents.pictures();
    if arrays.is_empty() {
        let are_rows = reading.meaning() == Some(Meaning::Rows);
        if (pictures.is_empty() || are_rows)
            && let Some(opened) = open_others(folder, &mut contents, reading, stays)?
        {
            return Ok(opened);
        }
        if pictures.is_empty()
            && let Some(format) = cifar::guess_all(&contents.listing)
        {
            return cifar::open(folder, format, reading);
        }
        return open_pictures(folder, pictures, skipped, reading)
            .map_err(|why| without_pictures(folder, &contents, why));
    }
    let only: Vec<&PathBuf> = pictures.iter().filter(|path| !arrays.contains(path)).collect();
    match (reading.meaning(), only.len()) {
        (Some(Meaning::Pictures), 1..) => open_pictures(folder, pictures, skipped, reading),
        (None, 1..) => Err(Error::input(folder, both(&only, &arrays.iter().collect::<Vec<_>>()))),
        (Some(Meaning::Rows), _) | (_, 0) => {
            Ok(skipping(open_arrays(folder, &arrays, reading, stays)?, others))
        }
    }
}

/// Safetensors files, or archives of arrays, where a folder has no `.npy`.
fn open_others(
    folder: &Path,
    contents: &mut Contents,
    reading: &Reading,
    stays: bool,
) -> Result<Option<Opened>> {
    let (tensors, skipped) = contents.arrays(ArrayFiles::Safetensors)?;
    if !tensors.is_empty() {
        let opened = open_tensors(folder, &tensors, (None, reading), stays)?;
        return Ok(Some(skipping(opened, skipped)));
    }
    let (archives, skipped) = contents.arrays(ArrayFiles::Archives)?;
    if archives.is_empty() {
        return Ok(None);
    }
    let opened = archives.iter().map(|path| open_file(path, None, reading)).collect::<Result<Vec<_>>>()?;
    Ok(Some(skipping(of_folder(folder, join(opened)?), skipped)))
}

/// One file of a folder, its rows in memory.
fn open_file(path: &Path, part: Option<&str>, reading: &Reading) -> Result<Opened> {
    let (file, length) = safe_open::open(path)?;
    let start = start_of(path, &file)?;
    let format = Format::of(&start).ok_or_else(|| unknown(path, &start))?;
    format.open(OpenFile { path, file, length, part, reading, stays: false }).map(as_part)
}

fn skipping(Opened { source, description }: Opened, skipped: SkippedFiles) -> Opened {
    Opened { source, description: DataDescription { skipped, ..description } }
}

/// What was joined of its files, by its own name.
fn of_folder(folder: &Path, Opened { source, description }: Opened) -> Opened {
    let path = Some(folder.to_owned());
    Opened { source, description: DataDescription { path, others: Vec::new(), ..description } }
}

/// Kinds of files that are read by themselves, by their endings.
const SINGLE: [(&str, &str); 3] =
    [("mat", "MATLAB files"), ("csv", "tables of text"), ("tsv", "tables of text")];
/// Endings of files that have to be converted.
const CONVERTED: [&str; 7] = ["h5", "hdf5", "pt", "pth", "parquet", "pkl", "pickle"];

/// Why a folder is refused that has no pictures, but files of rows that no folder is read of.
fn without_pictures(folder: &Path, contents: &Contents, why: Error) -> Error {
    if !matches!(&why, Error::Input { path, .. } if path == folder) {
        return why;
    }
    let fact = "no picture and no .npy in this folder, but";
    for (ending, what) in SINGLE {
        let count = contents.listing.named(ending).len();
        if count > 0 {
            let remedy = "give one of them, or save their arrays with numpy.save";
            return Error::input(folder, format!("{fact} {what}, {count}; {remedy}"));
        }
    }
    for ending in CONVERTED {
        let files = contents.listing.named(ending);
        let Some(first) = files.first() else { continue };
        if let Err(Error::Input { reason, .. }) = super::open(first, &Reading::default(), true) {
            let name = first.file_name().unwrap_or_default().to_string_lossy();
            return Error::input(
                folder,
                format!("{fact} .{ending} files, {}; {name}: {reason}", files.len()),
            );
        }
    }
    why
}

/// Why a folder of pictures and arrays is refused.
fn both(pictures: &[&PathBuf], arrays: &[&PathBuf]) -> String {
    let some = |files: &[&PathBuf]| {
        let name = files[0].file_name().unwrap_or_default().to_string_lossy().into_owned();
        let more = if files.len() > 1 { ", …" } else { "" };
        format!("{} ({name}{more})", files.len())
    };
    format!(
        "this folder holds picture files, {}, and arrays, {}; `as` pictures takes the pictures, `as` rows the arrays, or put them into \
         folders of their own",
        some(pictures),
        some(arrays)
    )
}

fn open_pictures(
    folder: &Path,
    files: Vec<PathBuf>,
    skipped: SkippedFiles,
    reading: &Reading,
) -> Result<Opened> {
    if files.is_empty() {
        return Err(Error::input(folder, nothing_in_it(&skipped, reading.recursive)));
    }
    images::open_files(folder, files, skipped, reading)
}

/// Why a folder has no pictures, and what to do.
fn nothing_in_it(skipped: &SkippedFiles, is_searched: bool) -> String {
    let fact = format!("no {} images in this folder", images::names());
    if skipped.count_of(SkipReason::InSubfolder) > 0 || skipped.warning().is_some() {
        return format!("{fact}; {}", skipped.warning().unwrap_or_default());
    }
    let searched = if is_searched { "" } else { " (subfolders are searched with `recursive`)" };
    format!("{fact}; put some into it{searched}, or give a file: {}", Format::known())
}

/// Arrays of a folder: rows that go on from file to file, or pictures where each has three dimensions or it is said.
fn open_arrays(folder: &Path, arrays: &[PathBuf], reading: &Reading, stays: bool) -> Result<Opened> {
    let layouts = arrays.iter().map(|path| header::layout(path)).collect::<Result<Vec<_>>>()?;
    let are_pictures = match reading.meaning() {
        Some(meaning) => meaning == Meaning::Pictures,
        None => are_all_pictures(arrays, &layouts)?,
    };
    if are_pictures {
        check_stacks(folder, arrays, &layouts)?;
        let all = arrays.iter().map(|path| open_file(path, None, reading)).collect::<Result<Vec<_>>>()?;
        return Ok(of_folder(folder, join(all)?));
    }
    open_rows(folder, arrays, (None, reading), stays, npy::array)
}

/// Tensors of a folder: rows that go on from file to file, or pictures where it is said.
fn open_tensors(
    folder: &Path,
    files: &[PathBuf],
    (part, reading): (Option<&str>, &Reading),
    stays: bool,
) -> Result<Opened> {
    open_rows(folder, files, (part, reading), stays, |path, file, length| {
        safetensors::array(path, file, length, (part, reading))
    })
}

/// Rows that go on from file to file: where they are, if they may stay and can be read one by one; else in memory.
fn open_rows(
    folder: &Path,
    files: &[PathBuf],
    (part, reading): (Option<&str>, &Reading),
    stays: bool,
    array: impl for<'a> Fn(&'a Path, &'a File, u64) -> Result<ArrayInFile<'a>>,
) -> Result<Opened> {
    let mut stored = Vec::new();
    for path in files {
        let (file, length) = safe_open::open(path)?;
        stored.push(array(path, &file, length)?.rows(reading)?);
    }
    let stored: Option<Vec<StoredRows>> = stored.into_iter().collect();
    if let Some((store, description)) =
        stored.map(|stored| Store::of_files(folder, stored, reading)).transpose()?.flatten()
    {
        let source = if stays { Source::Stored(Arc::new(store)) } else { Source::Rows(store.table()?) };
        return Ok(Opened { source, description });
    }
    let opened = files.iter().map(|path| open_file(path, part, reading)).collect::<Result<Vec<_>>>()?;
    Ok(of_folder(folder, join(opened)?))
}

/// Whether arrays are pictures by their dimensions, of which nothing was said; some of rows and some of pictures, as images
/// and their labels are, are refused.
fn are_all_pictures(arrays: &[PathBuf], layouts: &[ArrayLayout]) -> Result<bool> {
    let is_picture = |layout: &ArrayLayout| layout.shape.len() > 2;
    let first = is_picture(&layouts[0]);
    let Some(other) = layouts.iter().position(|layout| is_picture(layout) != first) else { return Ok(first) };
    let fact = format!(
        "an array of shape {:?}, but that of {} is {:?}: two dimensions are rows, more are pictures",
        layouts[other].shape,
        arrays[0].display(),
        layouts[0].shape
    );
    let remedy = "put what is to be learned from into a folder of its own, or say what all of them are, `as` pictures or `as` rows";
    Err(Error::input(&arrays[other], format!("{fact}; {remedy}")))
}

/// Refuses pictures on several scales, and more of them than there is memory for, before any is read.
fn check_stacks(folder: &Path, arrays: &[PathBuf], layouts: &[ArrayLayout]) -> Result<()> {
    check_scales(arrays.iter().zip(layouts).map(|(path, layout)| (&**path, layout.dtype)))?;
    let bytes = |layout: &ArrayLayout| promised(&layout.shape, size_of::<f32>()).unwrap_or(usize::MAX) as u64;
    check_memory(folder, layouts.iter().map(bytes).fold(0, u64::saturating_add))
}
