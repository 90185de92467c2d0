//! The numbers of an array, read and decoded piece by piece.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::layout::ArrayLayout;
use super::limits::{check_length, check_memory, no_memory, promised, reserved};
use super::reorder::Reorder;
use crate::data::scale::Scale;
use crate::error::{Error, Result};
use crate::math::params::Real;

/// Bytes that are read and decoded at a time; a multiple of the size of every number.
const PIECE: usize = 1 << 16;
/// Packed numbers that unpack to more than so many times their size are unusual.
const USUAL_INFLATION: u64 = 8;
/// No deflate stream grows by more than this factor.
const MOST_INFLATION: u64 = 1032;

/// Where the bytes of an array come from.
pub struct ArrayBytes<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    pub from: &'a mut dyn Read,
    pub length: KnownLength,
}

/// The number of bytes of an array, as far as it is known before they are read.
#[derive(Clone, Copy)]
pub enum KnownLength {
    /// So many follow in the file.
    Exact(u64),
    /// They come out of so many packed ones.
    Packed(u64),
}

impl ArrayLayout {
    /// All numbers on their scale, with the dimensions in `order`, the last one fastest; `check` sees each piece as it is in the
    /// file, and where it begins there. Memory for them has to be left, and for little more: dimensions are put into their order
    /// while numbers are read.
    pub fn values<T: Real>(
        &self,
        mut body: ArrayBytes<'_>,
        (scale, order): (Scale, &[usize]),
        check: impl Fn(usize, &[f64]) -> Result<()>,
    ) -> Result<Vec<T>> {
        let count = self.count(&body)?;
        if count == 0 {
            body.check_end(&self.shape)?;
            return Ok(Vec::new());
        }
        let (path, way) = (body.path, Reorder::new(&self.shape, self.fortran, order));
        let is_scattered = !way.is_none() && way.block() == count;
        // Numbers that are scattered over memory would take all that a packed file promises, whatever it holds.
        let is_copied = is_scattered && !is_likely(self, body.length);
        let copies = if is_copied { 2 } else { 1 };
        check_memory(path, (count as u64).saturating_mul((copies * size_of::<T>()) as u64))?;
        let mut numbers =
            Numbers { layout: self, body: &mut body, divisor: scale.divisor(self.dtype), read: 0, check };
        let mut values: Vec<T> = if matches!(numbers.body.length, KnownLength::Exact(_)) {
            reserved(path, count)?
        } else {
            Vec::new()
        };
        if way.is_none() || is_copied {
            while values.len() < count {
                // A packed file may hold less than it promises: memory is taken as numbers come, never for more than it promises.
                let more = (PIECE / self.dtype.size()).min(count - values.len());
                grow(path, &mut values, more, count)?;
                numbers.read(more, &mut values)?;
            }
        } else {
            let mut slab_of = Vec::new();
            while values.len() < count {
                let first = values.len();
                grow(path, &mut values, way.block(), count)?;
                values.resize(first + way.block(), T::default());
                for slab in way.slabs() {
                    slab_of.clear();
                    grow(path, &mut slab_of, slab.numbers, slab.numbers)?;
                    numbers.read(slab.numbers, &mut slab_of)?;
                    way.scatter(&slab, &slab_of, &mut values[first..]);
                }
            }
        }
        body.check_end(&self.shape)?;
        if is_copied {
            let mut ordered = reserved(path, count)?;
            ordered.resize(count, T::default());
            let mut at = 0;
            for slab in way.slabs() {
                way.scatter(&slab, &values[at..at + slab.numbers], &mut ordered);
                at += slab.numbers;
            }
            return Ok(ordered);
        }
        Ok(values)
    }

    /// How many numbers there are, after the header was checked against the file.
    fn count(&self, body: &ArrayBytes<'_>) -> Result<usize> {
        let Self { dtype, shape, .. } = self;
        let bytes = match body.length {
            KnownLength::Exact(length) => check_length(body.path, shape, dtype.size(), length)?,
            KnownLength::Packed(_) => check_promise(body.path, self, body.length)?,
        };
        Ok(bytes / dtype.size())
    }
}

/// The numbers of an array on their way.
struct Numbers<'a, 'b, C> {
    layout: &'a ArrayLayout,
    body: &'a mut ArrayBytes<'b>,
    divisor: f64,
    /// So many have been read.
    read: usize,
    check: C,
}

impl<C: Fn(usize, &[f64]) -> Result<()>> Numbers<'_, '_, C> {
    /// Appends the next `count` to `out`, which has room for them.
    fn read<T: Real>(&mut self, mut count: usize, out: &mut Vec<T>) -> Result<()> {
        let ArrayLayout { dtype, endian, .. } = *self.layout;
        let mut piece = [0; PIECE];
        while count > 0 {
            let numbers = count.min(PIECE / dtype.size());
            let bytes = &mut piece[..numbers * dtype.size()];
            self.body.fill(bytes)?;
            let decoded = dtype.decode(bytes, endian);
            (self.check)(self.read, &decoded)?;
            out.extend(decoded.into_iter().map(|x| T::from_f64(x / self.divisor)));
            (self.read, count) = (self.read + numbers, count - numbers);
        }
        Ok(())
    }
}

/// Makes room for `more` numbers, where there is none for so many more at once up to `count`.
fn grow<T>(path: &Path, values: &mut Vec<T>, more: usize, count: usize) -> Result<()> {
    if values.capacity() - values.len() < more {
        let wanted = (2 * values.len()).clamp(values.len() + more, count.max(values.len() + more));
        let refused = |_| no_memory(path, wanted * size_of::<T>(), None);
        values.try_reserve_exact(wanted - values.len()).map_err(refused)?;
    }
    Ok(())
}

/// Bytes that a shape promises; refuses more than there are, or than can come out of packed ones.
pub fn check_promise(path: &Path, layout: &ArrayLayout, length: KnownLength) -> Result<usize> {
    let ArrayLayout { dtype, shape, .. } = layout;
    let (most, what) = match length {
        KnownLength::Exact(bytes) => (bytes, "bytes"),
        KnownLength::Packed(packed) => (packed, "packed bytes"),
    };
    let inflation = if let KnownLength::Packed(_) = length { MOST_INFLATION } else { 1 };
    promised(shape, dtype.size()).filter(|&bytes| bytes as u64 / inflation <= most).ok_or_else(|| {
        let fact = format!("shape {shape:?} cannot come out of {most} {what}");
        Error::input(path, format!("{fact}; it is truncated or damaged"))
    })
}

/// Whether an array may well be as large as it promises to be, where it comes out of what is packed.
pub fn is_likely(layout: &ArrayLayout, length: KnownLength) -> bool {
    match length {
        KnownLength::Exact(_) => true,
        KnownLength::Packed(packed) => promised(&layout.shape, layout.dtype.size())
            .is_some_and(|promised| promised as u64 <= packed.saturating_mul(USUAL_INFLATION)),
    }
}

impl ArrayBytes<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.from.read_exact(bytes).map_err(|error| self.failed(&error))
    }

    /// Reads to the end of what is packed, which holds a checksum, and refuses more numbers than the shape promises.
    fn check_end(&mut self, shape: &[usize]) -> Result<()> {
        if matches!(self.length, KnownLength::Exact(_)) {
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
        match (error.raw_os_error(), self.length) {
            (Some(code), _) => Error::io("read", self.path, io::Error::from_raw_os_error(code)),
            (None, KnownLength::Exact(_)) if error.kind() == ErrorKind::UnexpectedEof => {
                Error::input(self.path, "it has become shorter since it was opened; start again")
            }
            (None, _) => cannot_unpack(self.path, error),
        }
    }
}

/// The error of unpacking: errors of the system stay what they are, others mean a damaged file.
pub fn cannot_unpack(path: &Path, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(code) => Error::io("read", path, io::Error::from_raw_os_error(code)),
        None => Error::input(path, format!("cannot be unpacked: {error}; it is truncated or damaged")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_no_damage_of_what_is_packed() {
        let system = cannot_unpack(Path::new("a.gz"), &io::Error::from_raw_os_error(5));
        assert_eq!(system.exit_code(), 6, "{system}");
        let damaged = cannot_unpack(Path::new("a.gz"), &io::Error::other("corrupt deflate stream"));
        assert_eq!(damaged.exit_code(), 3, "{damaged}");
    }
}
