//! What the user has set: a file, and flags over it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::Config;
use crate::error::{Error, Result};
use crate::input;

/// The settings that say how long a run is: one of them above puts both below aside.
const LENGTHS: [&str; 2] = ["epochs", "steps"];

/// The longest file that is read, bytes; a full one has about a thousand.
const LONGEST_FILE: u64 = 1 << 16;

/// Settings that were given, by name; flags win over the file.
#[derive(Clone, Debug, Default)]
pub struct Given {
    table: Table,
    file: Option<PathBuf>,
    /// Whether the file was written by a run of version 0.1.0.
    is_of_010: bool,
}

impl Given {
    /// Overlays the settings of `file` with `flags`.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is missing or no TOML.
    pub fn new(file: Option<&Path>, flags: Table) -> Result<Self> {
        let mut table = file.map(read).transpose()?.unwrap_or_default();
        let is_of_010 = is_of_010(&table);
        overlay(&mut table, flags);
        Ok(Self { table, file: file.map(Path::to_owned), is_of_010 })
    }

    /// Whether the settings are those of a run of version 0.1.0, which divided all bytes by 255.
    pub fn is_of_010(&self) -> bool {
        self.is_of_010
    }

    /// The setting `name`, if it was given.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Usage`] when it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.table.get(name) else { return Ok(None) };
        value
            .clone()
            .try_into()
            .map(Some)
            .map_err(|error| self.refused(&format!("{name}: {}", error.message())))
    }

    /// The given settings over `defaults`.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Usage`] for an unknown setting, or one of another type.
    pub fn over(&self, defaults: &Config) -> Result<Config> {
        let mut settings = Table::try_from(defaults).expect("defaults have a TOML form");
        overlay(&mut settings, self.table.clone());
        settings.try_into().map_err(|error: toml::de::Error| {
            // "invalid type …" and "in `hidden`" come on lines of their own.
            self.refused(&error.to_string().trim().replace('\n', " "))
        })
    }

    /// Flags have been checked one by one, so what cannot be read comes from the file.
    fn refused(&self, reason: &str) -> Error {
        match &self.file {
            Some(file) => Error::input(file, reason),
            None => Error::usage(reason),
        }
    }
}

/// Whether all settings are there that version 0.1.0 wrote for every run, and none that later versions write besides.
fn is_of_010(table: &Table) -> bool {
    const ALWAYS: [&str; 7] = ["hidden", "optimizer", "batch", "normalize", "checkpoint_every", "device", "threads"];
    ALWAYS.iter().all(|name| table.contains_key(*name)) && !table.contains_key("format")
}

/// Puts `above` over `below`.
fn overlay(below: &mut Table, above: Table) {
    let is_length = |name: &str| LENGTHS.contains(&name);
    if above.keys().any(|name| is_length(name)) {
        below.retain(|name, _| !is_length(name));
    }
    below.extend(above);
}

fn read(path: &Path) -> Result<Table> {
    let bytes = input::small(path, "a configuration", LONGEST_FILE)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::input(path, "not text in UTF-8, but a configuration is; give another file"))?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.as_bytes().get(..span.start)).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Error::input(path, format!("line {line}: {}", error.message()))
    })
}

/// Rows an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Batch {
    /// All of them.
    Full,
    /// This many.
    Rows(usize),
}

impl Batch {
    /// The rows of a mini-batch; `None` for all.
    pub fn rows(self) -> Option<usize> {
        match self {
            Self::Full => None,
            Self::Rows(rows) => Some(rows),
        }
    }
}

impl FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            _ => text.parse().map(Self::Rows).map_err(|_| "a number of rows or `full` is needed".to_owned()),
        }
    }
}

impl TryFrom<Value> for Batch {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => text.parse(),
            other => other.to_string().parse(),
        }
    }
}

impl From<Batch> for Value {
    fn from(batch: Batch) -> Self {
        match batch {
            Batch::Full => Self::String("full".to_owned()),
            Batch::Rows(rows) => Self::Integer(rows.try_into().unwrap_or(i64::MAX)),
        }
    }
}
