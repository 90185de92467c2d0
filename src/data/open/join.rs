//! Several DATA, or several files of a folder, as one: rows that go on from one to the next, or pictures.

use std::path::Path;
use std::sync::Arc;

use crate::data::axes::Axes;
use crate::data::description::{DataContents, DataDescription};
use crate::data::dtype::DType;
use crate::data::labels::Labels;
use crate::data::pictures::Pictures;
use crate::data::scale::{self, Scale};
use crate::data::source::{Opened, Source};
use crate::data::stream::Store;
use crate::data::table::Table;
use crate::error::{DATA, Error, Result};

/// What was opened one by one, joined: rows of one width, which stay where they are if all of them do and their numbers are of
/// one type; or pictures.
///
/// # Errors
/// [`Error::Input`] names the first that does not go together with the first of all.
pub fn join(mut parts: Vec<Opened>) -> Result<Opened> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let Some(first) = parts.first() else {
        return Err(Error::usage("no DATA; name at least one file or folder"));
    };
    parts.iter().try_for_each(|part| check(&first.description, &part.description))?;
    let descriptions: Vec<DataDescription> = parts.iter().map(|part| part.description.clone()).collect();
    let source = match &first.source {
        Source::Images(_) => Source::Images(Arc::new(pictures(parts))),
        _ => rows(parts)?,
    };
    let description = described(&descriptions, &source);
    Ok(Opened { source, description })
}

/// One of several parts, which is named where its meaning is in doubt.
pub fn as_part(mut part: Opened) -> Opened {
    if let (Some(path), Some(doubt)) = (&part.description.path, &mut part.description.ambiguity) {
        *doubt = format!("{}: {doubt}", path.display());
    }
    part
}

/// Refuses what does not go together.
fn check(first: &DataDescription, other: &DataDescription) -> Result<()> {
    let name = |data: &DataDescription| data.path.clone().unwrap_or_else(|| DATA.into());
    let (one, those) = (name(other), name(first).display().to_string());
    let (fact, remedy) = match (&first.contents, &other.contents) {
        (DataContents::Rows { cols: was, .. }, DataContents::Rows { cols, .. }) if was != cols => (
            format!("rows of {cols} numbers, but those of {those} have {was}"),
            "rows that are taken together have one width",
        ),
        (DataContents::Rows { .. }, DataContents::Pictures { .. }) => (
            format!("pictures, but {those} holds rows"),
            "give rows or pictures alone, or say with `as` what arrays are",
        ),
        (DataContents::Pictures { .. }, DataContents::Rows { .. }) => (
            format!("rows, but {those} holds pictures"),
            "give rows or pictures alone, or say with `as` what arrays are",
        ),
        _ if scale(first) != scale(other) => (
            format!("{}, but those of {those} are {}", in_words(other), in_words(first)),
            "save all of them as one kind of number in one format",
        ),
        _ => return Ok(()),
    };
    Err(Error::input(one, format!("{fact}; {remedy}")))
}

/// The scale of numbers, where nothing else is said: whether they are divided, and by what they would be as pixels. Decoded
/// pictures have one scale.
fn scale(data: &DataDescription) -> (bool, Option<f64>) {
    let white = data.dtype.and_then(DType::white);
    match (&data.contents, data.dtype) {
        (DataContents::Pictures { .. }, dtype) => (dtype.is_none() || white.is_some(), None),
        (DataContents::Rows { .. }, _) => (data.pixels && white.is_some(), white),
    }
}

fn in_words(data: &DataDescription) -> String {
    match data.dtype {
        None => "pictures with black 0 and white 1".to_owned(),
        Some(dtype) => {
            format!("{} numbers, {}", dtype.name(), scale::in_words(data.usual_scale().divisor(dtype)))
        }
    }
}

fn pictures(parts: Vec<Opened>) -> Pictures {
    let of_part = |part: Opened| match part.source {
        Source::Images(pictures) => Some(pictures),
        Source::Rows(_) | Source::Stored(_) => None,
    };
    Pictures::joined(&parts.into_iter().filter_map(of_part).collect::<Vec<_>>())
}

/// Rows where they are, or all of them in memory.
fn rows(parts: Vec<Opened>) -> Result<Source> {
    let common = parts[0].source.dtype();
    let stay =
        parts.iter().all(|part| matches!(part.source, Source::Stored(_)) && part.source.dtype() == common);
    if stay {
        let stores = parts.into_iter().filter_map(|part| match part.source {
            // Nobody else has them yet.
            Source::Stored(store) => Arc::into_inner(store),
            Source::Rows(_) | Source::Images(_) => None,
        });
        if let Some(store) = Store::joined(stores)? {
            return Ok(Source::Stored(Arc::new(store)));
        }
        return Err(Error::usage("no DATA; name at least one file or folder"));
    }
    let path = parts[0].description.path.clone().unwrap_or_else(|| DATA.into());
    let tables = parts.into_iter().map(|part| match part.source {
        Source::Rows(table) => Ok(table),
        Source::Stored(store) => store.table(),
        Source::Images(_) => Err(Error::input(DATA, "pictures among rows; give rows or pictures alone")),
    });
    joined_tables(&path, tables).map(Source::Rows)
}

/// Tables of one width one behind the other; their type is the one that all of them have, or that holds all of them.
fn joined_tables(path: &Path, tables: impl Iterator<Item = Result<Table>>) -> Result<Table> {
    let mut all: Option<Table> = None;
    for table in tables {
        let table = table?;
        let Some(whole) = &mut all else {
            all = Some(table);
            continue;
        };
        let refused = |_| Error::input(path, "more rows than memory holds; give fewer, or rows of one type");
        whole.values.try_reserve_exact(table.values.len()).map_err(refused)?;
        whole.values.extend_from_slice(&table.values);
        whole.rows += table.rows;
        if whole.dtype != table.dtype {
            whole.dtype = DType::F64;
        }
    }
    all.ok_or_else(|| Error::input(path, "no rows; at least one is needed"))
}

/// All of them as one.
fn described(parts: &[DataDescription], source: &Source) -> DataDescription {
    let (first, others) = (&parts[0], &parts[1..]);
    let mut whole = first.clone();
    whole.files = parts.iter().map(|part| part.files).sum();
    whole.others =
        parts.iter().flat_map(|part| part.path.iter().chain(&part.others)).skip(1).cloned().collect();
    whole.pixels = parts.iter().all(|part| part.pixels);
    whole.ambiguity = parts.iter().find_map(|part| part.ambiguity.clone());
    let labels: Option<Vec<&Labels>> = parts.iter().map(|part| part.labels.as_deref()).collect();
    whole.labels = labels.map(|labels| Arc::new(Labels::joined(&labels)));
    others.iter().for_each(|part| whole.skipped.add_all(&part.skipped));
    match source {
        Source::Images(pictures) => {
            let sizes = pictures.list().iter().map(|p| (p.width, p.height, p.channels));
            whole.contents = DataContents::pictures(sizes);
            let is_alike = |part: &DataDescription| (&part.axes, &part.dtype) == (&first.axes, &first.dtype);
            if !others.iter().all(is_alike) {
                (whole.axes, whole.dtype, whole.shape) = (None, None, Vec::new());
            }
        }
        Source::Rows(_) | Source::Stored(_) => {
            let (rows, cols) = match source {
                Source::Rows(table) => (table.rows, table.cols),
                Source::Stored(store) => (store.rows, store.cols),
                Source::Images(_) => (0, 0),
            };
            whole.contents = DataContents::Rows { rows, cols };
            (whole.shape, whole.axes, whole.dtype) = (vec![rows, cols], Some(Axes::rows()), source.dtype());
        }
    }
    whole
}

/// Refuses arrays of pictures in a folder whose numbers are on several scales, before any is read.
pub fn check_scales<'a>(arrays: impl Iterator<Item = (&'a Path, DType)> + Clone) -> Result<()> {
    let is_divided = |dtype: DType| dtype.white().is_some();
    let mut others = arrays.clone();
    let Some((first, common)) = others.next() else { return Ok(()) };
    let other = others.find(|(_, dtype)| is_divided(*dtype) != is_divided(common));
    let Some((path, dtype)) = other else { return Ok(()) };
    let divided = |dtype: DType| scale::in_words(Scale::Pixels.divisor(dtype));
    let fact = format!(
        "pictures of {}, which are {}, but those of {} are {}, {}",
        dtype.name(),
        divided(dtype),
        first.display(),
        common.name(),
        divided(common)
    );
    let remedy = "save all of them as one kind of number, or put them into folders of their own";
    Err(Error::input(path, format!("{fact}; {remedy}")))
}
