//! Stacks: autoencoders one above the other, each a run of its own that learns from the codes of the one below.
//!
//! ```text
//! STACK/stack.toml          settings of all layers, and under [[layer]] those of each
//! STACK/layer-1/            an ordinary run on DATA
//! STACK/codes-1.npy         its codes of all examples
//! STACK/layer-2/            an ordinary run on these
//! ```

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::io::paths::PathText;
use crate::run::config::parse_text;

/// The settings of a stack.
const CONFIG: &str = "stack.toml";
/// The list of the layers in it.
const LAYER: &str = "layer";
/// Most bytes of it.
const MOST: u64 = 1 << 20;
/// Settings of what DATA are and how examples are made of them, which concern the lowest layer alone.
const OF_DATA: [&str; 26] = [
    "data",
    "data_as_given",
    "raw",
    "as",
    "axes",
    "recursive",
    "format",
    "use_columns",
    "label_column",
    "labels",
    "labels_as_given",
    "classes",
    "take",
    "first",
    "divide",
    "shape",
    "samples",
    "patch",
    "color",
    "replacement",
    "whiten",
    "whitening",
    "epsilon",
    "variance",
    "normalize",
    "fit_rows",
];

/// The settings of a stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackSettings {
    /// Of all layers, named as in `config.toml` of a run.
    pub all: Table,
    /// Of each layer, from below; they win over those of all.
    pub layers: Vec<Table>,
}

impl StackSettings {
    /// Reads a file of settings: those of all layers, and tables `[[layer]]`.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that is none.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = crate::io::safe_open::small(path, "settings of a stack", MOST)?;
        let text =
            String::from_utf8(bytes).map_err(|_| Error::input(path, "not text; give settings of a stack"))?;
        let mut all = parse_text(&text).map_err(|why| Error::input(path, why))?;
        let layers = match all.remove(LAYER) {
            None => Vec::new(),
            Some(Value::Array(layers)) => layers
                .into_iter()
                .map(|layer| {
                    layer
                        .try_into()
                        .map_err(|_| Error::input(path, "`layer` holds what is no table of settings"))
                })
                .collect::<Result<_>>()?,
            Some(_) => {
                return Err(Error::input(path, "`layer` is no list of tables; write [[layer]] for each"));
            }
        };
        Ok(Self { all, layers })
    }

    /// The same with flags over the settings of all layers, and layers of other widths where they are given.
    ///
    /// # Errors
    /// [`Error::Usage`] without any layer, one without a width, widths beside layers that are as many as others.
    pub fn with(mut self, flags: Table, widths: Option<&[usize]>) -> Result<Self> {
        self.all.extend(flags);
        if self.all.contains_key("hidden") {
            return Err(Error::usage("`hidden` is the width of one layer; give those of all with `layers`"));
        }
        if let Some(widths) = widths {
            if !self.layers.is_empty() && self.layers.len() != widths.len() {
                let fact = format!(
                    "`layers` has {} widths, but the settings have {}",
                    widths.len(),
                    self.layers.len()
                );
                return Err(Error::usage(format!("{fact} layers; give as many, or leave it out")));
            }
            self.layers.resize(widths.len(), Table::new());
            for (layer, &width) in self.layers.iter_mut().zip(widths) {
                layer.insert("hidden".to_owned(), (width as i64).into());
            }
        }
        if self.layers.is_empty() {
            return Err(Error::usage(
                "a stack has layers; give their widths from below with `layers`, as 200,100",
            ));
        }
        match self.layers.iter().position(|layer| !layer.contains_key("hidden")) {
            None => Ok(self),
            Some(at) => {
                Err(Error::usage(format!("layer {} has no `hidden`; give it in its [[layer]]", at + 1)))
            }
        }
    }

    /// The settings of the run of a layer, counted from 1; above the lowest it learns from `codes`.
    pub fn of_layer(&self, number: usize, codes: Option<&Path>) -> Table {
        let mut settings = self.all.clone();
        if let Some(codes) = codes {
            settings.retain(|name, value| !OF_DATA.contains(&name) && !is_data(name, value));
            let activation = self.layers[number - 2].get("activation").or_else(|| self.all.get("activation"));
            if activation.and_then(Value::as_str) == Some("tanh") {
                // What the layer below gives lies between −1 and 1.
                settings.entry("output").or_insert_with(|| "tanh".into());
            }
            let codes = Value::try_from(PathText::from(codes)).expect("a path has a TOML form");
            settings.insert("data".to_owned(), codes);
        }
        settings.extend(self.layers[number - 1].clone());
        settings
    }

    fn to_text(&self) -> Result<String> {
        let mut table = self.all.clone();
        let layers = self.layers.iter().cloned().map(Value::Table).collect();
        table.insert(LAYER.to_owned(), Value::Array(layers));
        toml::to_string(&table).map_err(|error| Error::usage(format!("settings: {error}")))
    }
}

/// Whether a setting names held-out data, of which there are no codes.
fn is_data(name: &str, value: &Value) -> bool {
    name.starts_with("validation") && !value.is_float()
}

/// The folder of a stack.
#[derive(Clone, Debug)]
pub struct StackDir(PathBuf);

impl StackDir {
    /// The folder at `path`, whatever is in it.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether a stack has begun there.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be looked at.
    pub fn has_begun(&self) -> Result<bool> {
        // What is asked about may be a file, the model of an encoder.
        Ok(self.0.is_dir() && Folder::at(&self.0).has(CONFIG)?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The settings with which it began.
    ///
    /// # Errors
    /// [`Error::Input`] where no stack has begun.
    pub fn settings(&self) -> Result<StackSettings> {
        if !self.has_begun()? {
            return Err(Error::input(&self.0, "no stack; `rhohat stack` begins one"));
        }
        StackSettings::open(&self.0.join(CONFIG))
    }

    /// Keeps the settings.
    ///
    /// # Errors
    /// [`Error::Usage`] where it has begun with others, [`Error::Io`] where they cannot be written.
    pub fn begin(&self, settings: &StackSettings) -> Result<()> {
        if self.has_begun()? {
            if self.settings()? == *settings {
                return Ok(());
            }
            let fact = format!("{}: the stack has begun with other settings", self.0.display());
            return Err(Error::usage(format!(
                "{fact}, those of {CONFIG}; leave flags out, or begin another one with `out`"
            )));
        }
        let text = settings.to_text()?;
        Folder::at(&self.0).write(CONFIG, |out| out.write_all(text.as_bytes()))
    }

    /// The run of a layer, counted from 1.
    pub fn layer(&self, number: usize) -> PathBuf {
        self.0.join(format!("layer-{number}"))
    }

    /// The codes of a layer.
    pub fn codes(&self, number: usize) -> PathBuf {
        self.0.join(format!("codes-{number}.npy"))
    }

    /// The runs of its layers, from below; `None` where it is no stack.
    ///
    /// # Errors
    /// [`Error::Input`] for a stack with a layer that has no model yet.
    pub fn layers(&self) -> Result<Option<Vec<PathBuf>>> {
        if !self.has_begun()? {
            return Ok(None);
        }
        let layers: Vec<PathBuf> =
            (1..=self.settings()?.layers.len()).map(|number| self.layer(number)).collect();
        match layers.iter().find(|layer| !layer.join(crate::run::MODEL).is_file()) {
            None => Ok(Some(layers)),
            Some(layer) => {
                let fact = format!("its layer {} has no model yet", layer.display());
                Err(Error::input(
                    &self.0,
                    format!("{fact}; `rhohat stack --resume {}` goes on with it", self.0.display()),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn what_data_are_concerns_the_lowest_layer_and_each_may_have_settings_of_its_own() {
        let settings =
            StackSettings { all: table("beta = 3.0\nrho = 0.1\ndata = '/a'\npatch = 8"), layers: Vec::new() };
        let mut settings = settings.with(table("rho = 0.2"), Some(&[20, 10])).unwrap();
        settings.layers[1].extend(table("rho = 0.5"));
        assert_eq!(
            settings.of_layer(1, None),
            table("beta = 3.0\nrho = 0.2\ndata = '/a'\npatch = 8\nhidden = 20")
        );
        let above = settings.of_layer(2, Some(Path::new("/codes-1.npy")));
        assert_eq!(above, table("beta = 3.0\nrho = 0.5\ndata = '/codes-1.npy'\nhidden = 10"));
    }

    #[test]
    fn codes_of_tanh_are_reached_by_tanh() {
        let settings =
            StackSettings::default().with(table("activation = 'tanh'"), Some(&[20, 10, 5])).unwrap();
        assert_eq!(settings.of_layer(1, None).get("output"), None);
        assert_eq!(settings.of_layer(3, Some(Path::new("/c")))["output"].as_str(), Some("tanh"));
        let linear = settings.with(table("output = 'linear'"), None).unwrap();
        assert_eq!(linear.of_layer(3, Some(Path::new("/c")))["output"].as_str(), Some("linear"));
    }

    #[test]
    fn layers_come_from_flags_or_from_a_file_and_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("given.toml");
        std::fs::write(&path, "beta = 3\n[[layer]]\nhidden = 20\n[[layer]]\nhidden = 10\nrho = 0.5\n")
            .unwrap();
        let settings = StackSettings::open(&path).unwrap().with(Table::new(), None).unwrap();
        assert_eq!(settings.layers, [table("hidden = 20"), table("hidden = 10\nrho = 0.5")]);
        let stack = StackDir::at(folder.path());
        assert!(stack.settings().is_err() && stack.layers().unwrap().is_none());
        stack.begin(&settings).unwrap();
        assert_eq!(stack.settings().unwrap(), settings);
        stack.begin(&settings).unwrap();
        let other = settings.with(table("beta = 4"), None).unwrap();
        assert!(stack.begin(&other).unwrap_err().to_string().contains("other settings"));
        assert!(stack.layers().unwrap_err().to_string().contains("layer-1"));
    }

    #[test]
    fn a_stack_without_widths_is_refused() {
        let none = StackSettings::default();
        for (settings, flags, widths, word) in [
            (none.clone(), "", None, "`layers`"),
            (none.clone(), "hidden = 3", Some(&[1, 2][..]), "`hidden`"),
            (StackSettings { layers: vec![table("rho = 0.1")], ..none.clone() }, "", None, "layer 1"),
            (StackSettings { layers: vec![table("hidden = 1")], ..none }, "", Some(&[1, 2]), "2 widths"),
        ] {
            let text = settings.with(table(flags), widths).unwrap_err().to_string();
            assert!(text.contains(word), "{text}");
        }
    }
}
