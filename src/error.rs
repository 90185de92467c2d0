//! The one typed error of the library. Each text states the fact, both values and the way out, in lower
//! case and without a full stop, and names settings in backticks as `config.toml` does: `` `rho` 2 ``. The binary writes
//! `--rho 2`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, sorted by what the user can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings that contradict each other or are out of range.
    #[error("{}", plain(.0))]
    Usage(String),
    /// A file whose content is not what it should be.
    #[error("{}: {}", shown(path), plain(reason))]
    Input {
        /// The file, or the folder that was searched.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// The optimisation left the finite numbers.
    #[error("diverged at step {step}: {} is not finite; lower {}", plain(what), plain(remedy))]
    Diverged {
        /// The update or iteration after which it was seen, counted from 1.
        step: usize,
        /// The first bad tensor or number.
        what: String,
        /// The settings that make divergence less likely.
        remedy: String,
    },
    /// No usable adapter, a lost device, an operation that the device refused.
    #[error("{}", plain(.0))]
    Device(String),
    /// Reading or writing failed in the operating system.
    #[error("{action} {}: {}", shown(path), plain(&source.to_string()))]
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

    /// What a build without the feature `files` cannot do: read or write `what`.
    #[cfg(not(feature = "files"))]
    pub fn without_files(what: impl std::fmt::Display) -> Self {
        Self::Usage(format!(
            "{what}: rhohat was built without the feature files; build it with, or keep all in memory"
        ))
    }

    /// A file whose content cannot be used.
    pub fn input(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Input { path: path.as_ref().to_owned(), reason: reason.into() }
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

    /// Names the file or folder that DATA was, for what has been found wrong where that name was not known.
    #[must_use]
    pub fn of_data(self, data: Option<&Path>) -> Self {
        match (self, data) {
            (Self::Input { path, reason }, Some(data)) if path == Path::new(DATA) => {
                Self::input(data, reason)
            }
            (other, _) => other,
        }
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

/// Stands for the path of DATA until somebody knows it, see [`Error::of_data`].
pub(crate) const DATA: &str = "data";

/// The longest text of a file that an error repeats, characters.
const LONGEST: usize = 1200;
/// Of those, how many stand at the end, where the way out is.
const AT_END: usize = 300;

/// What is safe to print, whatever a file or a name held: one line without characters that move the cursor or change the
/// direction of writing, its middle left out where it is long. Every [`Error`] prints like this.
pub fn plain(text: &str) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= LONGEST && !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| -> String { if is_unsafe(c) { c.escape_default().collect() } else { c.into() } };
    if length <= LONGEST {
        return text.chars().map(escaped).collect();
    }
    let (first, last) = (text.chars().take(LONGEST - AT_END), text.chars().skip(length - AT_END));
    let ends = first.map(escaped).chain([" … ".to_owned()]).chain(last.map(escaped));
    ends.collect()
}

/// Control characters; separators of lines and paragraphs; what changes the direction of writing, so that a line reads as
/// another.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path as one that a terminal can take.
pub fn shown(path: &Path) -> String {
    plain(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, made of hostile texts.
    fn all(text: &str) -> [Error; 5] {
        let source = || std::io::Error::other(text.to_owned());
        let all = [
            Error::usage(text),
            Error::input(text, text),
            Error::Diverged { step: 1, what: text.to_owned(), remedy: text.to_owned() },
            Error::device(text),
            Error::io("write", text, source()),
        ];
        // Whoever adds a kind adds it above, too.
        for error in &all {
            match error {
                Error::Usage(_)
                | Error::Input { .. }
                | Error::Diverged { .. }
                | Error::Device(_)
                | Error::Io { .. } => {}
            }
        }
        all
    }

    #[test]
    fn no_error_of_any_kind_prints_what_moves_a_cursor_or_forges_a_line() {
        let bad = "a\nerror: b\r\u{1b}[2J\u{1b}]0;evil\u{7}\u{9b}31m\0\u{7f}\t\u{2028}\u{202e}";
        for error in all(bad) {
            let text = error.to_string();
            assert!(!text.contains(is_unsafe), "{text:?}");
            assert!(text.contains("a\\nerror: b\\r\\u{1b}[2J"), "{text}");
        }
        for error in all(&"x".repeat(1 << 20)) {
            assert!(error.to_string().len() < 3 * LONGEST, "{error:?} is endless");
        }
    }

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
