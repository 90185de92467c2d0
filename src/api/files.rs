//! The front door's files: data that are opened, runs with a directory, models that are saved and loaded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Data, Model, Trained, Trainer};
use crate::data::identity::DataKind;
use crate::data::stream::{RowNumber, SharedMemory, Store};
use crate::data::{Opened, Reading};
use crate::engine::selector::Selector;
use crate::error::{Error, Result};
use crate::io::paths::{PathText, Paths};
use crate::math::params::Shape;
use crate::run::RunDir;
use crate::run::config::UserSettings;
use crate::run::config::settings::Settings;
use crate::run::every::{Every, Span};
use crate::run::meta::Meta;
use crate::run::model_file::{ModelFile, save};
use crate::run::picture::{Layout, features, form_of, usual_count, why_no_form};
use crate::run::session::{OpenData, Place};
use crate::run::summary::Summary;

impl Data {
    /// A folder of pictures, a picture, `.npy`, `FILE.npz[:ARRAY]`, IDX (also `.gz`), or `FILE.safetensors[:TENSOR]`,
    /// recognised by content. An array of two dimensions holds rows, of three or four pictures.
    ///
    /// # Errors
    /// [`Error::Input`] names the file and says what is wrong with it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_as(path, &Reading::default())
    }

    /// The same, read as `reading` says: rows or pictures, other axes, files without a header.
    ///
    /// # Errors
    /// As [`Data::open`], and where `reading` does not fit the files.
    pub fn open_as(path: impl AsRef<Path>, reading: &Reading) -> Result<Self> {
        Self::open_all_as([path], reading)
    }

    /// Several files or folders as one: rows of one width go on from one to the next, pictures are taken together.
    ///
    /// # Errors
    /// As [`Data::open`], and for data that do not go together.
    pub fn open_all<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        Self::open_all_as(paths, &Reading::default())
    }

    /// The same, read as `reading` says.
    ///
    /// # Errors
    /// As [`Data::open_all`], and where `reading` does not fit the files.
    pub fn open_all_as<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        reading: &Reading,
    ) -> Result<Self> {
        let paths: Vec<PathText> = paths.into_iter().map(|path| path.as_ref().into()).collect();
        let open = Opened::all(&paths, reading)?.into();
        let Reading { raw, meaning, axes, recursive, format, .. } = reading.clone();
        let Reading { use_columns, label_column, labels, classes, .. } = reading.clone();
        let labels = labels.map(PathText::from);
        let recursive = recursive.then_some(true);
        let data = Some(paths);
        let of_tables = Settings { use_columns, label_column, labels, classes, ..Settings::default() };
        let settings = Settings { data, raw, meaning, axes, recursive, format, ..of_tables };
        Ok(Self { open, settings, held_out: None })
    }

    /// Rows of `width` numbers each, one behind the other, which stay where they are: nothing is copied but what is computed at
    /// the time, or once into the engine's own memory. The bits of a run are those of the same rows in a file. `rows` may be a
    /// vector, an [`Arc`](std::sync::Arc) of a slice, or anything else that has them as a slice; they must not change while anybody holds
    /// the data.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no row, or the last one is not whole. A number that is not finite is refused when it is read.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// # fn main() -> rhohat::Result<()> {
    /// let rows: Arc<[f32]> = (0..3200).map(|i| 0.5 + 0.4 * (i as f32).sin()).collect();
    /// let data = rhohat::Data::share_rows(Arc::clone(&rows), 16)?;
    /// assert_eq!(data.to_string(), "rows in memory: 200 rows of 16 numbers (f32), taken as they are");
    /// # Ok(())
    /// # }
    /// ```
    pub fn share_rows<T: RowNumber>(
        rows: impl AsRef<[T]> + Send + Sync + 'static,
        width: usize,
    ) -> Result<Self> {
        let open = Store::of_memory(SharedMemory::new::<T, _>(rows), T::DTYPE, width)?.into();
        Ok(Self { open, settings: Settings::default(), held_out: None })
    }

    /// The data that a run in a directory learns from, with the settings that it has.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no run, where its data are gone, or where they were rows of a program.
    pub fn of_run(directory: impl AsRef<Path>) -> Result<Self> {
        let run = RunDir::open(directory.as_ref())?;
        let settings = UserSettings::new(Some(&run.config()), toml::Table::new())?;
        let kind = run.data_record()?.map(|record| record.inputs.data.kind);
        if let Some(data) = Self::given_by(&settings)? {
            return Ok(Self { settings: Settings { divide: None, ..data.settings }, ..data });
        }
        if kind.is_some_and(|kind| kind != DataKind::Pictures) {
            let fact = "the run has learned from rows of a program, which no file holds";
            return Err(Error::input(run.path(), format!("{fact}; make them again")));
        }
        let (take, first) = (settings.get("take")?, settings.get("first")?);
        let settings = Settings { take, first, ..Settings::default() };
        Ok(Self { open: OpenData::built_in(), settings, held_out: None })
    }

    /// The data that settings name, if they name some.
    pub(crate) fn given_by(settings: &UserSettings) -> Result<Option<Self>> {
        let Some(paths) = settings.get::<Paths>("data")? else { return Ok(None) };
        let paths: Vec<&PathText> = paths.iter().collect();
        let open = Opened::all(&paths, &settings.reading()?)?.into();
        let (take, first, divide) = (settings.get("take")?, settings.get("first")?, settings.get("divide")?);
        let settings = Settings { take, first, divide, ..Settings::default() };
        Ok(Some(Self { open, settings, held_out: None }))
    }
}

impl Trainer {
    /// A run that goes on from the newest checkpoint in its directory, under the settings that it has there. Those that are
    /// set besides change it from there on, such as more [`steps`](Trainer::steps); its shape, data and optimiser stay.
    ///
    /// ```no_run
    /// use rhohat::{Data, Trainer};
    ///
    /// # fn main() -> rhohat::Result<()> {
    /// let trained = Trainer::resume("runs/first").steps(800).fit(&Data::of_run("runs/first")?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(directory: impl Into<PathBuf>) -> Self {
        Self { place: Place::Resume(directory.into()), ..Self::default() }
    }

    /// The directory of the run, new or empty: it is made when training begins.
    #[must_use]
    pub fn run_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.place = Place::Out(directory.into());
        self
    }

    /// The model file to start from, with its settings.
    #[must_use]
    pub fn init(mut self, model: impl AsRef<Path>) -> Self {
        self.settings.init = Some(model.as_ref().into());
        self
    }

    /// Time between two checkpoints of a run with a directory; ten minutes by default, and one in the end.
    #[must_use]
    pub fn checkpoint_every(mut self, time: Duration) -> Self {
        self.settings.checkpoint_every = Some(Every::Time(Span(time)));
        self
    }

    /// Steps between two checkpoints, instead of a time.
    #[must_use]
    pub fn checkpoint_every_steps(mut self, steps: usize) -> Self {
        self.settings.checkpoint_every = Some(Every::Steps(steps));
        self
    }

    /// Whether rows are read from disk as they are needed; by default where they do not fit in memory.
    #[must_use]
    pub fn stream(mut self, stream: bool) -> Self {
        self.settings.stream = Some(stream);
        self
    }

    /// Neighbouring rows that are shuffled as one, which reads a disk in longer pieces.
    #[must_use]
    pub fn shuffle_block(mut self, rows: usize) -> Self {
        self.settings.shuffle_block = Some(rows);
        self
    }

    /// Whether a run that is resumed goes on although its data are others now.
    #[must_use]
    pub fn data_changed(mut self, accepted: bool) -> Self {
        self.data_changed = accepted;
        self
    }
}

impl Trained {
    /// The result of a run with nothing left to do.
    pub(super) fn finished(summary: Summary) -> Result<Self> {
        let file = summary.files.as_ref().map(|files| files.model.to_path_buf()).unwrap_or_default();
        let model = Model::load(file)?.device(Selector::first_of(&summary.device));
        Ok(Self { model, summary, state: None })
    }
}

impl Model {
    /// Reads a model file: safetensors as [`Model::save`] writes them, or the safetensors, `.npz` or `.mat` of other programs by their
    /// names, which are then taken as sigmoid to sigmoid without preprocessing. The directory of a run stands for the model in it.
    ///
    /// # Errors
    /// [`Error::Input`] for a missing file, one that holds no such model, and numbers that are not finite.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let file = ModelFile::open(path.as_ref())?;
        let (params, stored) = (file.params()?, file.meta().cloned());
        let is_foreign = stored.is_none();
        let meta = stored.unwrap_or_else(|| Meta::foreign(file.shape()));
        let (name, selector) = (file.path().to_owned(), "auto".to_owned());
        Ok(Self { params, meta, is_foreign, name, selector, computing: Default::default() })
    }

    /// Writes the model in f32 with the names and shapes of PyTorch; the file is there whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save(path.as_ref(), &self.params, &self.meta)
    }

    /// Draws the input that excites each hidden unit most, side by side, as a PNG: of the first 4096, or as many as fit into a picture
    /// of 4096 pixels a side.
    ///
    /// # Errors
    /// [`Error::Usage`] where examples are no pictures, [`Error::Io`] when the file cannot be written.
    pub fn save_features(&self, path: impl AsRef<Path>) -> Result<()> {
        let Shape { visible, hidden } = self.params.shape;
        let form = form_of(Some(&self.meta.preprocess), visible).ok_or_else(|| {
            let why = why_no_form(Some(&self.meta.preprocess), visible);
            Error::usage(format!("{why}; say their form with Data::shape"))
        })?;
        let drawn = &self.params.w1[..usual_count(hidden, form) * visible];
        let weights = self.meta.preprocess.weights_of_inputs(drawn);
        features(&weights, form, Layout::default())?.save(path.as_ref())
    }
}
