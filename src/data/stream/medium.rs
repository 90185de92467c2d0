//! The medium that rows lie on: a file, or memory that the program holds and that is read as a file is.

use std::fmt;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::marker::PhantomData;
use std::sync::Arc;

use super::files::read_at;
use crate::data::dtype::DType;

/// A number that rows in shared memory may be made of: `u8`, `f32` or `f64`.
pub trait RowNumber: bytemuck::Pod + Send + Sync + private::Sealed {
    /// Its type, as files have it.
    #[doc(hidden)]
    const DTYPE: DType;
}

mod private {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl RowNumber for u8 {
    const DTYPE: DType = DType::U8;
}

impl RowNumber for f32 {
    const DTYPE: DType = DType::F32;
}

impl RowNumber for f64 {
    const DTYPE: DType = DType::F64;
}

/// Numbers of a program that stay where they are, as bytes in the machine's order.
#[derive(Clone)]
pub struct SharedMemory(Arc<dyn Held + Send + Sync>);

/// Memory whose bytes can be had.
trait Held {
    fn bytes(&self) -> &[u8];
}

/// A holder of numbers of one type.
struct Numbers<T, R>(R, PhantomData<fn() -> T>);

impl<T: RowNumber, R: AsRef<[T]>> Held for Numbers<T, R> {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self.0.as_ref())
    }
}

impl SharedMemory {
    /// The numbers of `holder`, which is kept as long as anybody reads them.
    pub fn new<T: RowNumber, R: AsRef<[T]> + Send + Sync + 'static>(holder: R) -> Self {
        Self(Arc::new(Numbers(holder, PhantomData)))
    }

    /// Bytes.
    pub fn size(&self) -> usize {
        self.0.bytes().len()
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes in memory", self.size())
    }
}

/// Bytes that can be read from any position.
#[derive(Clone, Debug)]
pub enum Medium {
    /// Of an open file.
    File(Arc<File>),
    /// Of the program.
    Memory(SharedMemory),
}

impl Medium {
    /// Fills `out` from a position.
    ///
    /// # Errors
    /// Those of the system; [`ErrorKind::UnexpectedEof`] where the bytes end before.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> Result<()> {
        match self {
            Self::File(file) => read_at(file, out, offset),
            Self::Memory(memory) => {
                let from = usize::try_from(offset).ok();
                let part = from.and_then(|from| memory.0.bytes().get(from..)?.get(..out.len()));
                out.copy_from_slice(part.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_a_file_is_and_ends_like_one() {
        let memory = Medium::Memory(SharedMemory::new(vec![1.0_f32, 2.0, 3.0]));
        let mut two = [0; 8];
        memory.read_at(&mut two, 4).unwrap();
        assert_eq!(bytemuck::cast_slice::<u8, f32>(&two), [2.0, 3.0]);
        for offset in [8, 12, u64::MAX] {
            assert_eq!(memory.read_at(&mut two, offset).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}
