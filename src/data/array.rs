//! Arrays in files: how one lies there, how its numbers are read piece by piece, and what its shape means, rows or
//! pictures. Nothing is allocated before the header and what follows it agree.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::numbers::{Endian, Number};
use super::{Picture, Source, Table};
use crate::error::{Error, Result};
use crate::memory::{Bytes, available};
use crate::model::Real;

/// Bytes that are read and decoded at a time; a multiple of the size of every number.
const PIECE: usize = 1 << 16;
/// No deflate stream grows by more than this factor.
const MOST_INFLATION: u64 = 1032;
/// What is decoded without a look at the memory that is left, bytes.
const SMALL: u64 = 64 << 20;

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

/// A dimension in words, and its length.
type Dimension = (&'static str, usize);

impl Layout {
    /// Two dimensions are rows; three are grey pictures; four are pictures with their channels last.
    pub fn source(&self, body: Body<'_>) -> Result<Source> {
        match self.shape[..] {
            [rows, cols] => self.table(body, rows, cols).map(Source::Rows),
            [count, height, width] => self.pictures(body, [count, height, width, 1]),
            [count, height, width, channels @ (1 | 3)] => {
                self.pictures(body, [count, height, width, channels])
            }
            _ => {
                let meaning = "rows are [count, length], pictures [count, height, width] or [count, height, width, \
                               1 or 3]; reshape it";
                Err(Error::input(body.path, format!("an array of shape {:?}, but {meaning}", self.shape)))
            }
        }
    }

    /// Rows, all of them finite.
    pub fn table(&self, body: Body<'_>, rows: usize, cols: usize) -> Result<Table> {
        let values = self.finite(body, &[("row", rows), ("column", cols)])?;
        Ok(Table { rows, cols, values })
    }

    /// Splits `[count, height, width, channels]` into pictures.
    fn pictures(&self, body: Body<'_>, [count, height, width, channels]: [usize; 4]) -> Result<Source> {
        let path = body.path;
        let names = [("picture", count), ("row", height), ("column", width), ("channel", channels)];
        let values: Vec<f32> = self.finite(body, &names)?;
        let picture = |(number, pixels): (usize, &[f32])| Picture {
            name: PathBuf::from(format!("{}[{number}]", path.display())),
            width,
            height,
            channels,
            pixels: pixels.to_vec(),
        };
        let pictures = values.chunks_exact(height * width * channels).enumerate().map(picture);
        Ok(pictures.collect::<Vec<_>>().into())
    }

    /// The numbers with the last index fastest; fails where there are none, and on the first that is not finite in the
    /// engines' f32.
    fn finite<T: Real>(&self, body: Body<'_>, dimensions: &[Dimension]) -> Result<Vec<T>> {
        let path = body.path;
        let limit = f64::from(f32::MAX);
        let values = self.values(body, |first, numbers| {
            let Some(bad) = numbers.iter().position(|x| !(-limit..=limit).contains(x)) else { return Ok(()) };
            let (place, value) = (self.place(first + bad, dimensions), numbers[bad]);
            let fact = format!("{place} (counted from 0) holds {value:?}, which is no finite 32-bit number");
            Err(Error::input(path, format!("{fact}; replace it or leave its row out")))
        })?;
        if values.is_empty() {
            let fact = format!("an array of shape {:?} holds no numbers", self.shape);
            return Err(Error::input(path, format!("{fact}; at least one row and one column are needed")));
        }
        Ok(if self.fortran { from_fortran(&values, &self.shape) } else { values })
    }

    /// All numbers in the order of the file; `check` sees each piece before it is kept, and where it begins.
    pub fn values<T: Real>(
        &self,
        mut body: Body<'_>,
        check: impl Fn(usize, &[f64]) -> Result<()>,
    ) -> Result<Vec<T>> {
        let count = self.count::<T>(&body)?;
        let size = self.number.size();
        let mut values = Vec::new();
        if matches!(body.held, Held::Bytes(_)) {
            values.try_reserve_exact(count).map_err(|_| no_room(body.path, count * size_of::<T>(), None))?;
        }
        let mut piece = vec![0; PIECE.min(count * size)];
        while values.len() < count {
            let bytes = &mut piece[..PIECE.min((count - values.len()) * size)];
            body.fill(bytes)?;
            let numbers = self.number.decode(bytes, self.endian);
            check(values.len(), &numbers)?;
            values.extend(numbers.into_iter().map(T::from_f64));
        }
        body.check_end(&self.shape)?;
        Ok(values)
    }

    /// How many numbers there are, after the header was checked against the file and the machine.
    fn count<T>(&self, body: &Body<'_>) -> Result<usize> {
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
        let copies = if self.fortran { 2 } else { 1 };
        check_room(body.path, (count as u64).saturating_mul((copies * size_of::<T>()) as u64))?;
        Ok(count)
    }

    /// Where the number at `index` of the file stands: `row 3, column 5`.
    fn place(&self, mut index: usize, dimensions: &[Dimension]) -> String {
        let mut places = vec![0; dimensions.len()];
        let mut digit = |i: usize| {
            let length = dimensions[i].1;
            places[i] = index % length;
            index /= length;
        };
        if self.fortran {
            (0..dimensions.len()).for_each(&mut digit);
        } else {
            (0..dimensions.len()).rev().for_each(&mut digit);
        }
        let words = dimensions.iter().zip(&places).map(|((name, _), place)| format!("{name} {place}"));
        words.collect::<Vec<_>>().join(", ")
    }
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
            (None, _) => {
                Error::input(self.path, format!("cannot be unpacked: {error}; it is truncated or damaged"))
            }
        }
    }
}

/// Bytes that a shape promises; `None` for more than an address space has.
fn promised(shape: &[usize], size: usize) -> Option<usize> {
    shape.iter().try_fold(size, |product, &length| product.checked_mul(length))
}

/// How many bytes a shape promises, checked against those that follow it in the file.
pub fn check_length(path: &Path, shape: &[usize], size: usize, held: u64) -> Result<usize> {
    let promised = promised(shape, size);
    if let Some(promised) = promised.filter(|&promised| promised as u64 == held) {
        return Ok(promised);
    }
    let promised = promised.map_or("more bytes than memory has".to_owned(), |bytes| format!("{bytes} bytes"));
    let fact = format!("shape {shape:?} of {size}-byte numbers promises {promised}, the file holds {held}");
    Err(Error::input(path, format!("{fact}; it is truncated or damaged")))
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

/// Puts values whose first index is the fastest into the order whose last index is.
fn from_fortran<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in values {
        let place = shape.iter().zip(&index).rev().fold(0, |place, (length, i)| place * length + i);
        ordered.push(values[place]);
        for (i, length) in index.iter_mut().zip(shape).rev() {
            *i = (*i + 1) % length;
            if *i != 0 {
                break;
            }
        }
    }
    ordered
}
