//! The description of a file format that DATA may have, as the table of them holds it.

use std::fmt;
use std::fs::File;
use std::path::Path;

use crate::data::reading::Reading;
use crate::data::source::Opened;
use crate::error::Result;

/// A format of single files.
pub struct Format {
    /// A file of it as messages call it: `a NumPy array`.
    pub name: &'static str,
    /// Its kinds of files in lists of what is read: `IDX (also .gz)`; `None` where they stand in the words of another format.
    pub kinds: Option<&'static str>,
    /// DATA of it in the help of the command line: `FILE.npz[:ARRAY]`; `None` as above.
    pub usage: Option<&'static str>,
    /// Ends of file names, in lower case.
    pub endings: &'static [&'static str],
    /// Whether `FILE:NAME` names one of several arrays in a file.
    pub has_parts: bool,
    /// Whether a file that begins with these bytes may be of it.
    pub(super) begins: fn(&[u8]) -> bool,
    /// Whether a file of so many bytes that begins so is of it in earnest, and no bare numbers that begin alike.
    pub(super) is_certain: fn(&[u8], u64) -> bool,
    /// Reads a file of it.
    pub(super) open: fn(OpenFile<'_>) -> Result<Opened>,
}

/// A file of a format, open at its beginning.
pub struct OpenFile<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// The same, open.
    pub file: File,
    /// Bytes.
    pub length: u64,
    /// The array of the file that is meant, where one is named.
    pub part: Option<&'a str>,
    /// The user's word on what the numbers mean.
    pub reading: &'a Reading,
    /// Whether rows that can be read one by one are left on disk.
    pub stays: bool,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Format({self})")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
