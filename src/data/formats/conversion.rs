//! Lines of Python that make files that are read of others.

use std::path::Path;

/// A text or the name of a file as a Python literal; `FILE` where it has what would need care.
pub fn python<T: AsRef<std::ffi::OsStr> + ?Sized>(text: &T) -> String {
    let text = text.as_ref().to_str();
    let plain = text.filter(|text| !text.contains(|c: char| c.is_control() || matches!(c, '\'' | '\\')));
    format!("'{}'", plain.unwrap_or("FILE"))
}

/// The line that saves what `expression` gives as rows, under a name that no data have.
pub fn saved(expression: &str) -> String {
    format!("numpy.save('converted.npy', {expression})")
}

/// The line that saves a picture as one that is read.
pub fn as_png(path: &Path) -> String {
    format!("PIL.Image.open({}).convert('RGB').save('converted.png')", python(path))
}

/// The line that makes one array of the fields of a structured one.
pub fn structured(path: &Path) -> String {
    let fields = format!("numpy.lib.recfunctions.structured_to_unstructured({})", array(path, false));
    saved(&format!("{fields}.astype('float32')"))
}

/// The expression that gives an array; those of archives are not opened by their path.
fn array(path: &Path, pickled: bool) -> String {
    let is_file = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy")) && path.exists();
    match (is_file, pickled) {
        (true, false) => format!("numpy.load({})", python(path)),
        (true, true) => format!("numpy.load({}, allow_pickle=True)", python(path)),
        (false, _) => "a".to_owned(),
    }
}

/// The line that makes rows of an array whose numbers are of another kind, named without its order of bytes.
pub fn numbers(path: &Path, kind: &str) -> String {
    let array = |pickled| array(path, pickled);
    match kind.chars().next() {
        Some('O') => {
            let rows = saved(&format!("numpy.stack([numpy.asarray(x, 'float32') for x in {}])", array(true)));
            format!("those are Python objects; where each is a row of numbers of one length, {rows}")
        }
        Some('c') => {
            let parts = format!("numpy.abs({}).astype('float32')", array(false));
            format!("complex numbers have two parts; to keep their sizes, {}", saved(&parts))
        }
        Some('U' | 'S' | 'a') => {
            format!(
                "that is text; where it spells numbers, {}",
                saved(&format!("{}.astype('float32')", array(false)))
            )
        }
        Some('V') => "those are bytes without a meaning; give them a type with a.view(...).astype('float32')"
            .to_owned(),
        Some('M' | 'm') => {
            let numbers = saved(&format!("{}.astype('int64').astype('float64')", array(false)));
            format!("those are times; as numbers of their own unit, {numbers}")
        }
        _ => format!("convert it with {}", saved(&format!("{}.astype('float32')", array(false)))),
    }
}
