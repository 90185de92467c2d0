//! The description of opened DATA: rows or pictures, how many, of which size and scale; in one line and as JSON.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::axes::{Axes, Axis, Meaning};
use super::dead_leaves;
use super::dtype::DType;
use super::labels::Labels;
use super::picture::PictureInfo;
use super::scale::{Scale, in_words};
use super::skipped::SkippedFiles;
use super::subset::Subset;
use crate::error::shown;
use crate::io::paths::PathText;

/// DATA as they were read, for the user and for programs.
#[derive(Clone, Debug)]
pub struct DataDescription {
    /// DATA; `None` for the built-in pictures and for rows that never were in a file.
    pub path: Option<PathBuf>,
    /// Further DATA, where several were given.
    pub others: Vec<PathBuf>,
    /// Files that are read, or pictures in memory.
    pub files: usize,
    /// Rows or pictures, and how many of what size.
    pub contents: DataContents,
    /// How many there are, where these are some of them.
    pub of: Option<usize>,
    /// Lengths of the dimensions, of the rows or of the array that holds them or the pictures.
    pub shape: Vec<usize>,
    /// How numbers are stored; `None` for picture files whose white is 1.
    pub dtype: Option<DType>,
    /// The meaning of its dimensions; `None` for picture files.
    pub axes: Option<Axes>,
    /// Whether bytes are pixels: pictures and IDX.
    pub pixels: bool,
    /// Files of a folder that are skipped.
    pub skipped: SkippedFiles,
    /// Another meaning that the array may have, and the setting that says so.
    pub ambiguity: Option<String>,
    /// Labels of the examples, or of the pictures that they are cut from.
    pub labels: Option<Arc<Labels>>,
}

/// The kind of examples in DATA.
#[derive(Clone, Debug, PartialEq)]
pub enum DataContents {
    /// Examples.
    Rows {
        /// m.
        rows: usize,
        /// n.
        cols: usize,
    },
    /// Pictures.
    Pictures {
        /// How many.
        count: usize,
        /// Of those, in colour.
        coloured: usize,
        /// Width and height of the smallest.
        smallest: (usize, usize),
        /// Of the largest.
        largest: (usize, usize),
    },
}

impl DataContents {
    fn of_pictures(pictures: &[PictureInfo]) -> Self {
        Self::pictures(pictures.iter().map(|p| (p.width, p.height, p.channels)))
    }

    /// Pictures of these widths, heights and channels.
    pub fn pictures(sizes: impl Iterator<Item = (usize, usize, usize)> + Clone) -> Self {
        let areas = sizes.clone().map(|(width, height, _)| (width, height));
        let area = |&(width, height): &(usize, usize)| width.saturating_mul(height);
        Self::Pictures {
            count: sizes.clone().count(),
            coloured: sizes.filter(|&(.., channels)| channels == 3).count(),
            smallest: areas.clone().min_by_key(area).unwrap_or_default(),
            largest: areas.max_by_key(area).unwrap_or_default(),
        }
    }
}

impl DataDescription {
    /// Rows or pictures of one array.
    pub(super) fn array(path: &Path, (shape, dtype): (&[usize], DType), axes: Axes) -> Self {
        let extent = |axis| axes.extent(shape, axis);
        let [count, height, width] = [Axis::Count, Axis::Height, Axis::Width].map(extent);
        let found = match axes.meaning() {
            Meaning::Rows => DataContents::Rows { rows: count, cols: extent(Axis::Length) },
            Meaning::Pictures => DataContents::Pictures {
                count,
                coloured: if extent(Axis::Channels) == 3 { count } else { 0 },
                smallest: (width, height),
                largest: (width, height),
            },
        };
        Self {
            path: Some(path.to_owned()),
            others: Vec::new(),
            files: 1,
            pixels: axes.meaning() == Meaning::Pictures,
            contents: found,
            of: None,
            shape: shape.to_vec(),
            dtype: Some(dtype),
            axes: Some(axes),
            skipped: SkippedFiles::default(),
            ambiguity: None,
            labels: None,
        }
    }

    /// Picture files.
    pub(super) fn pictures(path: Option<&Path>, pictures: &[PictureInfo], skipped: SkippedFiles) -> Self {
        Self {
            path: path.map(Path::to_owned),
            others: Vec::new(),
            files: pictures.len(),
            contents: DataContents::of_pictures(pictures),
            of: None,
            shape: Vec::new(),
            dtype: None,
            axes: None,
            pixels: true,
            skipped,
            ambiguity: None,
            labels: None,
        }
    }

    /// Rows in memory that never were in a file: `[rows, cols]`.
    pub(super) fn rows(rows: usize, cols: usize, dtype: DType) -> Self {
        Self {
            path: None,
            others: Vec::new(),
            files: 0,
            contents: DataContents::Rows { rows, cols },
            of: None,
            shape: vec![rows, cols],
            dtype: Some(dtype),
            axes: Some(Axes::rows()),
            pixels: false,
            skipped: SkippedFiles::default(),
            ambiguity: None,
            labels: None,
        }
    }

    /// The same of some of them; of pictures those are `pictures`.
    pub(super) fn subset(self, subset: &Subset, pictures: &[PictureInfo]) -> Self {
        let (contents, of) = match self.contents {
            DataContents::Pictures { count, .. } => (DataContents::of_pictures(pictures), count),
            DataContents::Rows { rows, cols } => (DataContents::Rows { rows: subset.len(), cols }, rows),
        };
        let has_each = |labels: &Arc<Labels>| labels.of.len() == of;
        let labels = self.labels.filter(has_each).map(|labels| Arc::new(labels.subset(subset)));
        Self { contents, of: Some(of), labels, ..self }
    }

    /// Those that are drawn where there is no DATA.
    pub fn built_in() -> Self {
        let (count, side) = (dead_leaves::PICTURES as usize, dead_leaves::SIDE);
        let found =
            DataContents::Pictures { count, coloured: 0, smallest: (side, side), largest: (side, side) };
        Self { contents: found, ..Self::pictures(None, &[], SkippedFiles::default()) }
    }

    /// The name of data that have no path.
    pub fn unnamed(&self) -> &'static str {
        match self.contents {
            DataContents::Rows { .. } => "rows in memory",
            DataContents::Pictures { .. } if self.files == 0 => "built-in pictures",
            DataContents::Pictures { .. } => "pictures in memory",
        }
    }

    /// The scale where nothing else was said.
    pub fn usual_scale(&self) -> Scale {
        if self.pixels { Scale::Pixels } else { Scale::AsIs }
    }

    /// The divisor that [`Scale::Pixels`] comes to for numbers of this type: version 0.1.0 divided all bytes by 255.
    pub fn scale_of_pixels(&self) -> Scale {
        match self.dtype.map(|dtype| Scale::Pixels.divisor(dtype)) {
            Some(divisor) => Scale::of(divisor).unwrap_or_default(),
            None => Scale::Pixels,
        }
    }

    /// The divisor of these numbers on a scale; `None` for picture files, whose white is 1.
    fn divisor(&self, scale: Scale) -> Option<f64> {
        let of_pictures = matches!(self.contents, DataContents::Pictures { .. });
        let scale = if of_pictures { Scale::Pixels } else { scale };
        self.dtype.map(|dtype| scale.divisor(dtype))
    }

    /// DATA, their meaning, and the files that are skipped, in one line.
    pub fn line(&self, scale: Scale) -> String {
        let path = match (&self.path, &self.contents) {
            (Some(path), _) => match &self.others[..] {
                [] => shown(path),
                [other] => format!("{} and {}", shown(path), shown(other)),
                others => format!("{} and {} others", shown(path), others.len()),
            },
            (None, _) => self.unnamed().to_owned(),
        };
        let files = if self.files > 1 && (self.dtype.is_some() || !self.others.is_empty()) {
            format!("{} files, ", self.files)
        } else {
            String::new()
        };
        let found = self.contents_in_words();
        let number = self.dtype.map(|dtype| format!(" ({})", dtype.name())).unwrap_or_default();
        let scale = self.divisor(scale).map_or_else(|| "black 0 and white 1".to_owned(), in_words);
        let axes = self
            .axes
            .as_ref()
            .filter(|axes| **axes != Axes::rows())
            .map(|axes| format!(", an array of shape {:?} as {axes}", self.shape));
        // Of a folder of picture files a warning has told what somebody may miss.
        let left_out = if self.axes.is_none() { self.skipped.others() } else { self.skipped.clone() };
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {left_out}") };
        let labels = self.labels.as_ref().map(|labels| format!(", {}", counted(labels.names.len(), "label")));
        let (axes, labels) = (axes.unwrap_or_default(), labels.unwrap_or_default());
        format!("{path}: {files}{found}{number}{axes}, {scale}{labels}{left_out}")
    }

    fn contents_in_words(&self) -> String {
        let counted_of = |count: usize, thing: &str| match self.of {
            Some(all) => format!("{count} of {}", counted(all, thing)),
            None => counted(count, thing),
        };
        match self.contents {
            DataContents::Rows { rows, cols } => {
                format!("{} of {}", counted_of(rows, "row"), counted(cols, "number"))
            }
            DataContents::Pictures { count, coloured, smallest, largest } => {
                let colours = match coloured {
                    0 => "in grey",
                    _ if coloured == count => "in colour",
                    _ => "in grey and colour",
                };
                let size = |(width, height)| format!("{width}×{height}");
                let sizes = if smallest == largest {
                    size(smallest)
                } else {
                    format!("{} to {}", size(smallest), size(largest))
                };
                format!("{} {colours}, {sizes}", counted_of(count, "picture"))
            }
        }
    }

    /// The same for programs: `kind`, `count`, `shape`, `dtype`, `scale`, `divide`, `axes`, `files`, `left_out`, `labels`;
    /// `paths` where several DATA were given, `of` where a subset is taken.
    pub fn json(&self, scale: Scale) -> Value {
        let divide = self.divisor(scale);
        let (kind, count) = match self.contents {
            DataContents::Rows { rows, .. } => ("rows", rows),
            DataContents::Pictures { count, .. } => ("pictures", count),
        };
        let mut value = json!({
            "path": self.path.as_deref().map(PathText::from),
            "kind": kind,
            "count": count,
            "shape": self.shape,
            "dtype": self.dtype.map(DType::name),
            "scale": divide.map_or_else(|| "black 0 and white 1".to_owned(), in_words),
            "divide": divide,
            "axes": self.axes.as_ref().map(ToString::to_string),
            "files": self.files,
            "left_out": self.skipped,
            "labels": self.labels.as_ref().map(|labels| labels.names.len()),
        });
        if let Some(all) = self.of {
            value["of"] = all.into();
        }
        if !self.others.is_empty() {
            let all = self.path.iter().chain(&self.others);
            value["paths"] = all.map(|path| json!(PathText::from(path.as_path()))).collect();
        }
        if let DataContents::Pictures { coloured, smallest, largest, .. } = self.contents {
            value["coloured"] = coloured.into();
            (value["smallest"], value["largest"]) = (json!(smallest), json!(largest));
        }
        value
    }
}

/// A number of things, one of which is called `thing`.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
