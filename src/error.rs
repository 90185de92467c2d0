//! The one typed error of the library. Each text states the fact, both values and the way out, in lower
//! case and without a full stop; the command line prints it as it stands.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, sorted by what the user can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags or settings that contradict each other or are out of range.
    #[error("{0}")]
    Usage(String),
    /// A file whose content is not what it should be.
    #[error("{}: {reason}", shown(path))]
    Input {
        /// The file, or the folder that was searched.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// The optimisation left the finite numbers.
    #[error("diverged at step {step}: {what} is not finite; lower {remedy}")]
    Diverged {
        /// The update or iteration after which it was seen, counted from 1.
        step: usize,
        /// The first bad tensor or number.
        what: String,
        /// The flags that make divergence less likely.
        remedy: String,
    },
    /// No usable adapter, a lost device, an operation that the device refused.
    #[error("{0}")]
    Device(String),
    /// Reading or writing failed in the operating system.
    #[error("{action} {}: {source}", shown(path))]
    Io {
        /// What was tried, for example `write`.
        action: &'static str,
        /// The path it was tried on.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
}

impl Error {
    /// A refused combination of settings.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// A file whose content cannot be used.
    pub fn input(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Input { path: path.as_ref().to_owned(), reason: plain(&reason.into()).into_owned() }
    }

    /// A failure of the adapter or device.
    pub fn device(text: impl Into<String>) -> Self {
        Self::Device(text.into())
    }

    /// Wraps an error of the operating system; a missing file is bad input, the rest is I/O.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        if action == "read" && source.kind() == std::io::ErrorKind::NotFound {
            return Self::input(path, "no such file or folder");
        }
        Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// The exit code of the command line: 2 usage, 3 bad input, 4 diverged, 5 device, 6 I/O.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Input { .. } => 3,
            Self::Diverged { .. } => 4,
            Self::Device(_) => 5,
            Self::Io { .. } => 6,
        }
    }
}

/// The longest text of a file that an error repeats, characters.
const LONGEST: usize = 1200;
/// Of those, how many stand at the end, where the way out is.
const AT_END: usize = 300;

/// What is safe to print, whatever a file held: one line without control characters, its middle left out where it is long.
fn plain(text: &str) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= LONGEST && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped =
        |c: char| -> String { if c.is_control() { c.escape_default().collect() } else { c.into() } };
    if length <= LONGEST {
        return text.chars().map(escaped).collect();
    }
    let (first, last) = (text.chars().take(LONGEST - AT_END), text.chars().skip(length - AT_END));
    let ends = first.map(escaped).chain([" … ".to_owned()]).chain(last.map(escaped));
    ends.collect()
}

/// A path as one that a terminal can take.
pub(crate) fn shown(path: &Path) -> String {
    plain(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_files_are_repeated_in_one_short_line_that_a_terminal_can_take() {
        let error = Error::input("a\nb.npy", "tensor \u{1b}[2J\r\n is bad; way out");
        assert_eq!(error.to_string(), "a\\nb.npy: tensor \\u{1b}[2J\\r\\n is bad; way out");
        let long = format!("{}; way out", "ü".repeat(1 << 20));
        let text = Error::input("a.npy", long).to_string();
        assert!(text.chars().count() < 1300 && text.ends_with("ü; way out"), "{text}");
        assert_eq!(Error::input("ü.npy", "größer").to_string(), "ü.npy: größer");
    }
}
