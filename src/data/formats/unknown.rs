//! Files of no format that is read: their likely kind, by content, and the line of Python that makes a readable one of them.

use std::borrow::Cow;
use std::path::Path;

use super::conversion::{python, saved};
use super::npy::header::MAGIC;
use super::unsupported;

/// How many bytes of a file are looked at.
pub const START: u64 = 512;

/// The way out for bare numbers.
const RAW: &str = "if it holds bare numbers, `raw` says of what kind and width, as `raw` u8:784";

/// A sparse matrix of SciPy.
pub fn sparse(path: &Path) -> String {
    let line = saved(&format!("scipy.sparse.load_npz({}).toarray().astype('float32')", python(path)));
    format!("a sparse matrix of SciPy, but dense rows are read; {line}")
}

/// A zip archive without arrays, by the names of its files.
pub fn archive(path: &Path, names: &[String]) -> String {
    let holds = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    let file = python(path);
    if holds("data.pkl") {
        let line = saved(&format!("torch.load({file}, map_location='cpu').numpy()"));
        return format!(
            "a PyTorch file; for one tensor {line}, for several name it, as torch.load({file})['NAME']"
        );
    }
    if holds("xl/workbook.xml") {
        let line = saved(&format!("pandas.read_excel({file}).to_numpy('float32')"));
        return format!("a spreadsheet; {line}");
    }
    let found = names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = if found.is_empty() { String::new() } else { format!(" (it holds {found})") };
    format!(
        "a zip archive without a .npy file{found}; save arrays with numpy.savez, or unpack it and give its files"
    )
}

/// The likely content of a gzip file that is no IDX, by its start, with the way out.
pub fn packed(path: &Path, start: &[u8]) -> String {
    let file = python(path);
    let (what, line) = match start {
        [] => return "the gzip file holds no IDX data but nothing at all; download it again".to_owned(),
        _ if start.starts_with(MAGIC) => ("a NumPy array", saved(&format!("numpy.load(gzip.open({file}))"))),
        _ if start.get(257..262) == Some(b"ustar") => {
            ("a tar archive", format!("unpack it with tar -xzf {file}"))
        }
        [0x80, 2..=5, ..] => {
            ("a Python pickle", saved(&format!("pickle.load(gzip.open({file}), encoding='latin1')[0][0]")))
        }
        [0x1f, 0x8b, ..] => ("another gzip file", "unpack it with gunzip".to_owned()),
        _ if is_text(start) && is_numbers(start) => ("text", table(path, start)),
        _ => ("something else", "unpack it with gunzip, and give what comes out".to_owned()),
    };
    format!("the gzip file holds no IDX data but {what}; {line}")
}

/// The likely kind of a file of no format that is read, in words, with the way to rows or pictures.
pub fn looks_like(path: &Path, start: &[u8]) -> Cow<'static, str> {
    let file = python(path);
    match start {
        [] => "empty; download or save it again".into(),
        [0x89, b'H', b'D', b'F', ..] => {
            let line = saved(&format!("h5py.File({file})['NAME'][:].astype('float32')"));
            format!("HDF5; {line}").into()
        }
        _ if start.starts_with(b"MATLAB 7.3") => {
            let line = saved(&format!("h5py.File({file})['NAME'][:].T.astype('float32')"));
            format!("a MATLAB file of version 7.3; {line}").into()
        }
        _ if start.starts_with(b"MATLAB") => {
            "a MATLAB file without the end of its header; it is truncated or damaged".into()
        }
        _ if start.starts_with(b"Octave-1-") => {
            format!("Octave's own; load({file}); save('-7', 'converted.mat', 'NAME') in Octave").into()
        }
        [0x80, 2, 0x8a, 0x0a, ..] => {
            format!("a PyTorch file; {}", saved(&format!("torch.load({file}, map_location='cpu').numpy()")))
                .into()
        }
        [0x80, 2..=5, ..] => {
            let line = saved(&format!("pickle.load(open({file}, 'rb'), encoding='bytes')[b'data']"));
            format!("a Python pickle; {line}, with the name that your data have in it").into()
        }
        [b'P', b'A', b'R', b'1', ..] => {
            format!("Parquet; {}", saved(&format!("pandas.read_parquet({file}).to_numpy('float32')"))).into()
        }
        _ if start.starts_with(b"ARROW1") || start.starts_with(b"FEA1") => {
            format!("Arrow; {}", saved(&format!("pandas.read_feather({file}).to_numpy('float32')"))).into()
        }
        _ if start.starts_with(b"SIMPLE  =") => {
            format!("FITS; {}", saved(&format!("astropy.io.fits.getdata({file}).astype('<f4')"))).into()
        }
        _ if start.get(257..262) == Some(b"ustar") => {
            "a tar archive; unpack it, and give a file or a folder".into()
        }
        _ if is_packed(start) => {
            "packed (bzip2, xz, zstd, 7z or rar); unpack it, and give what comes out".into()
        }
        _ if let Some(kind) = unsupported::kind(start) => {
            format!("a picture of a kind that is not read: {kind}; {}", unsupported::remedy(kind, path))
                .into()
        }
        _ if is_text(start) => text(path, start).into(),
        _ => format!("of no known format; {RAW}").into(),
    }
}

fn is_packed(start: &[u8]) -> bool {
    let magics: [&[u8]; 5] = [b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!"];
    magics.iter().any(|magic| start.starts_with(magic))
}

/// Whether there is nothing but text in some encoding that keeps ASCII.
pub fn is_text(start: &[u8]) -> bool {
    !start.is_empty()
        && start.iter().all(|&byte| byte >= 0x80 || byte.is_ascii_graphic() || byte.is_ascii_whitespace())
        && start.iter().filter(|&&byte| byte < 0x80).count() * 2 > start.len()
}

/// Whether a file that begins so may be a table: text that says itself to be nothing else.
pub fn may_be_table(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let is_picture = matches!(text, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace());
    is_text(start)
        && !is_picture
        && !text.starts_with(b"version https:")
        && !matches!(text, [b'{' | b'[' | b'<', ..])
}

/// Text: a pointer, a page, a table, or something else.
fn text(path: &Path, start: &[u8]) -> String {
    let text = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    if text.starts_with("version https://git-lfs") {
        return "a git-lfs pointer, not the file itself; fetch that with git lfs pull".to_owned();
    }
    if text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head") {
        return "a web page, which came instead of the file; download it again, or open it to see why"
            .to_owned();
    }
    if text.starts_with(['{', '[']) {
        let line = saved(&format!("numpy.array(json.load(open({})), 'float32')", python(path)));
        return format!("text (JSON); {line}");
    }
    if is_numbers(start) {
        return format!("text (a table of numbers); {}", table(path, start));
    }
    "text, but no table of numbers; save numbers with numpy.save".to_owned()
}

/// Whether one of the first two lines is nothing but numbers and what parts them; the first may name columns.
fn is_numbers(start: &[u8]) -> bool {
    String::from_utf8_lossy(start).lines().take(2).any(is_row)
}

pub fn is_row(line: &str) -> bool {
    let fields = || line.split([',', ';', '\t', ' ']).map(str::trim).filter(|field| !field.is_empty());
    fields().next().is_some() && fields().all(|field| field.parse::<f64>().is_ok())
}

/// The line that reads a table of numbers.
fn table(path: &Path, start: &[u8]) -> String {
    let text = String::from_utf8_lossy(start);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let delimiter = [',', ';', '\t'].into_iter().find(|&c| first.contains(c));
    let delimiter = delimiter.map(|c| format!(", delimiter='{}'", c.escape_default())).unwrap_or_default();
    let names = if is_row(first) { "" } else { ", skiprows=1" };
    saved(&format!("numpy.loadtxt({}{delimiter}{names}, dtype='float32', ndmin=2)", python(path)))
}
