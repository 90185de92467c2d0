//! A variable of a MATLAB file: its name, class and shape, and where its numbers lie.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use super::unpacked::{Converted, Unpacked};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::array::{ArrayLayout, KnownLength};
use crate::io::safe_open::FileRange;

/// The class of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A dense array of numbers or truth values.
    Numbers(DType),
    /// Anything else, by its name in MATLAB.
    Other(&'static str),
}

/// The place of the numbers of a dense array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// These bytes of the file.
    Plain(Range<u64>),
    /// They come out of these bytes of the file, behind so many others.
    Packed {
        /// A zlib stream.
        packed: Range<u64>,
        /// Bytes that come out of it before the numbers.
        before: u64,
        /// Bytes of the numbers.
        bytes: u64,
    },
}

/// A variable, before its numbers are read.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub shape: Vec<usize>,
    pub class: Class,
    pub is_complex: bool,
    pub endian: Endian,
    /// The type that its numbers are stored as, which may be smaller than that of the class.
    pub stored: DType,
    pub place: Place,
}

impl Variable {
    /// Whether it is a dense array of real numbers.
    pub fn is_numeric(&self) -> bool {
        matches!(self.class, Class::Numbers(_)) && !self.is_complex
    }

    /// The type of its numbers once they are read.
    fn dtype(&self) -> DType {
        match self.class {
            Class::Numbers(dtype) => dtype,
            Class::Other(_) => self.stored,
        }
    }

    /// Whether numbers are stored as the class has them.
    fn is_stored_as_is(&self) -> bool {
        self.dtype() == self.stored || (self.dtype(), self.stored) == (DType::Bool, DType::U8)
    }

    /// Layout of the numbers as [`Self::numbers`] hands them out.
    pub fn layout(&self) -> ArrayLayout {
        let endian = if self.is_stored_as_is() { self.endian } else { Endian::Little };
        ArrayLayout { dtype: self.dtype(), endian, fortran: true, shape: self.shape.clone() }
    }

    /// Layout and place of numbers that can be read from the file as they are, at any position.
    pub fn plain(&self) -> Option<(ArrayLayout, Range<u64>)> {
        match &self.place {
            Place::Plain(numbers) if self.is_stored_as_is() => Some((self.layout(), numbers.clone())),
            _ => None,
        }
    }

    /// What is known of the length of [`Self::numbers`].
    pub fn unpacked_length(&self) -> KnownLength {
        let widened = |bytes: u64| {
            let numbers = bytes / self.stored.size() as u64;
            numbers.saturating_mul(self.dtype().size() as u64)
        };
        match &self.place {
            Place::Plain(numbers) => KnownLength::Exact(widened(numbers.end - numbers.start)),
            // As many more as conversion makes of them.
            Place::Packed { packed, .. } => KnownLength::Packed(
                (packed.end - packed.start)
                    .saturating_mul(self.dtype().size().div_ceil(self.stored.size()) as u64),
            ),
        }
    }

    /// The numbers, unpacked and as the class has them.
    pub fn numbers<'a>(&self, file: &'a File) -> io::Result<Box<dyn Read + 'a>> {
        let (from, bytes): (Box<dyn Read>, u64) = match &self.place {
            Place::Plain(numbers) => {
                (Box::new(FileRange::new(file, numbers.start, numbers.end)), numbers.end - numbers.start)
            }
            Place::Packed { packed, before, bytes } => {
                (Box::new(Unpacked::new(file, packed.clone(), *before, *bytes)?), *bytes)
            }
        };
        if self.is_stored_as_is() {
            return Ok(from);
        }
        let numbers = bytes / self.stored.size() as u64;
        Ok(Box::new(Converted::new(from, numbers, (self.stored, self.endian), self.dtype())))
    }

    /// The way out where it is no array that is read.
    pub fn remedy(&self) -> String {
        let name = &self.name;
        match self.class {
            Class::Other("sparse") => format!("in MATLAB, {name} = full({name}) makes one of it"),
            Class::Other("char") => format!("in MATLAB, {name} = double({name}) makes one of it"),
            Class::Other("cell") => {
                format!("in MATLAB, {name} = cell2mat({name}) makes one of it where its cells are arrays")
            }
            Class::Other(_) => "in MATLAB, save its fields as variables of their own".to_owned(),
            Class::Numbers(_) => {
                format!("in MATLAB, {name} = abs({name}) keeps the sizes of complex numbers")
            }
        }
    }
}

/// `IMAGES 512×512×10 double`.
impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        let complex = if self.is_complex { "complex " } else { "" };
        let class = match self.class {
            Class::Numbers(dtype) => class_of(dtype),
            Class::Other(name) => name,
        };
        write!(f, "{} {} {complex}{class}", self.name, shape.join("×"))
    }
}

/// The class of numbers, as MATLAB calls it.
fn class_of(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "single",
        DType::Bool => "logical",
        DType::I8 => "int8",
        DType::U8 => "uint8",
        DType::I16 => "int16",
        DType::U16 => "uint16",
        DType::I32 => "int32",
        DType::U32 => "uint32",
        DType::I64 => "int64",
        DType::U64 => "uint64",
        // There is no other.
        DType::F64 | DType::F16 | DType::Bf16 => "double",
    }
}
