//! What the shape of an array means: rows or pictures; and the checks that all arrays go through.

use std::path::{Path, PathBuf};

use super::{Picture, Source, Table};
use crate::error::{Error, Result};

/// An array as a file holds it, last index fastest.
pub struct Array {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// As many numbers as the product of `shape`.
    pub values: Vec<f64>,
}

impl Array {
    /// Two dimensions are rows; three are grey pictures; four are pictures with their channels last.
    pub fn into_source(self, path: &Path) -> Result<Source> {
        match self.shape[..] {
            [rows, cols] => self.into_table(path, rows, cols).map(Source::Rows),
            [count, height, width] => self.into_pictures(path, [count, height, width, 1]).map(Source::Images),
            [count, height, width, channels @ (1 | 3)] => {
                self.into_pictures(path, [count, height, width, channels]).map(Source::Images)
            }
            _ => {
                let meaning = "rows are [count, length], pictures [count, height, width] or [count, height, width, \
                               1 or 3]; reshape it";
                Err(Error::input(path, format!("an array of shape {:?}, but {meaning}", self.shape)))
            }
        }
    }

    /// Checks that there are numbers and that all are finite.
    pub fn into_table(self, path: &Path, rows: usize, cols: usize) -> Result<Table> {
        self.check(path, &[("row", rows), ("column", cols)])?;
        Ok(Table { rows, cols, values: self.values })
    }

    /// Splits `[count, height, width, channels]` into pictures.
    fn into_pictures(
        self,
        path: &Path,
        [count, height, width, channels]: [usize; 4],
    ) -> Result<Vec<Picture>> {
        let names = [("picture", count), ("row", height), ("column", width), ("channel", channels)];
        self.check(path, &names)?;
        let picture = |(number, values): (usize, &[f64])| Picture {
            name: PathBuf::from(format!("{}[{number}]", path.display())),
            width,
            height,
            channels,
            pixels: values.iter().map(|&x| x as f32).collect(),
        };
        Ok(self.values.chunks_exact(height * width * channels).enumerate().map(picture).collect())
    }

    /// Fails on an empty array, and on the first number that is not finite in the engines' f32.
    fn check(&self, path: &Path, dimensions: &[(&str, usize)]) -> Result<()> {
        if self.values.is_empty() {
            return Err(Error::input(
                path,
                format!("an array of shape {:?} holds no numbers; at least one row is needed", self.shape),
            ));
        }
        let limit = f64::from(f32::MAX);
        let Some(bad) = self.values.iter().position(|x| !(-limit..=limit).contains(x)) else { return Ok(()) };
        let (place, value) = (place(bad, dimensions), self.values[bad]);
        let fact = format!("{place} (counted from 0) holds {value:?}, which is no finite 32-bit number");
        Err(Error::input(path, format!("{fact}; replace it or leave its row out")))
    }
}

/// Where the number at `index` stands: `row 3, column 5`.
fn place(mut index: usize, dimensions: &[(&str, usize)]) -> String {
    let mut parts = Vec::new();
    for (name, length) in dimensions.iter().rev() {
        parts.push(format!("{name} {}", index % length));
        index /= length;
    }
    parts.reverse();
    parts.join(", ")
}

/// How many numbers a shape promises, checked against the bytes that follow it in the file.
pub fn check_length(path: &Path, shape: &[usize], size: usize, held: usize) -> Result<usize> {
    let count = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
    let promised = count.and_then(|count| count.checked_mul(size));
    if promised == Some(held) {
        return Ok(held / size);
    }
    let promised = promised.map_or("more bytes than memory has".to_owned(), |bytes| format!("{bytes} bytes"));
    let fact = format!("shape {shape:?} of {size}-byte numbers promises {promised}, the file holds {held}");
    Err(Error::input(path, format!("{fact}; it is truncated or damaged")))
}
