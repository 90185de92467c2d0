//! What DATA was taken for, in one line and as JSON.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::array::Layout;
use super::left_out::LeftOut;
use super::numbers::Number;
use super::reading::{Axes, Axis, Meaning};
use super::scale::in_words;
use super::{Listed, Scale, dead_leaves};
use crate::error::shown;
use crate::io::paths::PathText;

/// What DATA was taken for.
#[derive(Clone, Debug)]
pub struct Taken {
    /// DATA; `None` for the built-in pictures.
    pub path: Option<PathBuf>,
    /// Files that were taken.
    pub files: usize,
    /// Rows or pictures, and how many of what size.
    pub found: Found,
    /// Lengths of the dimensions, of the rows or of the array that holds them or the pictures.
    pub shape: Vec<usize>,
    /// What the numbers are stored as; `None` for picture files.
    pub number: Option<Number>,
    /// What the dimensions of the array are; `None` for picture files.
    pub axes: Option<Axes>,
    /// Whether bytes are pixels: pictures and IDX.
    pub pixels: bool,
    /// What of a folder was not taken.
    pub left_out: LeftOut,
    /// What else the array may be, and the setting that says so.
    pub doubt: Option<String>,
}

/// What was found in DATA.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
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

impl Found {
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

impl Taken {
    /// Rows or pictures of one array.
    pub(super) fn array(path: &Path, layout: &Layout, axes: Axes) -> Self {
        let extent = |axis| axes.extent(&layout.shape, axis);
        let [count, height, width] = [Axis::Count, Axis::Height, Axis::Width].map(extent);
        let found = match axes.meaning() {
            Meaning::Rows => Found::Rows { rows: count, cols: extent(Axis::Length) },
            Meaning::Pictures => Found::Pictures {
                count,
                coloured: if extent(Axis::Channels) == 3 { count } else { 0 },
                smallest: (width, height),
                largest: (width, height),
            },
        };
        Self {
            path: Some(path.to_owned()),
            files: 1,
            pixels: axes.meaning() == Meaning::Pictures,
            found,
            shape: layout.shape.clone(),
            number: Some(layout.number),
            axes: Some(axes),
            left_out: LeftOut::default(),
            doubt: None,
        }
    }

    /// Picture files.
    pub(super) fn pictures(path: Option<&Path>, pictures: &[Listed], left_out: LeftOut) -> Self {
        Self {
            path: path.map(Path::to_owned),
            files: pictures.len(),
            found: Found::pictures(pictures.iter().map(|p| (p.width, p.height, p.channels))),
            shape: Vec::new(),
            number: None,
            axes: None,
            pixels: true,
            left_out,
            doubt: None,
        }
    }

    /// Rows that a program holds.
    pub fn rows_in_memory(rows: usize, cols: usize) -> Self {
        Self {
            path: Some("rows in memory".into()),
            files: 1,
            found: Found::Rows { rows, cols },
            shape: vec![rows, cols],
            number: Some(Number::F32),
            axes: Some(Axes::rows()),
            pixels: false,
            left_out: LeftOut::default(),
            doubt: None,
        }
    }

    /// Those that are drawn where there is no DATA.
    pub fn built_in() -> Self {
        let (count, side) = (dead_leaves::PICTURES as usize, dead_leaves::SIDE);
        let found = Found::Pictures { count, coloured: 0, smallest: (side, side), largest: (side, side) };
        Self { found, ..Self::pictures(None, &[], LeftOut::default()) }
    }

    /// The scale where nothing else was said.
    pub fn usual_scale(&self) -> Scale {
        if self.pixels { Scale::Pixels } else { Scale::AsIs }
    }

    /// What [`Scale::Pixels`] comes to for these numbers, so that it can be said without a look at them: version 0.1.0 divided
    /// all bytes by 255.
    pub fn scale_of_pixels(&self) -> Scale {
        match self.number.map(|number| Scale::Pixels.divisor(number)) {
            Some(divisor) => Scale::of(divisor).unwrap_or_default(),
            None => Scale::Pixels,
        }
    }

    /// What `scale` divides these numbers by; `None` for picture files, whose white is 1.
    fn divisor(&self, scale: Scale) -> Option<f64> {
        let of_pictures = matches!(self.found, Found::Pictures { .. });
        let scale = if of_pictures { Scale::Pixels } else { scale };
        self.number.map(|number| scale.divisor(number))
    }

    /// DATA, what it was taken for, and what was left out, in one line.
    pub fn line(&self, scale: Scale) -> String {
        let path = self.path.as_deref().map_or_else(|| "built-in pictures".to_owned(), shown);
        let files = if self.files > 1 && self.number.is_some() {
            format!("{} files, ", self.files)
        } else {
            String::new()
        };
        let found = self.found_in_words();
        let number = self.number.map(|number| format!(" ({})", number.name())).unwrap_or_default();
        let scale = self.divisor(scale).map_or_else(|| "black 0 and white 1".to_owned(), in_words);
        let axes = self
            .axes
            .as_ref()
            .filter(|axes| **axes != Axes::rows())
            .map(|axes| format!(", an array of shape {:?} as {axes}", self.shape));
        // Of a folder of picture files a warning has told what somebody may miss.
        let left_out = if self.number.is_none() { self.left_out.others() } else { self.left_out.clone() };
        let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {left_out}") };
        format!("{path}: {files}{found}{number}{}, {scale}{left_out}", axes.unwrap_or_default())
    }

    fn found_in_words(&self) -> String {
        match self.found {
            Found::Rows { rows, cols } => format!("{} of {}", counted(rows, "row"), counted(cols, "number")),
            Found::Pictures { count, coloured, smallest, largest } => {
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
                format!("{} {colours}, {sizes}", counted(count, "picture"))
            }
        }
    }

    /// The same for programs: `kind`, `count`, `shape`, `dtype`, `scale`, `divide`, `axes`, `files`, `left_out`.
    pub fn json(&self, scale: Scale) -> Value {
        let divide = self.divisor(scale);
        let (kind, count) = match self.found {
            Found::Rows { rows, .. } => ("rows", rows),
            Found::Pictures { count, .. } => ("pictures", count),
        };
        let mut value = json!({
            "path": self.path.as_deref().map(PathText::from),
            "kind": kind,
            "count": count,
            "shape": self.shape,
            "dtype": self.number.map(Number::name),
            "scale": divide.map_or_else(|| "black 0 and white 1".to_owned(), in_words),
            "divide": divide,
            "axes": self.axes.as_ref().map(ToString::to_string),
            "files": self.files,
            "left_out": self.left_out,
        });
        if let Found::Pictures { coloured, smallest, largest, .. } = self.found {
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
