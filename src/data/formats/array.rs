//! Arrays of files as rows or pictures: the meaning of their shape, and the finite numbers of either. Nothing is allocated
//! before the header agrees with the length of the file.

mod bytes;
mod layout;
mod limits;
mod reorder;

use std::path::Path;

pub use bytes::{ArrayBytes, KnownLength, cannot_unpack, check_promise, is_likely};
pub use layout::ArrayLayout;
pub use limits::{check_length, check_memory, no_memory, promised, reserved};

use crate::data::ambiguity;
use crate::data::axes::{Axes, Axis, Meaning};
use crate::data::description::DataDescription;
use crate::data::picture::Picture;
use crate::data::reading::Reading;
use crate::data::scale::Scale;
use crate::data::source::{Opened, Source};
use crate::data::table::Table;
use crate::error::{Error, Result};
use crate::math::params::Real;

/// Bytes of a picture besides its pixels: its name and its size, more than once on the way.
const BYTES_OF_PICTURE: u64 = 512;
/// Numbers that are given back at a time while an array is split.
const GIVEN_BACK: usize = 4 << 20;

impl ArrayLayout {
    /// Rows or pictures, as `reading` says or as arrays of so many dimensions usually are; bytes of rows are left as they
    /// are, those of pictures divided by 255.
    pub fn open(&self, body: ArrayBytes<'_>, reading: &Reading) -> Result<Opened> {
        let axes = reading.axes(&self.shape).map_err(|reason| Error::input(body.path, reason))?;
        self.open_as(body, axes, reading.meaning().is_none())
    }

    /// The same with these dimensions; other meanings are looked for where they were `unsaid`.
    pub fn open_as(&self, body: ArrayBytes<'_>, axes: Axes, unsaid: bool) -> Result<Opened> {
        let path = body.path;
        let refused = |reason| Error::input(path, reason);
        let place = self.places(&axes.order());
        let (source, ambiguity) = match axes.meaning() {
            Meaning::Rows => {
                let table = self.table(body, &axes)?;
                let look = || ambiguity::of_axes(&axes, &self.shape, |i| table.values[place(i)]);
                let ambiguity = unsaid.then(look).flatten();
                (Source::Rows(table), ambiguity)
            }
            Meaning::Pictures => {
                let channels = axes.extent(&self.shape, Axis::Channels);
                if !matches!(channels, 1 | 3) {
                    return Err(refused(no_colours(&self.shape, &axes, channels)));
                }
                let values: Vec<f32> = self.finite(body, &axes, Scale::Pixels)?;
                let look = || ambiguity::of_axes(&axes, &self.shape, |i| values[place(i)].into());
                let ambiguity = unsaid.then(look).flatten();
                (self.pictures(path, &axes, values)?.into(), ambiguity)
            }
        };
        let description = DataDescription::array(path, (&self.shape, self.dtype), axes);
        Ok(Opened { source, description: DataDescription { ambiguity, ..description } })
    }

    /// Rows, all of them finite.
    fn table(&self, body: ArrayBytes<'_>, axes: &Axes) -> Result<Table> {
        let [rows, cols] = [Axis::Count, Axis::Length].map(|axis| axes.extent(&self.shape, axis));
        let values = self.finite(body, axes, Scale::AsIs)?;
        Ok(Table { rows, cols, dtype: self.dtype, values })
    }

    /// Splits `[count, height, width, channels]` into pictures, from the last on: memory of those that are split off goes back to the
    /// system, so that no number is in memory twice.
    fn pictures(&self, path: &Path, axes: &Axes, mut values: Vec<f32>) -> Result<Vec<Picture>> {
        let extent = |axis| axes.extent(&self.shape, axis);
        let [height, width, channels] = [Axis::Height, Axis::Width, Axis::Channels].map(extent);
        let is_one = extent(Axis::Count) == 1 && !axes.list().contains(&Axis::Count);
        let name =
            |number| if is_one { path.to_owned() } else { format!("{}[{number}]", path.display()).into() };
        let size = height * width * channels;
        let count = values.len() / size;
        check_memory(path, (count as u64).saturating_mul(BYTES_OF_PICTURE))?;
        let mut pictures = reserved(path, count)?;
        for number in (0..count).rev() {
            let pixels = if number == 0 {
                values.shrink_to_fit();
                std::mem::take(&mut values)
            } else {
                let mut pixels = reserved(path, size)?;
                pixels.extend_from_slice(&values[number * size..]);
                values.truncate(number * size);
                if values.capacity() - values.len() > GIVEN_BACK {
                    values.shrink_to_fit();
                }
                pixels
            };
            pictures.push(Picture { name: name(number), width, height, channels, pixels });
        }
        pictures.reverse();
        Ok(pictures)
    }

    /// The numbers in the order that `axes` ask for, on their scale; fails where there are none, and on the first that is not
    /// finite in the engines' f32.
    fn finite<T: Real>(&self, body: ArrayBytes<'_>, axes: &Axes, scale: Scale) -> Result<Vec<T>> {
        let path = body.path;
        let limit = f64::from(f32::MAX);
        let values = self.values(body, (scale, &axes.order()), |first, numbers| {
            let Some(bad) = numbers.iter().position(|x| !(-limit..=limit).contains(x)) else { return Ok(()) };
            let (place, value) = (self.place(first + bad, axes), numbers[bad]);
            let fact = format!("{place} (counted from 0) holds {value:?}, which is no finite 32-bit number");
            Err(Error::input(path, format!("{fact}; replace it or leave its row out")))
        })?;
        if values.is_empty() {
            let fact = format!("an array of shape {:?} holds no numbers", self.shape);
            return Err(Error::input(path, format!("{fact}; at least one row and one column are needed")));
        }
        Ok(values)
    }
}

/// Why pictures of so many channels are refused, with what makes pictures of the array.
fn no_colours(shape: &[usize], axes: &Axes, channels: usize) -> String {
    let fact =
        format!("an array of shape {shape:?} as {axes} has {channels} channels, but pictures have 1 or 3");
    let remedy = match (channels, shape) {
        (_, [_, 1 | 3, _, _]) => {
            "where channels come first, say `axes` count,c,h,w, or save numpy.moveaxis(a, 1, -1)"
        }
        (_, [_, _, 1 | 3, _]) => {
            "where channels come third, say `axes` h,w,c,count, or save numpy.moveaxis(a, -1, 0)"
        }
        (_, [_, _, _, 1 | 3]) => "where channels come last, as Python keeps pictures, say `axes` count,h,w,c",
        (2, _) => "where the second is transparency, save a[..., :1]",
        (4, _) => "where the fourth is transparency, save a[..., :3]",
        _ => {
            "say what each dimension is with `axes`, as count,c,h,w, or take each picture as a row with `as` rows"
        }
    };
    format!("{fact}; {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dtype::{DType, Endian};

    fn layout(shape: &[usize]) -> ArrayLayout {
        ArrayLayout { dtype: DType::F32, endian: Endian::Little, fortran: false, shape: shape.to_vec() }
    }

    #[test]
    fn an_array_is_split_into_pictures_in_their_order() {
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let split = |shape: &[usize], axes: &str| {
            let axes = axes.parse().unwrap();
            layout(shape).pictures(Path::new("a.npy"), &axes, values.clone()).unwrap()
        };
        let pictures = split(&[4, 2, 3], "count,h,w");
        for (number, picture) in pictures.iter().enumerate() {
            assert_eq!(picture.name, Path::new(&format!("a.npy[{number}]")));
            assert_eq!((picture.height, picture.width, picture.channels), (2, 3, 1));
            assert_eq!(picture.pixels, values[6 * number..6 * number + 6]);
        }
        let one = split(&[4, 2, 3], "h,w,c");
        assert_eq!((pictures.len(), one.len(), &one[0].pixels), (4, 1, &values));
        assert_eq!(one[0].name, Path::new("a.npy"));
    }
}
