//! What was given as MODEL in the place of a model file, named for what it is: a run's folder, a file of another kind,
//! DATA in the wrong place.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::data::formats::named::NamedKind;
use crate::error::{Error, Result, shown};
use crate::io::safe_open::FileRange;

/// Bytes of a file that are looked at.
const START: u64 = 512;
/// The model of a run's folder.
const MODEL: &str = "model.safetensors";
/// The way out at the end of a refusal of what is no model. The binary puts the line of its command in its place.
pub const MODEL_INSTEAD: &str = "name the file or the run of a model in its place";

/// The file that is meant: that of a run, where its folder is given.
///
/// # Errors
/// [`Error::Input`] for a folder that holds no model.
pub fn file_of(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let model = path.join(MODEL);
    if model.is_file() {
        tracing::info!("{}: a folder, of which {MODEL} is taken", shown(path));
        return Ok(model);
    }
    let folder = shown(path);
    Err(Error::input(
        path,
        if path.join("config.toml").is_file() {
            format!("a run that has no {MODEL} yet; `rhohat train --resume {folder}` goes on with it")
        } else if path.join("classify.toml").is_file() {
            format!("a run that has no {MODEL} yet; `rhohat classify --resume {folder}` goes on with it")
        } else if path.join("stack.toml").is_file() {
            "a stack, whose layers are runs; give one of them, or say which with `layer`".to_owned()
        } else {
            format!("a folder without a {MODEL}; name the model file, or the folder of a run")
        },
    ))
}

/// The kind of a file that a model is read from; safetensors where nothing says otherwise.
///
/// # Errors
/// [`Error::Input`] for any other kind, with what it is and the way out; [`Error::Io`] where it cannot be read.
pub fn kind_of(path: &Path, file: &File) -> Result<NamedKind> {
    let mut start = Vec::new();
    let read = FileRange::new(file, 0, START).read_to_end(&mut start);
    read.map_err(|error| Error::io("read", path, error))?;
    match (NamedKind::of(path, &start), kind(&start)) {
        (Some(kind), _) => Ok(kind),
        (None, Some(what)) => Err(Error::input(path, what)),
        (None, None) => Ok(NamedKind::Safetensors),
    }
}

/// The kind of a file that begins like this, and the way out.
fn kind(start: &[u8]) -> Option<String> {
    let data = |what: &str| Some(format!("{what}, which is no model but DATA; {MODEL_INSTEAD}"));
    let torch = |what: &str| {
        Some(format!(
            "{what}, but a model is read from safetensors; in Python: import torch; from safetensors.torch import \
             save_file; m = torch.load('FILE', map_location='cpu', weights_only=True); m = m.get('state_dict', m); \
             save_file({{k: v.detach().clone().contiguous() for k, v in m.items()}}, 'model.safetensors')"
        ))
    };
    let keras = |what: &str| {
        Some(format!(
            "{what}, but a model is read from safetensors; in Python: import keras, numpy; from safetensors.numpy import \
             save_file; w = keras.models.load_model('FILE', compile=False).get_weights(); t = {{'encoder.weight': w[0].T, \
             'encoder.bias': w[1], 'decoder.weight': w[2].T, 'decoder.bias': w[3]}}; save_file({{k: \
             numpy.ascontiguousarray(v) for k, v in t.items()}}, 'model.safetensors')"
        ))
    };
    match start {
        [] => Some("empty, no whole safetensors file; give the file of a trained model".to_owned()),
        _ if start.starts_with(b"\x93NUMPY") => data("a NumPy array"),
        _ if start.starts_with(b"PK\x03\x04") && (holds(start, b"metadata.json") || holds(start, b"config.json")) => {
            keras("a zip archive, as Keras writes (.keras)")
        }
        _ if start.starts_with(b"PK\x03\x04") => torch("a zip archive, as torch.save writes"),
        [0x80, 2..=5, ..] => torch("a Python pickle, as old versions of torch.save write"),
        [0x1f, 0x8b, ..] => data("a gzip file"),
        _ if start.starts_with(b"MATLAB 7.3") => Some(
            "a MATLAB file of version 7.3, which is HDF5; in MATLAB, save('model.mat', 'W1', 'b1', 'W2', 'b2', '-v7') writes one \
             that is read"
                .to_owned(),
        ),
        [b'P', b'A', b'R', b'1', ..] => Some(
            "Parquet, which is no model; rows of it are DATA once pandas.read_parquet has read and numpy.save saved them".to_owned(),
        ),
        [0, 0, 0x08..=0x0e, 1..=4, ..] => data("an IDX file"),
        [0x89, b'H', b'D', b'F', ..] => keras("HDF5, as Keras writes"),
        _ if image::guess_format(start).is_ok() => data("a picture"),
        _ if is_text(start) => Some(format!("text, no whole safetensors file; if it holds rows, it is DATA; {MODEL_INSTEAD}")),
        _ => None,
    }
}

fn holds(start: &[u8], what: &[u8]) -> bool {
    start.windows(what.len()).any(|window| window == what)
}

/// Text that is no JSON behind a length, which a small safetensors file of printable bytes could be taken for.
fn is_text(start: &[u8]) -> bool {
    start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_kinds_are_named_and_none_of_ours_is() {
        let cases: [(&[u8], &str); 11] = [
            (b"", "empty"),
            (b"\x93NUMPY\x01\x00", MODEL_INSTEAD),
            (b"PK\x03\x04........archive/data.pkl", "torch.load"),
            (b"PK\x03\x04........metadata.json", "keras.models.load_model"),
            (b"\x80\x02}q\x00.", "pickle"),
            (b"\x00\x00\x08\x03\x00\x00\x00\x02", "IDX"),
            (b"\x89HDF\r\n\x1a\n", "Keras"),
            (b"\x89PNG\r\n\x1a\n0000", "a picture"),
            (b"MATLAB 7.3 MAT-file, \0\x02IM", "-v7"),
            (b"PAR1\x15\x04", "pandas.read_parquet"),
            (b"0.1,0.2\n0.3,0.4\n", "text"),
        ];
        for (start, word) in cases {
            let what = kind(start).unwrap_or_else(|| panic!("{start:?} is not named"));
            assert!(what.contains(word), "no {word} in: {what}");
        }
        assert_eq!(kind(b"\x40\x00\x00\x00\x00\x00\x00\x00{\"a\":1}"), None);
        assert_eq!(kind(&[0xff; 8]), None);
    }
}
