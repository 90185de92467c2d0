//! The models that were named, for the page: found and looked at when the program starts, read when they are asked for.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::data::formats::named::NamedKind;
use crate::error::{Error, Result, shown};
use crate::io::folder::Folder;
use crate::io::safe_open::start;
use crate::run::model_file::ModelFile;
use crate::run::{MODEL, RunDir};

/// Bytes by which a kind of file is known.
const START: u64 = 512;

/// Models in the order in which they were named.
pub struct Models(Vec<Model>);

struct Model {
    /// As the user named it.
    name: String,
    /// The path of its address.
    address: String,
    /// Where it lies: links on the way are followed once, before anybody asks for it.
    folder: Folder,
    file: OsString,
    /// Those of a run.
    settings: Option<Map<String, Value>>,
}

impl Models {
    /// The models at these paths: model files, and runs that have one.
    ///
    /// # Errors
    /// [`Error::Input`] for the first that is none or that the page cannot read.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let models = paths.iter().enumerate().map(|(number, path)| Model::open(number, path));
        models.collect::<Result<_>>().map(Self)
    }

    /// What there is, in JSON.
    pub fn list(&self) -> String {
        let listed = self.0.iter().map(|model| {
            let bytes = model.folder.open(&model.file).ok().flatten().map(|(_, bytes)| bytes);
            json!({ "name": model.name, "address": model.address, "bytes": bytes, "settings": model.settings })
        });
        Value::Array(listed.collect()).to_string()
    }

    /// The file behind the path of a request, and its length; nothing where no model has this address, and no file where it is
    /// gone.
    ///
    /// # Errors
    /// Those of [`Folder::open`].
    pub fn file(&self, path: &str) -> Option<Result<Option<(File, u64)>>> {
        let model = self.0.iter().find(|model| model.address == path)?;
        Some(model.folder.open(&model.file))
    }
}

impl Model {
    fn open(number: usize, named: &Path) -> Result<Self> {
        let path = fs::canonicalize(named).map_err(|error| Error::io("read", named, error))?;
        let (folder, file) = match (path.is_dir(), path.parent(), path.file_name()) {
            (false, Some(folder), Some(file)) => (Folder::at(folder), file),
            _ => (Folder::at(&path), OsStr::new(MODEL)),
        };
        // A run may come from anybody, and a link in it may point to whatever its maker wants a page to read.
        if folder.join(file).is_symlink() {
            let fact =
                "a link, and what a run links to is not served: whoever made the run chose where it points";
            return Err(Error::input(named.join(file), format!("{fact}; name the model file itself")));
        }
        // A pipe is refused before anything waits for it.
        let opened = folder.open(file)?;
        let model = ModelFile::open(named)?;
        let failed = |error| Error::io("read", model.path(), error);
        let first = opened.map(|(file, _)| start(&file, START).map_err(failed)).transpose()?;
        let kind = first.and_then(|first| NamedKind::of(model.path(), &first));
        if kind != Some(NamedKind::Safetensors) {
            let remedy = format!("rhohat convert {} -o model.safetensors makes one", shown(model.path()));
            return Err(Error::input(
                model.path(),
                format!("no safetensors file, which is what the page reads; {remedy}"),
            ));
        }
        Ok(Self {
            name: shown(named),
            address: format!("/models/{number}.safetensors"),
            settings: settings(named),
            file: file.to_owned(),
            folder,
        })
    }
}

/// The settings of a run, chosen and derived.
fn settings(named: &Path) -> Option<Map<String, Value>> {
    if !named.join("config.toml").is_file() {
        return None;
    }
    match RunDir::open(named).and_then(|run| run.settings()) {
        Ok((settings, _)) => serde_json::to_value(settings).ok()?.as_object().cloned(),
        Err(error) => {
            tracing::warn!("{error}; the page gets the model without its settings");
            None
        }
    }
}

#[cfg(test)]
impl Models {
    /// A file of any content, for tests of how it is sent.
    pub fn unchecked(path: &Path) -> Self {
        let (folder, file) = (path.parent().unwrap(), path.file_name().unwrap());
        Self(vec![Model {
            name: shown(path),
            address: "/models/0.safetensors".to_owned(),
            folder: Folder::at(folder),
            file: file.to_owned(),
            settings: None,
        }])
    }
}
