//! The user's word on how DATA are read where the files do not say it: rows or pictures, the dimensions of an array, the
//! numbers of files without a header.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::axes::{Axes, Meaning};
use super::class_choice::ClassChoice;
use super::column_choice::ColumnChoice;
use super::dtype::{DType, Endian};

/// The user's word on DATA; the default says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Kind and width of rows in files without a header.
    pub raw: Option<RawRows>,
    /// Rows or pictures.
    pub meaning: Option<Meaning>,
    /// The dimensions of an array.
    pub axes: Option<Axes>,
    /// Whether folders in a folder are searched, too.
    pub recursive: bool,
    /// The format of files that do not say it themselves.
    pub format: Option<DataFormat>,
    /// The columns of a table of text that are learned from.
    pub use_columns: Option<ColumnChoice>,
    /// Its column that holds labels.
    pub label_column: Option<String>,
    /// A file of labels, one for each row or picture.
    pub labels: Option<PathBuf>,
    /// The classes of labelled data that are taken; all others are left out.
    pub classes: Option<ClassChoice>,
    /// Whether arrays are files of a folder, of which each may be one picture: said by whoever opens the folder.
    #[doc(hidden)]
    pub of_folder: bool,
}

/// A format of files that nothing in them tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DataFormat {
    /// The binary version of CIFAR-10: a label and 32×32 pixels in colour.
    Cifar10,
    /// That of CIFAR-100: a coarse label, a fine one, and as many pixels.
    Cifar100,
}

impl DataFormat {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cifar10, Self::Cifar100];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
        }
    }
}

impl fmt::Display for DataFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The rows of a file without a header: `u8:784`, or `i16be:784` with the highest byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RawRows {
    /// The type of the numbers.
    pub dtype: DType,
    /// The order of their bytes.
    pub endian: Endian,
    /// Numbers a row.
    pub cols: usize,
}

impl FromStr for RawRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(kind, cols)| {
            let (kind, endian) = match (kind.strip_suffix("be"), kind.strip_suffix("le")) {
                (Some(kind), _) => (kind, Endian::Big),
                (None, other) => (other.unwrap_or(kind), Endian::Little),
            };
            let dtype = DType::ALL.into_iter().find(|dtype| dtype.name() == kind)?;
            // Single bytes have no order.
            let endian = if dtype.size() == 1 { Endian::Little } else { endian };
            Some(Self { dtype, endian, cols: cols.parse().ok().filter(|&cols| cols > 0)? })
        });
        parsed.ok_or_else(|| {
            let kinds = DType::ALL.map(DType::name).join(", ");
            format!("{text:?} names no rows; give their kind and width, as u8:784 or i16be:784 (highest byte first), of {kinds}")
        })
    }
}

impl TryFrom<String> for RawRows {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RawRows> for String {
    fn from(rows: RawRows) -> Self {
        rows.to_string()
    }
}

impl fmt::Display for RawRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.endian == Endian::Big { "be" } else { "" };
        write!(f, "{}{order}:{}", self.dtype.name(), self.cols)
    }
}

impl Reading {
    /// The setting that is for tables of text alone, where one is given.
    pub(super) fn of_tables(&self) -> Option<String> {
        let columns = self.use_columns.as_ref().map(|columns| format!("`use_columns` {columns}"));
        columns.or_else(|| self.label_column.as_ref().map(|column| format!("`label_column` {column}")))
    }

    /// Rows or pictures, where either setting says so.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        self.meaning.or_else(|| self.axes.as_ref().map(Axes::meaning))
    }

    /// The meaning of each dimension of an array of this shape; an error says why there is none and what to do.
    pub(super) fn axes(&self, shape: &[usize]) -> Result<Axes, String> {
        self.axes_or(shape, |shape, meaning| Axes::usual(shape.len(), meaning))
    }

    /// The same, with the axes that are `usual` where nothing was said.
    pub(super) fn axes_or(
        &self,
        shape: &[usize],
        usual: impl FnOnce(&[usize], Option<Meaning>) -> Option<Axes>,
    ) -> Result<Axes, String> {
        if let Some(axes) = &self.axes {
            if axes.list().len() != shape.len() {
                let named = axes.list().len();
                return Err(format!(
                    "an array of shape {shape:?}, but `axes` {axes} names {named} dimensions"
                ));
            }
            if let Some(meaning) = self.meaning.filter(|&meaning| meaning != axes.meaning()) {
                return Err(format!(
                    "`axes` {axes} are those of {}, but `as` {meaning}; leave one out",
                    axes.meaning()
                ));
            }
            return Ok(axes.clone());
        }
        // A file each is how single pictures in colour come.
        if self.of_folder && self.meaning != Some(Meaning::Rows) && matches!(shape, [_, _, 1 | 3]) {
            return Ok(Axes::one_picture());
        }
        usual(shape, self.meaning).ok_or_else(|| no_meaning(shape))
    }
}

/// Why an array of this many dimensions is refused, and what makes rows of it.
fn no_meaning(shape: &[usize]) -> String {
    let remedy = match shape {
        [] => "give an array of numbers".to_owned(),
        [length] => format!("make rows of it with a.reshape(-1, WIDTH), of {length} numbers in all"),
        _ => {
            let rest = vec!["length"; shape.len() - 1].join(",");
            format!("say what they are, for rows as `axes` count,{rest}")
        }
    };
    let meaning =
        "rows are [count, length], pictures [count, height, width] or [count, height, width, 1 or 3]";
    let dimensions = match shape.len() {
        0 => "a single number".to_owned(),
        1 => "one dimension".to_owned(),
        many => format!("{many} dimensions"),
    };
    format!("an array of shape {shape:?} has {dimensions}, but {meaning}; {remedy}")
}
