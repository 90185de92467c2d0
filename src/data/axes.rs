//! The dimensions of an array: the meaning of each, and the order in which numbers are wanted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The meaning of arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Meaning {
    /// Examples, one behind the other.
    Rows,
    /// Pictures, from which patches are cut.
    Pictures,
}

/// The meaning of one dimension of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Which example, or which picture.
    Count,
    /// Which number of an example.
    Length,
    /// Pixels down.
    Height,
    /// Pixels across.
    Width,
    /// Grey, or red, green and blue.
    Channels,
}

impl Axis {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Length => "length",
            Self::Height => "h",
            Self::Width => "w",
            Self::Channels => "c",
        }
    }

    /// Where numbers of `meaning` stand, in the words of an error.
    pub(super) fn place(self, meaning: Meaning) -> &'static str {
        match self {
            Self::Count if meaning == Meaning::Pictures => "picture",
            Self::Count | Self::Height => "row",
            Self::Length | Self::Width => "column",
            Self::Channels => "channel",
        }
    }
}

/// The meanings of all dimensions of an array, in its own order: of pictures `h`, `w`, at most one `c` and any `count`; of rows at
/// least one `count` and one `length`, of which several are taken together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Axes(Vec<Axis>);

impl Axes {
    /// Those of an array of so many dimensions where nothing was said: rows are `[count, length]`, pictures
    /// `[count, height, width]` or `[count, height, width, channels]`. `None` where there is no usual meaning.
    pub(super) fn usual(dimensions: usize, meaning: Option<Meaning>) -> Option<Self> {
        use Axis::{Channels, Count, Height, Length, Width};
        let rows = |dimensions| [&[Count][..], &vec![Length; dimensions - 1]].concat();
        let axes = match (dimensions, meaning) {
            (2, Some(Meaning::Pictures)) => vec![Height, Width],
            (2, _) => rows(2),
            (3 | 4, Some(Meaning::Rows)) => rows(dimensions),
            (3, _) => vec![Count, Height, Width],
            (4, _) => vec![Count, Height, Width, Channels],
            _ => return None,
        };
        Some(Self(axes))
    }

    /// The same in files of MATLAB, where the first dimension counts rows and the last one pictures: `[height, width, count]`,
    /// `[height, width, channels, count]`. Three channels at the end are one picture in colour, as `imread` gives it.
    #[cfg(feature = "files")]
    pub(super) fn usual_in_matlab(shape: &[usize], meaning: Option<Meaning>) -> Option<Self> {
        use Axis::{Channels, Count, Height, Length, Width};
        let axes = match (shape, meaning) {
            ([_, _], Some(Meaning::Pictures)) => vec![Height, Width],
            ([_, _], _) => vec![Count, Length],
            ([_, _, _] | [_, _, _, _], Some(Meaning::Rows)) => {
                [&vec![Length; shape.len() - 1][..], &[Count]].concat()
            }
            ([_, _, 1 | 3], _) => vec![Height, Width, Channels],
            ([_, _, _], _) => vec![Height, Width, Count],
            ([_, _, _, _], _) => vec![Height, Width, Channels, Count],
            _ => return None,
        };
        Some(Self(axes))
    }

    /// Those of rows: `count,length`.
    pub(super) fn rows() -> Self {
        Self(vec![Axis::Count, Axis::Length])
    }

    /// Those of one picture in colour: `h,w,c`.
    pub(super) fn one_picture() -> Self {
        Self(vec![Axis::Height, Axis::Width, Axis::Channels])
    }

    /// The dimensions, in the order of the array.
    pub fn list(&self) -> &[Axis] {
        &self.0
    }

    /// Rows or pictures.
    pub fn meaning(&self) -> Meaning {
        if self.0.contains(&Axis::Length) { Meaning::Rows } else { Meaning::Pictures }
    }

    /// Numbers of the dimensions in the order in which they are wanted.
    pub(crate) fn order(&self) -> Vec<usize> {
        let rank = |axis: Axis| match axis {
            Axis::Count => 0,
            Axis::Length | Axis::Height => 1,
            Axis::Width => 2,
            Axis::Channels => 3,
        };
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&dimension| rank(self.0[dimension]));
        order
    }

    /// The product of the lengths in `shape` that are `axis`; 1 where none is. Where it overflows, more than there can be.
    pub(super) fn extent(&self, shape: &[usize], axis: Axis) -> usize {
        let lengths = self.0.iter().zip(shape).filter(|(found, _)| **found == axis);
        lengths.fold(1, |product, (_, &length)| product.saturating_mul(length))
    }
}

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            let known = "name each dimension of the array: count, h, w and c of pictures, or count and length of rows, \
                         as count,c,h,w or length,count";
            format!("{text:?}: {why}; {known}")
        };
        let axis = |name: &str| match name.trim().to_lowercase().as_str() {
            "count" | "n" => Ok(Axis::Count),
            "length" => Ok(Axis::Length),
            "h" | "height" => Ok(Axis::Height),
            "w" | "width" => Ok(Axis::Width),
            "c" | "channels" => Ok(Axis::Channels),
            other => Err(refused(&format!("{other:?} is no dimension"))),
        };
        let axes = text.split(',').map(axis).collect::<Result<Vec<_>, _>>()?;
        let times = |axis| axes.iter().filter(|&&found| found == axis).count();
        let [count, length] = [Axis::Count, Axis::Length].map(times);
        let pixels = [Axis::Height, Axis::Width, Axis::Channels].map(times);
        match (count, length, pixels) {
            (1.., 1.., [0, 0, 0]) | (_, 0, [1, 1, 0 | 1]) => Ok(Self(axes)),
            (0, 1.., _) => Err(refused("rows have a count")),
            (_, 1.., _) => Err(refused("an array holds rows or pictures, not both")),
            _ => Err(refused("pictures have one h, one w, and at most one c")),
        }
    }
}

impl TryFrom<String> for Axes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Axes> for String {
    fn from(axes: Axes) -> Self {
        axes.to_string()
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|axis| axis.name()).collect();
        f.write_str(&names.join(","))
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rows => "rows",
            Self::Pictures => "pictures",
        })
    }
}
