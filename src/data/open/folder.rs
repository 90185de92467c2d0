//! Folders of DATA: pictures, arrays of rows that go on from file to file, or arrays of pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::axes::{Axes, Meaning};
use crate::data::description::DataDescription;
use crate::data::formats::npy::{self, header};
use crate::data::formats::{ArrayLayout, Format, OpenFile, check_memory, images, promised};
use crate::data::listing::{Contents, Listing};
use crate::data::pictures::Pictures;
use crate::data::reading::Reading;
use crate::data::scale::Scale;
use crate::data::skipped::{SkipReason, SkippedFiles};
use crate::data::source::{Opened, Source};
use crate::data::stream::Store;
use crate::error::{Error, Result};
use crate::io::safe_open;

/// Opens a folder of pictures or of arrays; one that holds both needs a word of the user.
pub fn open(folder: &Path, reading: &Reading, stays: bool) -> Result<Opened> {
    let mut contents = Listing::of(folder)?.with_contents();
    let (arrays, others) = contents.arrays()?;
    let (pictures, skipped) = contents.pictures();
    if arrays.is_empty() {
        return open_pictures(folder, pictures, skipped, reading)
            .map_err(|why| without_pictures(folder, &contents, why));
    }
    let only: Vec<&PathBuf> = pictures.iter().filter(|path| !arrays.contains(path)).collect();
    match (reading.meaning(), only.len()) {
        (Some(Meaning::Pictures), 1..) => open_pictures(folder, pictures, skipped, reading),
        (None, 1..) => Err(Error::input(folder, both(&only, &arrays.iter().collect::<Vec<_>>()))),
        (Some(Meaning::Rows), _) | (_, 0) => {
            let Opened { source, description } = open_arrays(folder, &arrays, reading, stays)?;
            Ok(Opened { source, description: DataDescription { skipped: others, ..description } })
        }
    }
}

/// Kinds of files that are read by themselves, by their endings.
const SINGLE: [(&str, &str); 4] =
    [("npz", ".npz archives"), ("mat", "MATLAB files"), ("csv", "tables of text"), ("tsv", "tables of text")];
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
        return Err(Error::input(folder, nothing_in_it(&skipped)));
    }
    images::open_files(folder, files, skipped, reading)
}

/// Why a folder has no pictures, and what to do.
fn nothing_in_it(skipped: &SkippedFiles) -> String {
    let fact = "no PNG or JPEG images in this folder";
    if skipped.count_of(SkipReason::InSubfolder) > 0 || skipped.warning().is_some() {
        return format!("{fact}; {}", skipped.warning().unwrap_or_default());
    }
    format!("{fact}; put some into it (subfolders are not searched), or give a file: {}", Format::known())
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
        return open_stacks(folder, arrays, &layouts, reading);
    }
    let (store, description) = Store::open_folder(folder, arrays, reading)?;
    let source = if stays { Source::Stored(Arc::new(store)) } else { Source::Rows(store.table()?) };
    Ok(Opened { source, description })
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

/// Refuses pictures that the kinds of their numbers put on different scales, and more of them than there is memory for.
fn check_stacks(folder: &Path, arrays: &[PathBuf], layouts: &[ArrayLayout]) -> Result<()> {
    let divisor = |layout: &ArrayLayout| Scale::Pixels.divisor(layout.dtype);
    let common = divisor(&layouts[0]);
    if let Some(other) = layouts.iter().position(|layout| divisor(layout) != common) {
        let [is, was] = [other, 0].map(|at: usize| layouts[at].dtype.name());
        let fact = format!(
            "pictures of {is}, but those of {} are {was}, and bytes are divided by 255, floats taken as they are",
            arrays[0].display()
        );
        let remedy = "save all of them as one kind of number, or put them into folders of their own";
        return Err(Error::input(&arrays[other], format!("{fact}; {remedy}")));
    }
    let bytes = |layout: &ArrayLayout| promised(&layout.shape, size_of::<f32>()).unwrap_or(usize::MAX) as u64;
    check_memory(folder, layouts.iter().map(bytes).fold(0, u64::saturating_add))
}

/// Pictures in several arrays, one or more in each.
fn open_stacks(
    folder: &Path,
    arrays: &[PathBuf],
    layouts: &[ArrayLayout],
    reading: &Reading,
) -> Result<Opened> {
    let mut all = Vec::new();
    let mut first: Option<DataDescription> = None;
    let mut ambiguity = None;
    for (path, layout) in arrays.iter().zip(layouts) {
        let reading = match layout.shape[..] {
            // A file each is how single pictures in colour come.
            [_, _, 1 | 3] if reading.axes.is_none() => {
                Reading { axes: Some(Axes::one_picture()), ..reading.clone() }
            }
            // Where nothing was said, other meanings are looked for.
            _ => reading.clone(),
        };
        let (file, length) = safe_open::open(path)?;
        let file = OpenFile { path, file, length, part: None, reading: &reading, stays: false };
        let Opened { source, description } = npy::FORMAT.open(file)?;
        match source {
            Source::Images(pictures) => all.push(pictures),
            _ => return Err(Error::input(path, "it has changed since it was looked at; start again")),
        }
        let of_file = |ambiguity: &String| format!("{}: {ambiguity}", path.display());
        ambiguity = ambiguity.or_else(|| description.ambiguity.as_ref().map(of_file));
        first.get_or_insert(description);
    }
    let all = Pictures::joined(&all);
    let sizes = DataDescription::pictures(Some(folder), all.list(), SkippedFiles::default());
    let description = first.map_or(sizes.clone(), |first| DataDescription {
        dtype: first.dtype,
        axes: first.axes,
        shape: first.shape,
        files: arrays.len(),
        ambiguity,
        ..sizes
    });
    Ok(Opened { source: Source::Images(Arc::new(all)), description })
}
