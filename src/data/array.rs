//! Arrays in files: how one lies there, how its numbers are read piece by piece, and what its shape means, rows or
//! pictures. Nothing is allocated before the header and what follows it agree.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::numbers::{Endian, Number};
use super::reading::{Axes, Axis, Meaning, Reading};
use super::{Opened, Picture, Scale, Source, Table, Taken, doubt};
use crate::error::{Error, Result};
use crate::io::memory::{Bytes, available};
use crate::math::params::Real;

/// Bytes that are read and decoded at a time; a multiple of the size of every number.
const PIECE: usize = 1 << 16;
/// No deflate stream grows by more than this factor.
const MOST_INFLATION: u64 = 1032;
/// What is decoded without a look at the memory that is left, bytes.
const SMALL: u64 = 64 << 20;
/// What a picture takes besides its pixels: its name and its size, more than once on the way.
const BYTES_OF_PICTURE: u64 = 512;
/// Numbers that are given back at a time while an array is split.
const GIVEN_BACK: usize = 4 << 20;

/// How the numbers of an array lie in a file.
pub struct Layout {
    pub number: Number,
    pub endian: Endian,
    /// The first index is the fastest.
    pub fortran: bool,
    /// Length of each dimension.
    pub shape: Vec<usize>,
}

/// Where the bytes of an array come from.
pub struct Body<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    pub from: &'a mut dyn Read,
    pub held: Held,
}

/// What is known of the number of bytes before they are read.
#[derive(Clone, Copy)]
pub enum Held {
    /// So many follow in the file.
    Bytes(u64),
    /// They come out of so many packed ones.
    Packed(u64),
}

impl Layout {
    /// Rows or pictures, as `reading` says or as arrays of so many dimensions usually are; bytes of rows are left as they
    /// are, those of pictures divided by 255.
    pub fn open(&self, body: Body<'_>, reading: &Reading) -> Result<Opened> {
        let path = body.path;
        let refused = |reason| Error::input(path, reason);
        let axes = reading.axes(&self.shape).map_err(refused)?;
        let doubtful = reading.meaning().is_none();
        let (source, doubt) = match axes.meaning() {
            Meaning::Rows => {
                let table = self.table(body, &axes)?;
                let doubt =
                    doubtful.then(|| doubt::of(&self.shape, &self.shape, |i| table.values[i])).flatten();
                (Source::Rows(table), doubt)
            }
            Meaning::Pictures => {
                let channels = axes.extent(&self.shape, Axis::Channels);
                if !matches!(channels, 1 | 3) {
                    return Err(refused(no_colours(&self.shape, &axes, channels)));
                }
                let values: Vec<f32> = self.finite(body, &axes, Scale::Pixels)?;
                let doubt =
                    doubtful.then(|| doubt::of(&self.shape, &self.shape, |i| values[i].into())).flatten();
                (self.pictures(path, &axes, values)?.into(), doubt)
            }
        };
        let taken = Taken { doubt, ..Taken::array(path, self, axes) };
        Ok(Opened { source, taken })
    }

    /// Rows, all of them finite.
    fn table(&self, body: Body<'_>, axes: &Axes) -> Result<Table> {
        let [rows, cols] = [Axis::Count, Axis::Length].map(|axis| axes.extent(&self.shape, axis));
        let values = self.finite(body, axes, Scale::AsIs)?;
        Ok(Table { rows, cols, number: self.number, values })
    }

    /// Splits `[count, height, width, channels]` into pictures, from the last on: what has been taken goes back to the system,
    /// so that the numbers are not held twice.
    fn pictures(&self, path: &Path, axes: &Axes, mut values: Vec<f32>) -> Result<Vec<Picture>> {
        let extent = |axis| axes.extent(&self.shape, axis);
        let [height, width, channels] = [Axis::Height, Axis::Width, Axis::Channels].map(extent);
        let is_one = extent(Axis::Count) == 1 && !axes.list().contains(&Axis::Count);
        let name =
            |number| if is_one { path.to_owned() } else { format!("{}[{number}]", path.display()).into() };
        let size = height * width * channels;
        let count = values.len() / size;
        check_room(path, (count as u64).saturating_mul(BYTES_OF_PICTURE))?;
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
    fn finite<T: Real>(&self, body: Body<'_>, axes: &Axes, scale: Scale) -> Result<Vec<T>> {
        let path = body.path;
        let limit = f64::from(f32::MAX);
        let is_ordered = !self.fortran && axes.are_in_order();
        let copies = if is_ordered { 1 } else { 2 };
        let values = self.values(body, (scale, copies), |first, numbers| {
            let Some(bad) = numbers.iter().position(|x| !(-limit..=limit).contains(x)) else { return Ok(()) };
            let (place, value) = (self.place(first + bad, axes), numbers[bad]);
            let fact = format!("{place} (counted from 0) holds {value:?}, which is no finite 32-bit number");
            Err(Error::input(path, format!("{fact}; replace it or leave its row out")))
        })?;
        if values.is_empty() {
            let fact = format!("an array of shape {:?} holds no numbers", self.shape);
            return Err(Error::input(path, format!("{fact}; at least one row and one column are needed")));
        }
        if is_ordered { Ok(values) } else { self.reordered(path, &values, &axes.order()) }
    }

    /// All numbers in the order of the file, on their scale; `check` sees each piece as it is in the file, and where it begins.
    /// There has to be room for so many copies.
    pub fn values<T: Real>(
        &self,
        mut body: Body<'_>,
        (scale, copies): (Scale, usize),
        check: impl Fn(usize, &[f64]) -> Result<()>,
    ) -> Result<Vec<T>> {
        let count = self.count::<T>(&body, copies)?;
        let divisor = scale.divisor(self.number);
        let size = self.number.size();
        let mut values: Vec<T> =
            if matches!(body.held, Held::Bytes(_)) { reserved(body.path, count)? } else { Vec::new() };
        let mut piece = vec![0; PIECE.min(count * size)];
        while values.len() < count {
            let bytes = &mut piece[..PIECE.min((count - values.len()) * size)];
            body.fill(bytes)?;
            let numbers = self.number.decode(bytes, self.endian);
            check(values.len(), &numbers)?;
            if values.capacity() - values.len() < numbers.len() {
                // What is packed may hold less than it promises: room is made as it comes, never for more than it promises.
                let wanted = (2 * values.len()).clamp(values.len() + numbers.len(), count);
                let refused = |_| no_room(body.path, wanted * size_of::<T>(), None);
                values.try_reserve_exact(wanted - values.len()).map_err(refused)?;
            }
            values.extend(numbers.into_iter().map(|x| T::from_f64(x / divisor)));
        }
        body.check_end(&self.shape)?;
        Ok(values)
    }

    /// How many numbers there are, after the header was checked against the file and the machine.
    fn count<T>(&self, body: &Body<'_>, copies: usize) -> Result<usize> {
        let Self { number, shape, .. } = self;
        let bytes = match body.held {
            Held::Bytes(held) => check_length(body.path, shape, number.size(), held)?,
            Held::Packed(packed) => promised(shape, number.size())
                .filter(|&bytes| bytes as u64 / MOST_INFLATION <= packed)
                .ok_or_else(|| {
                    let fact = format!("shape {shape:?} cannot come out of {packed} packed bytes");
                    Error::input(body.path, format!("{fact}; it is truncated or damaged"))
                })?,
        };
        let count = bytes / number.size();
        check_room(body.path, (count as u64).saturating_mul((copies * size_of::<T>()) as u64))?;
        Ok(count)
    }

    /// Where the number at `index` of the file stands: `row 3, column 5`.
    fn place(&self, mut index: usize, axes: &Axes) -> String {
        let mut places = vec![0; self.shape.len()];
        let mut digit = |i: usize| {
            let length = self.shape[i];
            places[i] = index % length;
            index /= length;
        };
        if self.fortran {
            (0..self.shape.len()).for_each(&mut digit);
        } else {
            (0..self.shape.len()).rev().for_each(&mut digit);
        }
        let meaning = axes.meaning();
        let word = |(axis, place): (&Axis, &usize)| format!("{} {place}", axis.place(meaning));
        axes.list().iter().zip(&places).map(word).collect::<Vec<_>>().join(", ")
    }

    /// The numbers with the dimensions in this order, the last one fastest.
    fn reordered<T: Copy>(&self, path: &Path, values: &[T], order: &[usize]) -> Result<Vec<T>> {
        let stride = |dimension: usize| -> usize {
            let faster = if self.fortran { &self.shape[..dimension] } else { &self.shape[dimension + 1..] };
            faster.iter().product()
        };
        let dimensions: Vec<(usize, usize)> = order.iter().map(|&i| (self.shape[i], stride(i))).collect();
        let mut ordered = reserved(path, values.len())?;
        let Some((&(length, step), slower)) = dimensions.split_last() else {
            ordered.extend_from_slice(values);
            return Ok(ordered);
        };
        let mut index = vec![0; slower.len()];
        while ordered.len() < values.len() {
            let start: usize = index.iter().zip(slower).map(|(i, (_, stride))| i * stride).sum();
            ordered.extend((0..length).map(|i| values[start + i * step]));
            for (i, (length, _)) in index.iter_mut().zip(slower).rev() {
                *i = (*i + 1) % length;
                if *i != 0 {
                    break;
                }
            }
        }
        Ok(ordered)
    }
}

/// Why pictures of so many channels are refused, with what makes pictures of the array.
fn no_colours(shape: &[usize], axes: &Axes, channels: usize) -> String {
    let fact =
        format!("an array of shape {shape:?} as {axes} has {channels} channels, but pictures have 1 or 3");
    let remedy = match (channels, shape) {
        (_, [_, 1 | 3, _, _]) => {
            "where channels come first, say --axes count,c,h,w, or save numpy.moveaxis(a, 1, -1)"
        }
        (_, [_, _, 1 | 3, _]) => {
            "where channels come third, say --axes h,w,c,count, or save numpy.moveaxis(a, -1, 0)"
        }
        (2, _) => "where the second is transparency, save a[..., :1]",
        (4, _) => "where the fourth is transparency, save a[..., :3]",
        _ => {
            "say what each dimension is with --axes, as count,c,h,w, or take each picture as a row with --as rows"
        }
    };
    format!("{fact}; {remedy}")
}

impl Body<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.from.read_exact(bytes).map_err(|error| self.failed(&error))
    }

    /// Reads to the end of what is packed, which holds a checksum, and refuses more numbers than the shape promises.
    fn check_end(&mut self, shape: &[usize]) -> Result<()> {
        if matches!(self.held, Held::Bytes(_)) {
            return Ok(());
        }
        match self.from.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => {
                let fact = format!("more comes out of it than shape {shape:?} promises");
                Err(Error::input(self.path, format!("{fact}; it is damaged")))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Errors of the system stay what they are; those of unpacking mean a damaged file.
    fn failed(&self, error: &io::Error) -> Error {
        match (error.raw_os_error(), self.held) {
            (Some(code), _) => Error::io("read", self.path, io::Error::from_raw_os_error(code)),
            (None, Held::Bytes(_)) if error.kind() == ErrorKind::UnexpectedEof => {
                Error::input(self.path, "it has become shorter since it was opened; start again")
            }
            (None, _) => cannot_unpack(self.path, error),
        }
    }
}

/// What came of unpacking: errors of the system stay what they are, others mean a damaged file.
pub fn cannot_unpack(path: &Path, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(code) => Error::io("read", path, io::Error::from_raw_os_error(code)),
        None => Error::input(path, format!("cannot be unpacked: {error}; it is truncated or damaged")),
    }
}

/// An empty vector with room for `count`, or a refusal.
pub fn reserved<T>(path: &Path, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let refused = |_| no_room(path, count.saturating_mul(size_of::<T>()), None);
    values.try_reserve_exact(count).map_err(refused)?;
    Ok(values)
}

/// Bytes that a shape promises; `None` for more than an address space has.
pub fn promised(shape: &[usize], size: usize) -> Option<usize> {
    shape.iter().try_fold(size, |product, &length| product.checked_mul(length))
}

/// How many bytes a shape promises, checked against those that follow it in the file.
pub fn check_length(path: &Path, shape: &[usize], size: usize, held: u64) -> Result<usize> {
    let promised = promised(shape, size);
    if let Some(promised) = promised.filter(|&promised| promised as u64 == held) {
        return Ok(promised);
    }
    let words = promised.map_or("more bytes than memory has".to_owned(), |bytes| format!("{bytes} bytes"));
    let fact = format!("shape {shape:?} of {size}-byte numbers promises {words}, the file holds {held}");
    let remedy = match promised {
        Some(bytes) if bytes > 0 && (bytes as u64) < held => {
            "where several arrays were saved into one file, save each into its own; else it is damaged"
        }
        _ => "it is truncated or damaged",
    };
    Err(Error::input(path, format!("{fact}; {remedy}")))
}

/// Refuses what is larger than the memory that the machine has left.
pub fn check_room(path: &Path, bytes: u64) -> Result<()> {
    match available().filter(|_| bytes > SMALL) {
        Some(left) if left.0 < bytes => Err(no_room(path, bytes as usize, Some(left))),
        _ => Ok(()),
    }
}

fn no_room(path: &Path, bytes: usize, left: Option<Bytes>) -> Error {
    let left = left.map_or("are not to be had".to_owned(), |left| format!("are needed, and {left} are free"));
    let remedy =
        "give fewer rows, or train on rows of u8, f16 or f32 as .npy, which are read as they are needed";
    Error::input(path, format!("{} of memory {left}; {remedy}", Bytes(bytes as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(shape: &[usize]) -> Layout {
        Layout { number: Number::F32, endian: Endian::Little, fortran: false, shape: shape.to_vec() }
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

    #[test]
    fn room_that_no_system_has_is_refused_and_not_asked_for() {
        let error = reserved::<f64>(Path::new("a.npy"), usize::MAX / 16).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("are not to be had"), "{error}");
    }

    #[test]
    fn errors_of_the_system_are_no_damage_of_what_is_packed() {
        let system = cannot_unpack(Path::new("a.gz"), &io::Error::from_raw_os_error(5));
        assert_eq!(system.exit_code(), 6, "{system}");
        let damaged = cannot_unpack(Path::new("a.gz"), &io::Error::other("corrupt deflate stream"));
        assert_eq!(damaged.exit_code(), 3, "{damaged}");
    }
}
