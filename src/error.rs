//! The one typed error of the library. Each text states the fact, both values and the way out, in lower
//! case and without a full stop; the command line prints it as it stands.

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
    #[error("{}: {reason}", path.display())]
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
    #[error("{action} {}: {source}", path.display())]
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
