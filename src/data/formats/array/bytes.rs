//! The numbers of an array, read and decoded piece by piece.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::layout::ArrayLayout;
use super::limits::{check_length, check_memory, no_memory, promised, reserved};
use crate::data::scale::Scale;
use crate::error::{Error, Result};
use crate::math::params::Real;

/// Bytes that are read and decoded at a time; a multiple of the size of every number.
const PIECE: usize = 1 << 16;
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
    /// All numbers in the order of the file, on their scale; `check` sees each piece as it is in the file, and where it begins.
    /// Memory for so many copies has to be left.
    pub fn values<T: Real>(
        &self,
        mut body: ArrayBytes<'_>,
        (scale, copies): (Scale, usize),
        check: impl Fn(usize, &[f64]) -> Result<()>,
    ) -> Result<Vec<T>> {
        let count = self.count::<T>(&body, copies)?;
        let divisor = scale.divisor(self.dtype);
        let size = self.dtype.size();
        let mut values: Vec<T> = if matches!(body.length, KnownLength::Exact(_)) {
            reserved(body.path, count)?
        } else {
            Vec::new()
        };
        let mut piece = vec![0; PIECE.min(count * size)];
        while values.len() < count {
            let bytes = &mut piece[..PIECE.min((count - values.len()) * size)];
            body.fill(bytes)?;
            let numbers = self.dtype.decode(bytes, self.endian);
            check(values.len(), &numbers)?;
            if values.capacity() - values.len() < numbers.len() {
                // A packed file may hold less than it promises: memory is taken as numbers come, never for more than it promises.
                let wanted = (2 * values.len()).clamp(values.len() + numbers.len(), count);
                let refused = |_| no_memory(body.path, wanted * size_of::<T>(), None);
                values.try_reserve_exact(wanted - values.len()).map_err(refused)?;
            }
            values.extend(numbers.into_iter().map(|x| T::from_f64(x / divisor)));
        }
        body.check_end(&self.shape)?;
        Ok(values)
    }

    /// How many numbers there are, after the header was checked against the file and the machine.
    fn count<T>(&self, body: &ArrayBytes<'_>, copies: usize) -> Result<usize> {
        let Self { dtype, shape, .. } = self;
        let bytes = match body.length {
            KnownLength::Exact(length) => check_length(body.path, shape, dtype.size(), length)?,
            KnownLength::Packed(packed) => promised(shape, dtype.size())
                .filter(|&bytes| bytes as u64 / MOST_INFLATION <= packed)
                .ok_or_else(|| {
                    let fact = format!("shape {shape:?} cannot come out of {packed} packed bytes");
                    Error::input(body.path, format!("{fact}; it is truncated or damaged"))
                })?,
        };
        let count = bytes / dtype.size();
        check_memory(body.path, (count as u64).saturating_mul((copies * size_of::<T>()) as u64))?;
        Ok(count)
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
