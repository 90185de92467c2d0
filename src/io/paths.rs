//! Paths in files of settings and in reports. Most systems' paths are any bytes, TOML and JSON hold text: a path that is
//! text is written as it is, any other as its bytes in hexadecimal beside a text for people, so that none is refused and
//! none is changed.

use std::ffi::{OsStr, OsString};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A path with a form in TOML and JSON: a string where it is text, else `{ text = "caf\u{fffd}.npy", hex = "636166e9…" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct PathText(PathBuf);

/// The form in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Bytes {
        /// For people; not read.
        #[serde(default)]
        text: String,
        hex: String,
    },
}

/// One path or several, with the form of one path where it is one, and a list of such forms where there are several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany", into = "OneOrMany")]
pub struct Paths(Vec<PathText>);

/// The form in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a path or a list of paths is needed")]
enum OneOrMany {
    One(PathText),
    Many(Vec<PathText>),
}

impl Paths {
    /// The first of them.
    pub fn first(&self) -> &Path {
        &self.0[0]
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PathText> {
        self.0.iter()
    }

    /// What they are called in messages: the path, or the first and how many others.
    pub fn name(&self) -> PathBuf {
        match &self.0[..] {
            [path] => path.0.clone(),
            [path, other] => format!("{} and {}", path.display(), other.display()).into(),
            paths => format!("{} and {} others", paths[0].display(), paths.len() - 1).into(),
        }
    }
}

impl TryFrom<Vec<PathText>> for Paths {
    type Error = String;

    fn try_from(paths: Vec<PathText>) -> Result<Self, String> {
        if paths.is_empty() {
            Err("an empty list; name at least one path".to_owned())
        } else {
            Ok(Self(paths))
        }
    }
}

impl From<PathText> for Paths {
    fn from(path: PathText) -> Self {
        Self(vec![path])
    }
}

impl TryFrom<OneOrMany> for Paths {
    type Error = String;

    fn try_from(form: OneOrMany) -> Result<Self, String> {
        match form {
            OneOrMany::One(path) => Ok(path.into()),
            OneOrMany::Many(paths) => paths.try_into(),
        }
    }
}

impl From<Paths> for OneOrMany {
    fn from(Paths(mut paths): Paths) -> Self {
        if paths.len() == 1 { Self::One(paths.remove(0)) } else { Self::Many(paths) }
    }
}

impl From<PathBuf> for PathText {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<&Path> for PathText {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl From<OsString> for PathText {
    fn from(path: OsString) -> Self {
        Self(path.into())
    }
}

impl From<PathText> for PathBuf {
    fn from(path: PathText) -> Self {
        path.0
    }
}

impl Deref for PathText {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for PathText {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl From<PathText> for Form {
    fn from(PathText(path): PathText) -> Self {
        match path.into_os_string().into_string() {
            Ok(text) => Self::Text(text),
            Err(other) => Self::Bytes { text: other.to_string_lossy().into_owned(), hex: hex(&other) },
        }
    }
}

impl TryFrom<Form> for PathText {
    type Error = String;

    fn try_from(form: Form) -> Result<Self, String> {
        match form {
            Form::Text(text) => Ok(Self(text.into())),
            Form::Bytes { hex, .. } => {
                let path = unhex(&hex).ok_or_else(|| format!("{hex:?} is no path in hexadecimal"))?;
                Ok(Self(path.into()))
            }
        }
    }
}

/// The bytes of a name, lowest first where the system has wider units.
#[cfg(not(windows))]
fn hex(name: &OsStr) -> String {
    name.as_encoded_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(windows)]
fn hex(name: &OsStr) -> String {
    use std::os::windows::ffi::OsStrExt;
    name.encode_wide().flat_map(u16::to_le_bytes).map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Option<OsString> {
    let digits = hex.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    name_of(digits.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>()?)
}

#[cfg(not(any(unix, windows)))]
fn name_of(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(unix)]
fn name_of(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes))
}

#[cfg(windows)]
fn name_of(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::windows::ffi::OsStringExt;
    let wide = bytes.chunks(2).map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    Some(OsString::from_wide(&wide.collect::<Option<Vec<u16>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(path: &PathText) -> (PathText, PathText) {
        let toml = toml::Table::from_iter([("data".to_owned(), toml::Value::try_from(path).unwrap())]);
        let toml: toml::Table = toml::to_string(&toml).unwrap().parse().unwrap();
        let json = serde_json::to_string(path).unwrap();
        (toml["data"].clone().try_into().unwrap(), serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn a_path_that_is_text_is_written_as_it_is_and_comes_back() {
        let path = PathText::from(Path::new("größe/a b.npy:x"));
        assert_eq!(serde_json::to_string(&path).unwrap(), "\"größe/a b.npy:x\"");
        assert_eq!(round(&path), (path.clone(), path));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_comes_back_to_the_last_byte() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathText::from(OsString::from_vec(b"caf\xe9\n/\xff.npy".to_vec()));
        assert_eq!(round(&path), (path.clone(), path));
    }

    #[test]
    fn several_paths_are_a_list_and_one_is_none() {
        let of = |paths: &[&str]| -> Paths {
            paths.iter().map(|path| Path::new(path).into()).collect::<Vec<_>>().try_into().unwrap()
        };
        for (paths, json) in [(&["a"][..], "\"a\""), (&["a", "b"], "[\"a\",\"b\"]")] {
            assert_eq!(serde_json::to_string(&of(paths)).unwrap(), json);
            assert_eq!(serde_json::from_str::<Paths>(json).unwrap(), of(paths));
        }
        assert_eq!(serde_json::from_str::<Paths>("[\"a\"]").unwrap(), of(&["a"]));
        for json in ["[]", "5", "[5]"] {
            assert!(serde_json::from_str::<Paths>(json).is_err(), "{json}");
        }
        assert_eq!(of(&["a", "b", "c"]).name(), Path::new("a and 2 others"));
    }

    #[test]
    fn what_is_no_hexadecimal_is_refused() {
        for hex in ["", "0", "zz", "é0"] {
            assert!(serde_json::from_value::<PathText>(serde_json::json!({ "hex": hex })).is_err(), "{hex}");
        }
        assert!(serde_json::from_str::<PathText>("3").is_err());
    }
}
