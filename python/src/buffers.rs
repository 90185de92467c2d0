//! NumPy arrays as the library takes and fills them: through the buffer protocol, without a copy.
#![allow(unsafe_code, reason = "memory of Python is read while others may use the interpreter")]

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use pyo3::buffer::{Element, PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use rhohat::{Data, RowNumber};

use crate::errors::raised;

/// Numbers of an array whose memory stays where it is as long as they are held.
struct Held<T: Element> {
    numbers: NonNull<[T]>,
    /// Keeps the memory: an array with a buffer that is out can be neither freed nor resized.
    _buffer: PyBuffer<T>,
}

// SAFETY: the memory belongs to the buffer, which may be held and let go by any thread.
unsafe impl<T: Element + Sync> Send for Held<T> {}
// SAFETY: it is only read.
unsafe impl<T: Element + Sync> Sync for Held<T> {}

impl<T: Element> AsRef<[T]> for Held<T> {
    fn as_ref(&self) -> &[T] {
        // SAFETY: the pointer is that of a contiguous buffer that is still held. As everywhere in NumPy, whoever writes into an
        // array that another thread computes with gets numbers of before or after.
        unsafe { self.numbers.as_ref() }
    }
}

/// Some rows of an array.
struct Part<T: Element> {
    all: Arc<Held<T>>,
    numbers: Range<usize>,
}

impl<T: Element> AsRef<[T]> for Part<T> {
    fn as_ref(&self) -> &[T] {
        &(*self.all).as_ref()[self.numbers.clone()]
    }
}

/// Rows of an array, one behind the other, in the type that they have.
pub struct Rows {
    numbers: Numbers,
    /// m.
    pub rows: usize,
    /// n.
    pub cols: usize,
}

enum Numbers {
    Bytes(Arc<Held<u8>>),
    Single(Arc<Held<f32>>),
    Double(Arc<Held<f64>>),
}

impl Rows {
    /// Those of an array of two dimensions that lies in C order and holds float32, float64 or uint8.
    pub fn of(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(array)?;
        let &[rows, cols] = buffer.shape() else {
            return Err(PyValueError::new_err(format!(
                "{} dimensions; give rows of numbers, two",
                buffer.dimensions()
            )));
        };
        let format = buffer.format().to_owned();
        let numbers = match format.to_bytes() {
            b"B" => Numbers::Bytes(held(array)?),
            b"f" => Numbers::Single(held(array)?),
            b"d" => Numbers::Double(held(array)?),
            _ => {
                let fact = format!("numbers of format {format:?}; give float32, float64 or uint8");
                return Err(PyTypeError::new_err(fact));
            }
        };
        Ok(Self { numbers, rows, cols })
    }

    /// Some of the rows as data of the library.
    pub fn data(&self, rows: Range<usize>) -> PyResult<Data> {
        let numbers = rows.start * self.cols..rows.end * self.cols;
        let data = match &self.numbers {
            Numbers::Bytes(all) => shared(all, numbers, self.cols),
            Numbers::Single(all) => shared(all, numbers, self.cols),
            Numbers::Double(all) => shared(all, numbers, self.cols),
        };
        data.map_err(raised)
    }

    /// Some of the rows as numbers in f32, which the array has to hold.
    pub fn single(&self, rows: Range<usize>) -> PyResult<&[f32]> {
        match &self.numbers {
            Numbers::Single(all) => Ok(&(**all).as_ref()[rows.start * self.cols..rows.end * self.cols]),
            _ => Err(PyTypeError::new_err("numbers of another type; give float32")),
        }
    }
}

fn held<T: Element>(array: &Bound<'_, PyAny>) -> PyResult<Arc<Held<T>>> {
    let buffer = PyBuffer::<T>::get(array)?;
    let numbers = buffer.as_slice_ptr();
    let numbers =
        numbers.ok_or_else(|| PyValueError::new_err("an array that is not in C order; make it so"))?;
    Ok(Arc::new(Held { numbers, _buffer: buffer }))
}

fn shared<T: Element + RowNumber>(
    all: &Arc<Held<T>>,
    numbers: Range<usize>,
    cols: usize,
) -> rhohat::Result<Data> {
    Data::share_rows::<T>(Part { all: Arc::clone(all), numbers }, cols)
}

/// An array of float32 in C order that results are written into.
pub struct Out(PyBuffer<f32>);

impl Out {
    /// One of so many numbers.
    pub fn of(array: &Bound<'_, PyAny>, numbers: usize) -> PyResult<Self> {
        let buffer = PyBuffer::<f32>::get(array)?;
        let fits = !buffer.readonly() && buffer.is_c_contiguous() && buffer.item_count() == numbers;
        fits.then_some(Self(buffer)).ok_or_else(|| {
            PyValueError::new_err(format!(
                "an array of {numbers} numbers in C order that can be written is needed"
            ))
        })
    }

    /// Puts numbers from `first` on.
    pub fn put(&self, _: Python<'_>, first: usize, numbers: &[f32]) -> PyResult<()> {
        let place = self.0.as_slice_ptr().filter(|all| first + numbers.len() <= all.len());
        let place = place.ok_or_else(|| PyValueError::new_err("the array is another than it was"))?;
        // SAFETY: the place lies within a buffer that is held and may be written, and the interpreter is ours.
        unsafe {
            place
                .cast::<f32>()
                .add(first)
                .copy_from_nonoverlapping(NonNull::from(numbers).cast(), numbers.len())
        };
        Ok(())
    }
}
