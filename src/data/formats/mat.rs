//! MATLAB's files: level 5 (`save -v6` and `-v7`, SciPy's `savemat`) and level 4, of which one variable is read. Arrays lie
//! column by column, and their last dimension counts pictures. Version 7.3 is HDF5, and told so elsewhere.

mod element;
mod level4;
mod level5;
mod unpacked;
mod variable;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::array::{ArrayBytes, ArrayLayout, KnownLength, cannot_unpack, is_likely};
use super::format::{Format, OpenFile};
use crate::data::axes::Axes;
use crate::data::source::Opened;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;
pub use variable::Variable;

/// Most variables of a file that are looked at.
const MOST_VARIABLES: usize = 10_000;
/// Most variables that an error names.
const MOST_NAMED: usize = 20;
/// Bytes that say of which level a file is: the header of level 5, or a header of level 4 and a name.
const START: u64 = 128;

/// MATLAB's files but those of version 7.3.
pub const FORMAT: Format = Format {
    name: "a MATLAB file",
    kinds: Some(".mat"),
    usage: Some("FILE.mat[:NAME]"),
    endings: &[".mat"],
    has_parts: true,
    begins: |start| level5::endian(start).is_some() || level4::recognised(start),
    is_certain: |_, _| true,
    open,
};

/// Opens the variable that is named, or the only one that is an array of numbers.
fn open(OpenFile { path, file, length, part, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    let variable = chosen(path, variables(path, &file, length)?, part)?;
    let path = &path_of(path, &variable.name);
    let axes = reading.axes_or(&variable.shape, Axes::usual_in_matlab);
    let axes = axes.map_err(|reason| Error::input(path, reason))?;
    let unsaid = reading.meaning().is_none();
    read(path, &file, &variable, |layout, body| layout.open_as(body, axes, unsaid))
}

/// Hands layout and bytes of the numbers of a variable to `read`.
pub fn read<T>(
    path: &Path,
    file: &File,
    variable: &Variable,
    read: impl FnOnce(&ArrayLayout, ArrayBytes<'_>) -> Result<T>,
) -> Result<T> {
    if let Some((layout, numbers)) = variable.plain() {
        let length = KnownLength::Exact(numbers.end - numbers.start);
        let mut from = FileRange::new(file, numbers.start, numbers.end);
        return read(&layout, ArrayBytes { path, from: &mut from, length });
    }
    let (layout, mut length) = (variable.layout(), variable.unpacked_length());
    let failed = |error: io::Error| cannot_unpack(path, &error);
    if !is_likely(&layout, length) {
        // Counted first, so that memory is taken for numbers that are there.
        let mut numbers = variable.numbers(file).map_err(failed)?;
        length = KnownLength::Exact(io::copy(&mut numbers, &mut io::sink()).map_err(failed)?);
    }
    let mut from = variable.numbers(file).map_err(failed)?;
    read(&layout, ArrayBytes { path, from: &mut from, length })
}

/// Whether a file that begins so is one of level 5, whatever it is called.
pub fn is_certain(start: &[u8]) -> bool {
    level5::endian(start).is_some()
}

/// The dense arrays of real numbers in a file.
pub fn numeric_variables(path: &Path, file: &File, length: u64) -> Result<Vec<Variable>> {
    let mut all = variables(path, file, length)?;
    all.retain(Variable::is_numeric);
    Ok(all)
}

/// The variables of a file, of whatever class.
fn variables(path: &Path, file: &File, length: u64) -> Result<Vec<Variable>> {
    let mut start = Vec::new();
    let read = FileRange::new(file, 0, START.min(length)).read_to_end(&mut start);
    read.map_err(|error| Error::io("read", path, error))?;
    let listed = match level5::endian(&start) {
        Some(endian) => level5::variables(file, length, endian),
        None => level4::variables(file, length),
    };
    listed.map_err(|error| match error.raw_os_error() {
        Some(code) => Error::io("read", path, io::Error::from_raw_os_error(code)),
        None => Error::input(path, format!("no whole MATLAB file: {error}; it is truncated or damaged")),
    })
}

/// The variable called `wanted`; else the only array of numbers, where vectors and single numbers count only if there is nothing
/// else.
fn chosen(path: &Path, all: Vec<Variable>, wanted: Option<&str>) -> Result<Variable> {
    let refused = |why: String| Err(Error::input(path, why));
    let listed = list(&all);
    if let Some(wanted) = wanted {
        return match all.into_iter().find(|variable| variable.name == wanted) {
            Some(variable) if variable.is_numeric() => Ok(variable),
            Some(variable) => refused(format!(
                "{variable}, but dense arrays of real numbers are read; {}; there are: {listed}",
                variable.remedy()
            )),
            None => refused(format!("no variable is called {wanted}; there are: {listed}")),
        };
    }
    let count = all.len();
    let numeric: Vec<Variable> = all.into_iter().filter(Variable::is_numeric).collect();
    let is_wide = |variable: &Variable| variable.shape.iter().filter(|&&length| length > 1).count() > 1;
    let (mut wide, mut narrow): (Vec<_>, Vec<_>) = numeric.into_iter().partition(is_wide);
    match (wide.len(), narrow.len()) {
        (1, _) => {
            let variable = wide.remove(0);
            if count > 1 {
                tracing::info!("{}: {variable} is taken; there are: {listed}", path.display());
            }
            Ok(variable)
        }
        (0, 1) => Ok(narrow.remove(0)),
        (0, 0) if count == 0 => refused("a MATLAB file without variables; save one into it".to_owned()),
        (0, 0) => refused(format!("no variable is a dense array of real numbers; there are: {listed}")),
        _ => refused(format!("several arrays; name one as FILE.mat:NAME of: {listed}")),
    }
}

/// The first variables, with shapes and classes.
fn list(all: &[Variable]) -> String {
    let mut words: Vec<String> = all.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if all.len() > MOST_NAMED {
        words.push(format!("{} more", all.len() - MOST_NAMED));
    }
    words.join(", ")
}

/// The file and the variable in it, as the user would name them.
fn path_of(file: &Path, name: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(format!(":{name}"));
    path.into()
}
