//! Files of labels, one for each example: an IDX file of one dimension (plain or packed by gzip), a NumPy array of one, or text
//! with a label a line.

use std::io::{self, BufReader, Read};
use std::path::Path;

use super::array::cannot_unpack;
use super::gzip::Gunzip;
use super::{idx, npy};
use crate::data::dtype::{DType, Endian};
use crate::data::labels::Labels;
use crate::error::{Error, Result, shown};
use crate::io::safe_open::{self, FileRange};

/// Most bytes of a file, unpacked.
const MOST: u64 = 1 << 28;
/// Different labels, at most: numbers that have more are measurements, not names of classes.
const MOST_CLASSES: usize = 1 << 16;

impl Labels {
    /// Reads a file of labels. Numbers have to be whole, and are sorted by their size; text is taken without the space around it.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that holds none, or something else besides; [`Error::Io`] where it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (file, length) = safe_open::open(path)?;
        let start = safe_open::start(&file, 2).map_err(|error| Error::io("read", path, error))?;
        let plain = BufReader::new(FileRange::new(&file, 0, length));
        match start[..] {
            [0x1f, 0x8b] => {
                of(path, &read(path, &mut Gunzip::new(plain), &|error| cannot_unpack(path, &error))?)
            }
            _ => of(path, &read(path, &mut { plain }, &|error| Error::io("read", path, error))?),
        }
    }
}

/// The whole of what is unpacked.
fn read(path: &Path, from: &mut dyn Read, failed: &dyn Fn(io::Error) -> Error) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        let fact = format!("more than {MOST} bytes, too many for labels");
        return Err(Error::input(path, format!("{fact}; give the file of the labels alone")));
    }
    Ok(bytes)
}

/// The labels in a file of these bytes.
fn of(path: &Path, bytes: &[u8]) -> Result<Labels> {
    let labels = match bytes {
        [0, 0, kind, 1, rest @ ..] if idx::recognised(&[0, 0, *kind, 1]) => of_idx(*kind, rest),
        [0, 0, _, 2..=8, ..] if idx::recognised(bytes) => {
            Err("an IDX file of pictures or rows, not of labels".to_owned())
        }
        _ if bytes.starts_with(npy::header::MAGIC) => return of_npy(path, bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => of_text(path, text),
            Err(_) => Err("neither IDX, nor a NumPy array, nor text with a label a line".to_owned()),
        },
    };
    labels.map_err(|why| Error::input(path, format!("{why}; give a file of labels, one for each example")))
}

fn of_idx(kind: u8, rest: &[u8]) -> std::result::Result<Labels, String> {
    let dtype = idx::dtype_of(kind).ok_or("an IDX file of an unknown type")?;
    let (length, numbers) = rest.split_first_chunk::<4>().ok_or("an IDX file that ends in its header")?;
    let count = u32::from_be_bytes(*length) as usize;
    of_numbers(numbers, count, (dtype, Endian::Big))
}

fn of_npy(path: &Path, bytes: &[u8]) -> Result<Labels> {
    let (layout, offset) = npy::header::start(path, &mut { bytes })?;
    let refused = |why: String| Error::input(path, why + "; give a file of labels, one for each example");
    let long: Vec<usize> = layout.shape.iter().copied().filter(|&length| length != 1).collect();
    let count = match long[..] {
        [] => 1,
        [count] => count,
        _ => return Err(refused(format!("an array of shape {:?}, not of labels", layout.shape))),
    };
    of_numbers(&bytes[offset..], count, (layout.dtype, layout.endian)).map_err(refused)
}

/// Labels of whole numbers.
fn of_numbers(
    bytes: &[u8],
    count: usize,
    (dtype, endian): (DType, Endian),
) -> std::result::Result<Labels, String> {
    if count.checked_mul(dtype.size()) != Some(bytes.len()) {
        let fact =
            format!("{} bytes of numbers, but its header promises {count} of {}", bytes.len(), dtype.size());
        return Err(format!("{fact} each, so that it is cut or damaged"));
    }
    let numbers = dtype.decode(bytes, endian);
    // Up to here f64 holds every whole number.
    let is_whole = |x: f64| x.fract() == 0.0 && x.abs() <= (1_u64 << 53) as f64;
    if let Some(row) = numbers.iter().position(|&x| !is_whole(x)) {
        return Err(format!("number {row} (counted from 0) is {}, which is no whole number", numbers[row]));
    }
    counted(numbers.iter().map(|&x| format!("{}", x as i64)))
}

/// Labels of lines; a first line that is no number above numbers alone is their heading.
fn of_text(path: &Path, text: &str) -> std::result::Result<Labels, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<&str> = text.trim_end().lines().map(|line| line.trim().trim_matches('"')).collect();
    let is_number = |line: &&str| line.parse::<f64>().is_ok();
    if let [first, rest @ ..] = &lines[..]
        && !is_number(first)
        && !rest.is_empty()
        && rest.iter().all(is_number)
    {
        tracing::info!("{}: {first:?} is taken as the heading of the labels", shown(path));
        lines.remove(0);
    }
    let is_no_label = |line: &&str| line.is_empty() || line.contains(|c: char| c.is_control() && c != '\t');
    match lines.iter().position(is_no_label) {
        Some(line) => Err(format!("line {} holds no label", line + 1)),
        None => counted(lines.iter().map(|&line| line.to_owned())),
    }
}

fn counted(labels: impl Iterator<Item = String>) -> std::result::Result<Labels, String> {
    let (mut names, mut of) = (Vec::new(), Vec::new());
    let mut known = std::collections::HashMap::new();
    for label in labels {
        let next = names.len();
        let number = *known.entry(label.clone()).or_insert(next);
        if number == next {
            if next == MOST_CLASSES {
                return Err(format!("more than {MOST_CLASSES} different labels, which are no classes"));
            }
            names.push(label);
        }
        of.push(number as u32);
    }
    match names.is_empty() {
        true => Err("no label".to_owned()),
        false => Ok(Labels::sorted(names, &of)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Labels> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        std::fs::write(&path, bytes).unwrap();
        Labels::open(&path)
    }

    fn words(labels: &Labels) -> Vec<&str> {
        labels.of.iter().map(|&label| labels.names[label as usize].as_str()).collect()
    }

    const IDX: &[u8] = b"\0\0\x08\x01\0\0\0\x03\x07\x00\x07";

    #[test]
    fn labels_of_every_kind_of_file_are_the_same() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(IDX).unwrap();
        let packed = packed.finish().unwrap();
        let npy = |descr: &str, shape: &str, numbers: &[u8]| {
            let mut bytes = Vec::new();
            npy::write_header_of(&mut bytes, descr, shape).unwrap();
            [&bytes, numbers].concat()
        };
        let column = npy("<i8", "(3, 1)", &[7_i64, 0, 7].map(i64::to_le_bytes).concat());
        let floats = npy("<f4", "(3,)", &[7_f32, 0.0, 7.0].map(f32::to_le_bytes).concat());
        for bytes in
            [IDX, &packed, &column, &floats, b"7\n0\n7\n", b"label\r\n7\r\n0\r\n7", b"\"7\"\n\"0\"\n\"7\""]
        {
            let labels = read_bytes(bytes).unwrap();
            assert_eq!((labels.names.join(" "), words(&labels)), ("0 7".to_owned(), vec!["7", "0", "7"]));
        }
        let labels = read_bytes(b"dog\ncat\ndog\n").unwrap();
        assert_eq!((labels.names.join(" "), labels.of), ("cat dog".to_owned(), vec![1, 0, 1]));
    }

    #[test]
    fn what_is_no_file_of_labels_is_refused_with_the_reason() {
        let mut npy = Vec::new();
        npy::write_header_of(&mut npy, "<f4", "(2, 2)").unwrap();
        let mut half = Vec::new();
        npy::write_header_of(&mut half, "<f4", "(1,)").unwrap();
        half.extend(0.5_f32.to_le_bytes());
        let cases: [(&[u8], &str); 9] = [
            (b"", "no label"),
            (b"cat\n\0\x07\n", "line 2 holds no label"),
            (b"1\n\n2\n", "line 2"),
            (&IDX[..10], "cut or damaged"),
            (&IDX[..6], "ends in its header"),
            (b"\0\0\x08\x03\0\0\0\x01\0\0\0\x01\0\0\0\x01\x05", "pictures or rows"),
            (&npy, "shape [2, 2]"),
            (&half, "no whole number"),
            (b"\xff\xfe\x00", "neither IDX"),
        ];
        for (bytes, word) in cases {
            let text = read_bytes(bytes).unwrap_err().to_string();
            assert!(text.contains(word), "{bytes:?}: {text}");
        }
    }
}
