//! The settings of the user: a file, and flags over it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::derived::{self, Written};
use super::{Config, json};
use crate::data::{Reading, Source, Taken, WhiteningKind};
use crate::error::{Error, Result};
use crate::io::paths::{PathText, Paths};
#[cfg(feature = "files")]
use crate::io::safe_open;

/// The settings that say how long a run is: one of them above puts both below aside.
const LENGTHS: [&str; 2] = ["epochs", "steps"];

/// Two spellings of whitening: one of them above puts both below aside.
const WHITENING: [&str; 2] = ["whiten", "whitening"];

/// Settings that are paths, and where they are kept as they were typed.
const PATHS: [[&str; 2]; 4] = [
    ["data", "data_as_given"],
    ["labels", "labels_as_given"],
    ["init", "init_as_given"],
    ["validation", "validation_as_given"],
];

#[cfg(feature = "files")]
/// The longest file that is read, bytes; a full one has about a thousand.
const LONGEST_FILE: u64 = 1 << 16;

/// Settings that were given, by name; flags win over what a file says was chosen, and that over what it says was derived.
#[derive(Clone, Debug, Default)]
pub struct UserSettings {
    /// Chosen, by flags or in the file.
    pub(super) table: Table,
    /// Derived, as the file says.
    pub(super) derived: Table,
    /// The flags alone.
    pub(super) flags: Table,
    /// Chosen, in the file alone.
    chosen_in_file: Table,
    pub(super) written: Written,
    /// Whether derived settings of the file do not bind any more.
    pub(super) rebased: bool,
    file: Option<PathBuf>,
}

impl UserSettings {
    /// Overlays the settings of `file` with `flags`.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is missing or no TOML, or was written by a later version.
    pub fn new(file: Option<&Path>, flags: Table) -> Result<Self> {
        let mut table = file.map(read).transpose()?.unwrap_or_default();
        let (derived, written) = derived::split(&mut table).map_err(|reason| match file {
            Some(file) => Error::input(file, reason),
            None => Error::usage(reason),
        })?;
        let mut flags = flags;
        absolute_paths(&mut table);
        find_again(&mut table);
        absolute_paths(&mut flags);
        spell_whitening(&mut table);
        spell_whitening(&mut flags);
        let chosen_in_file = table.clone();
        overlay(&mut table, flags.clone());
        let file = file.map(Path::to_owned);
        Ok(Self { table, derived, flags, chosen_in_file, written, rebased: false, file })
    }

    /// All that is set, chosen or derived.
    pub fn all(&self) -> Table {
        let mut all = self.derived.clone();
        all.retain(|name, _| !derived::is_shape(name));
        overlay(&mut all, self.table.clone());
        all
    }

    /// The writer of the file.
    pub fn written(&self) -> Written {
        self.written
    }

    /// The same as those of version 0.1.0, which began the run whose settings these are, whoever has written them since.
    #[must_use]
    pub fn begun_by_010(self) -> Self {
        Self { written: Written::Of010, ..self }
    }

    /// Whether the settings are those of a run, in which what is not said is said by that.
    pub(super) fn are_of_a_run(&self) -> bool {
        self.written != Written::ByHand && !self.rebased
    }

    /// The value in the file, chosen or derived.
    pub(super) fn of_file(&self, name: &str) -> Option<&Value> {
        self.chosen_in_file.get(name).or_else(|| self.derived.get(name))
    }

    /// Whether the file sets `name`.
    pub(super) fn file_has(&self, name: &str) -> bool {
        self.of_file(name).is_some()
    }

    /// Names of the settings that were chosen.
    pub fn chosen(&self) -> impl Iterator<Item = &String> {
        self.table.keys()
    }

    /// The setting `name`, if it was given.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Usage`] when it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.table.get(name).or_else(|| self.derived_under(name)) else { return Ok(None) };
        value
            .clone()
            .try_into()
            .map(Some)
            .map_err(|error| self.refused(&format!("{name}: {}", error.message())))
    }

    /// How the data are to be read.
    ///
    /// # Errors
    /// As [`UserSettings::get`].
    pub fn reading(&self) -> Result<Reading> {
        Ok(Reading {
            raw: self.get("raw")?,
            meaning: self.get("as")?,
            axes: self.get("axes")?,
            recursive: self.get("recursive")?.unwrap_or_default(),
            format: self.get("format")?,
            use_columns: self.get("use_columns")?,
            label_column: self.get("label_column")?,
            labels: self.get::<PathText>("labels")?.map(|path| path.to_path_buf()),
            classes: self.get("classes")?,
            ..Reading::default()
        })
    }

    /// The rows or pictures of DATA that were asked for.
    ///
    /// # Errors
    /// As [`UserSettings::get`].
    pub fn taken(&self) -> Result<Taken> {
        Ok(Taken::new(self.get("take")?, self.get("first")?, self.get("seed")?.unwrap_or_default()))
    }

    /// The value of a chosen setting, by a name that [`UserSettings::chosen`] has.
    pub fn value(&self, name: &str) -> Value {
        self.table[name].clone()
    }

    /// The given settings over `defaults`.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Usage`] for an unknown setting, or one of another type.
    pub fn over(&self, defaults: &Config) -> Result<Config> {
        let mut settings = Table::try_from(defaults).expect("defaults have a TOML form");
        let is_derived = |name: &str| self.derived_under(name).is_some();
        overlay(
            &mut settings,
            self.derived.clone().into_iter().filter(|(name, _)| is_derived(name)).collect(),
        );
        overlay(&mut settings, self.table.clone());
        let mut config: Config = settings.try_into().map_err(|error: toml::de::Error| {
            // "invalid type …" and "in `hidden`" come on lines of their own.
            self.refused(&error.to_string().trim().replace('\n', " "))
        })?;
        config.chosen = self.chosen().cloned().collect();
        config.data_shape = defaults.data_shape;
        config.held_out_kind = defaults.held_out_kind;
        Ok(config)
    }

    /// A derived setting, unless a chosen one puts it aside.
    fn derived_under(&self, name: &str) -> Option<&Value> {
        let is_one = |names: [&str; 2]| {
            names.contains(&name) && names.iter().any(|name| self.table.contains_key(*name))
        };
        let put_aside = is_one(LENGTHS) || is_one(WHITENING);
        self.derived.get(name).filter(|_| !put_aside && !derived::is_shape(name))
    }

    /// Flags have been checked one by one, so what cannot be read comes from the file.
    fn refused(&self, reason: &str) -> Error {
        match &self.file {
            Some(file) => Error::input(file, reason),
            None => Error::usage(reason),
        }
    }
}

/// Puts `above` over `below`.
fn overlay(below: &mut Table, above: Table) {
    for names in [LENGTHS, WHITENING] {
        if above.keys().any(|name| names.contains(&name.as_str())) {
            below.retain(|name, _| !names.contains(&name));
        }
    }
    for [path, as_given] in PATHS {
        if above.contains_key(path) {
            below.remove(as_given);
        }
    }
    below.extend(above);
}

/// Filters of whole pictures are switched on and off by `whiten`; `whitening` is left to what decorrelates examples.
fn spell_whitening(table: &mut Table) {
    let is_filtered = match table.get("whitening").and_then(Value::as_str) {
        Some(name) if name == WhiteningKind::Olshausen.name() => true,
        Some(name) if name == WhiteningKind::None.name() => false,
        _ => return,
    };
    table.remove("whitening");
    table.insert("whiten".to_owned(), is_filtered.into());
}

/// Makes paths absolute, so that they mean the same wherever a run is gone on with, and keeps them as they were typed.
pub fn absolute_paths(table: &mut Table) {
    for [name, as_given] in PATHS {
        // What is no path is refused where all settings are read.
        let Some(typed) = paths(table, name) else { continue };
        let absolute = |path: &PathText| std::path::absolute(path).map(PathText::from);
        let Ok(absolute) = typed.iter().map(absolute).collect::<Result<Vec<_>, _>>() else { continue };
        if !typed.iter().eq(&absolute) {
            insert(table, name, absolute);
            insert(table, as_given, typed.iter().cloned().collect());
        }
    }
}

/// Where nothing is left at an absolute path of a file, but what was typed leads somewhere from here, the run was moved
/// with what it learns from.
fn find_again(table: &mut Table) {
    for [name, as_given] in PATHS {
        let (Some(absolute), Some(typed)) = (paths(table, name), paths(table, as_given)) else { continue };
        if absolute.iter().len() != typed.iter().len() {
            continue;
        }
        let found = |(absolute, typed): (&PathText, &PathText)| {
            let is_moved = !Source::file_of(absolute).exists() && Source::file_of(typed).exists();
            if is_moved {
                tracing::info!("{}: not there; taken from {}", absolute.display(), typed.display());
            }
            if is_moved { typed.clone() } else { absolute.clone() }
        };
        let all: Vec<PathText> = absolute.iter().zip(typed.iter()).map(found).collect();
        if !absolute.iter().eq(&all) {
            insert(table, name, all);
            absolute_paths(table);
        }
    }
}

/// The path or the paths of a setting, where they are some.
fn paths(table: &Table, name: &str) -> Option<Paths> {
    table.get(name)?.clone().try_into().ok()
}

fn insert(table: &mut Table, name: &str, paths: Vec<PathText>) {
    let Ok(paths) = Paths::try_from(paths) else { return };
    let value = Value::try_from(paths).expect("a path has a TOML form");
    table.insert(name.to_owned(), value);
}

/// The settings in `bytes` of a run's `config.toml` at `path`, chosen and derived, and who wrote them.
///
/// # Errors
/// [`Error::Input`] when they are no TOML, or were written by a later version.
pub fn parse_settings(path: &Path, bytes: Vec<u8>) -> Result<(Table, Written)> {
    let mut table = parse(path, bytes)?;
    let (derived, written) = derived::split(&mut table).map_err(|reason| Error::input(path, reason))?;
    table.extend(derived.into_iter().filter(|(name, _)| !derived::is_shape(name)));
    absolute_paths(&mut table);
    Ok((table, written))
}

/// Settings in a text of TOML or JSON.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_text(text: &str) -> Result<Table, String> {
    json::of(text).unwrap_or_else(|| toml::from_str(text).map_err(|error| error.message().to_owned()))
}

#[cfg(feature = "files")]
fn read(path: &Path) -> Result<Table> {
    parse(path, safe_open::small(path, "a configuration", LONGEST_FILE)?)
}

#[cfg(not(feature = "files"))]
fn read(path: &Path) -> Result<Table> {
    Err(Error::without_files(path.display()))
}

fn parse(path: &Path, bytes: Vec<u8>) -> Result<Table> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::input(path, "not text in UTF-8, but a configuration is; give another file"))?;
    if let Some(json) = json::of(&text) {
        return json.map_err(|reason| Error::input(path, reason));
    }
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.as_bytes().get(..span.start)).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Error::input(path, format!("line {line}: {}", error.message()))
    })
}

/// Rows an update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Batch {
    /// All of them.
    #[default]
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
