//! The tensors of a safetensors file, found through its header and read one at a time; and rows from one of them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};

use super::array::{ArrayBytes, ArrayLayout, KnownLength};
use super::conversion::python;
use super::format::{Format, OpenFile};
use crate::data::dtype::{DType, Endian};
use crate::data::reading::Reading;
use crate::data::scale::Scale;
use crate::data::source::Opened;
use crate::data::stream::ArrayInFile;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;
use crate::math::params::Real;

/// The longest header that the format allows, bytes.
const LONGEST_ALLOWED: u64 = 100_000_000;
/// The longest header that is read, bytes: enough for thousands of tensors. Parsed, it takes up to fifty times as much.
const LONGEST_HEADER: u64 = 1 << 20;
/// Bytes before the header, which hold its length.
const LENGTH: u64 = 8;

/// Files of tensors.
pub const FORMAT: Format = Format {
    name: "a safetensors file",
    kinds: Some("safetensors"),
    usage: Some("FILE.safetensors[:TENSOR]"),
    endings: &[".safetensors"],
    has_parts: true,
    begins: recognised,
    is_certain: header_fits,
    open,
};

/// Whether `bytes` begin like a safetensors file: the length of a JSON object, and the object's brace.
pub fn recognised(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().map(|&length| u64::from_le_bytes(length));
    length.is_some_and(|length| length <= LONGEST_ALLOWED) && bytes.get(8) == Some(&b'{')
}

/// Whether the header that `start` announces ends within a file of `file_length` bytes.
fn header_fits(start: &[u8], file_length: u64) -> bool {
    let length = start.first_chunk().map(|&length| u64::from_le_bytes(length));
    recognised(start) && length.is_some_and(|length| length.saturating_add(LENGTH) <= file_length)
}

/// The header of a file, checked against its length.
#[derive(Debug)]
pub struct Tensors {
    header: Metadata,
    /// Where the numbers begin, bytes.
    start: u64,
}

impl Tensors {
    /// Reads the header of a file of `file_length` bytes.
    pub fn read(path: &Path, file: &File, file_length: u64) -> Result<Self> {
        let damaged = |why: String| {
            Error::input(path, format!("no whole safetensors file ({why}); truncated or damaged"))
        };
        let failed = |error| Error::io("read", path, error);
        let mut bytes = Vec::new();
        FileRange::new(file, 0, LENGTH).read_to_end(&mut bytes).map_err(failed)?;
        let length = bytes.first_chunk().map(|&length| u64::from_le_bytes(length));
        let length =
            length.ok_or_else(|| damaged(format!("{file_length} bytes are too few for a header")))?;
        let start = length.checked_add(LENGTH).filter(|&start| start <= file_length);
        let start =
            start.ok_or_else(|| damaged(format!("a header of {length} bytes in a file of {file_length}")))?;
        if length > LONGEST_HEADER {
            let fact = format!("a header of {length} bytes, but {LONGEST_HEADER} at most are read");
            return Err(Error::input(path, format!("{fact}; save fewer tensors a file")));
        }
        bytes.clear();
        FileRange::new(file, LENGTH, start).read_to_end(&mut bytes).map_err(failed)?;
        let header: Metadata =
            serde_json::from_slice(&bytes).map_err(|error| damaged(format!("its header: {error}")))?;
        let promised = start.checked_add(header.data_len() as u64);
        if promised != Some(file_length) {
            let tensors = header.data_len();
            let fact =
                format!("its tensors take {tensors} bytes, but {} follow the header", file_length - start);
            return Err(damaged(fact));
        }
        Ok(Self { header, start })
    }

    /// Kind, shape and place of a tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.header.info(name)
    }

    /// The text that the header holds under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.header.tensors().into_keys().collect();
        names.sort_unstable();
        names
    }

    /// The tensor of an array, which has been found.
    fn array<'a>(
        &self,
        path: &'a Path,
        file: &'a File,
        name: &str,
        info: &TensorInfo,
    ) -> Result<ArrayInFile<'a>> {
        let dtype = dtype_of(info.dtype).ok_or_else(|| {
            let fact = format!("tensor {name} holds {:?} numbers, but bool, whole numbers and floats of 16 to 64 bits are read", info.dtype);
            Error::input(path, format!("{fact}; {}", converted(path, name)))
        })?;
        let (start, end) = info.data_offsets;
        let (offset, length) = (self.start + start as u64, (end - start) as u64);
        Ok(ArrayInFile { path, file, layout: layout(dtype, info), offset, length })
    }

    /// The numbers of a tensor of floats, whatever they are, rounded once to `T`.
    pub fn floats<T: Real>(&self, path: &Path, file: &File, name: &str) -> Result<Vec<T>> {
        let info = self.info(name).ok_or_else(|| Error::input(path, format!("no tensor {name}")))?;
        let dtype = float(name, info.dtype).map_err(|reason| Error::input(path, reason))?;
        let order: Vec<usize> = (0..info.shape.len()).collect();
        let read =
            |body: ArrayBytes<'_>| layout(dtype, info).values(body, (Scale::AsIs, &order), |_, _| Ok(()));
        self.body(path, file, info, read)
    }

    /// Hands the bytes of a tensor to `read`.
    fn body<T>(
        &self,
        path: &Path,
        file: &File,
        info: &TensorInfo,
        read: impl FnOnce(ArrayBytes<'_>) -> Result<T>,
    ) -> Result<T> {
        let (start, end) = info.data_offsets;
        let part = FileRange::new(file, self.start + start as u64, self.start + end as u64);
        let length = KnownLength::Exact((end - start) as u64);
        read(ArrayBytes { path, from: &mut BufReader::new(part), length })
    }
}

fn layout(dtype: DType, info: &TensorInfo) -> ArrayLayout {
    ArrayLayout { dtype, endian: Endian::Little, fortran: false, shape: info.shape.clone() }
}

/// The kind of the numbers of a tensor of floats.
fn float(name: &str, kind: Dtype) -> Result<DType, String> {
    let wanted = "but F16, BF16, F32 and F64 are read";
    let dtype = dtype_of(kind).filter(|dtype| dtype.is_float());
    dtype.ok_or_else(|| format!("tensor {name} holds {kind:?} numbers, {wanted}"))
}

/// The kind of the numbers of a tensor, where they are of a kind that is read.
fn dtype_of(kind: Dtype) -> Option<DType> {
    Some(match kind {
        Dtype::BOOL => DType::Bool,
        Dtype::U8 => DType::U8,
        Dtype::I8 => DType::I8,
        Dtype::U16 => DType::U16,
        Dtype::I16 => DType::I16,
        Dtype::U32 => DType::U32,
        Dtype::I32 => DType::I32,
        Dtype::U64 => DType::U64,
        Dtype::I64 => DType::I64,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::Bf16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        _ => return None,
    })
}

/// Opens the tensor that is named, or the only one that fits; rows that can be read one by one stay in the file, if they may.
fn open(OpenFile { path, file, length, part, reading, stays }: OpenFile<'_>) -> Result<Opened> {
    array(path, &file, length, (part, reading))?.open(reading, stays)
}

/// The tensor in a file of `length` bytes that is named, or the only one that fits.
pub(in crate::data) fn array<'a>(
    path: &'a Path,
    file: &'a File,
    length: u64,
    (part, reading): (Option<&str>, &Reading),
) -> Result<ArrayInFile<'a>> {
    let tensors = Tensors::read(path, file, length)?;
    let refused = |reason| Error::input(path, reason);
    let wanted = reading.axes.as_ref().map_or(2, |axes| axes.list().len());
    let (name, info) = chosen(&tensors, part, wanted).map_err(refused)?;
    let shape = &info.shape;
    if shape.len() != 2 && reading.meaning().is_none() {
        let remedy = "say what they are with `as` or `axes`, as `axes` count,length,length";
        return Err(refused(format!(
            "tensor {name} has shape {shape:?}, but rows need two dimensions; {remedy}"
        )));
    }
    tensors.array(path, file, &name, info)
}

/// The line of Python that makes an array that is read of a tensor.
fn converted(path: &Path, name: &str) -> String {
    format!(
        "numpy.save('converted.npy', safetensors.numpy.load_file({})[{}].astype('f4'))",
        python(path),
        python(name)
    )
}

/// The tensor called `wanted`, or the only one of so many dimensions; the error lists what there is.
fn chosen<'a>(
    tensors: &'a Tensors,
    wanted: Option<&str>,
    dimensions: usize,
) -> Result<(String, &'a TensorInfo), String> {
    let all: Vec<_> =
        tensors.names().into_iter().filter_map(|name| tensors.info(&name).map(|info| (name, info))).collect();
    let listed = all.iter().map(|(name, info)| format!("{name} {:?}", info.shape));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let mut fitting = all.into_iter().filter(|(name, info)| match wanted {
        Some(wanted) => name == wanted,
        None => info.shape.len() == dimensions,
    });
    let many = if dimensions == 2 { "two".to_owned() } else { dimensions.to_string() };
    match (fitting.next(), fitting.next(), wanted) {
        (Some(tensor), None, _) => Ok(tensor),
        (None, _, Some(wanted)) => Err(format!("no tensor is called {wanted}; there are: {listed}")),
        (None, ..) => Err(format!("no tensor has {many} dimensions; there are: {listed}")),
        (Some(_), ..) => {
            Err(format!("several tensors have {many} dimensions; name one as FILE:TENSOR of: {listed}"))
        }
    }
}
