//! Data to learn from or to encode, and how examples are made of them.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::data::{
    Form, Labels, LazyExamples, Normalize, Opened, Picture, Preprocess, Scale, Source, Table, Taken,
    WhiteningKind,
};
use crate::error::{Error, Result};
use crate::io::paths::Paths;
use crate::run::config::HeldOut;
use crate::run::config::settings::Settings;
use crate::run::session::OpenData;

/// Pictures or rows, and how examples are made of them. Files are opened by their headers; numbers are read when they are
/// needed, and rows that do not fit into memory stay on disk.
///
/// Pictures are cut into square patches: at random to learn from, side by side to be encoded. Rows are examples as they are.
/// Settings that are left out have their defaults: patches of 8×8 pixels, of which 10 000 are drawn, in grey, the lecture's
/// normalisation for pictures and none for rows.
///
/// ```
/// use rhohat::{Data, Normalize};
///
/// # fn main() -> rhohat::Result<()> {
/// let pictures = Data::built_in().patches(10, 2_000).whiten(true);
/// let rows = Data::from_rows(vec![0.0, 0.5, 1.0, 0.25, 0.75, 0.5], 3)?.normalize(Normalize::Unit);
/// assert_eq!(rows.to_string(), "rows in memory: 2 rows of 3 numbers (f32), taken as they are");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Data {
    pub(super) open: OpenData,
    pub(super) settings: Settings,
    /// Data that are held out, where they are others.
    pub(super) held_out: Option<Box<Self>>,
}

impl Data {
    /// The ten built-in pictures, dead leaves of 512×512 pixels in grey, drawn from the seed of the run. They are whitened
    /// unless [`Data::whiten`] says otherwise.
    pub fn built_in() -> Self {
        Self { open: OpenData::built_in(), settings: Settings::default(), held_out: None }
    }

    /// Rows of `width` numbers each, one behind the other.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no row, the last one is not whole, or a number is not finite.
    pub fn from_rows(values: Vec<f32>, width: usize) -> Result<Self> {
        let named = |error: Error| error.of_data(Some(Path::new("rows in memory")));
        let table = Table::from_values(values, width).map_err(named)?;
        Ok(Self { open: Opened::from(table).into(), settings: Settings::default(), held_out: None })
    }

    /// Pictures, values from 0 for black to 1 for white.
    ///
    /// # Errors
    /// [`Error::Input`] where there is none, or one whose pixels are not as many as its sides say or are not finite.
    ///
    /// ```
    /// use rhohat::{Data, Picture};
    ///
    /// # fn main() -> rhohat::Result<()> {
    /// let wave = |at: usize| 0.5 + 0.4 * (at as f32 * 0.7).sin();
    /// let pixels = (0..32 * 32).map(wave).collect();
    /// let picture = Picture { name: "waves".into(), width: 32, height: 32, channels: 1, pixels };
    /// let data = Data::from_pictures([picture])?.patches(8, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pictures(pictures: impl IntoIterator<Item = Picture>) -> Result<Self> {
        let pictures: Vec<Picture> = pictures.into_iter().collect();
        if pictures.is_empty() {
            return Err(Error::input("pictures in memory", "there is none; give at least one"));
        }
        pictures.iter().try_for_each(Picture::check)?;
        Ok(Self { open: Opened::from(pictures).into(), settings: Settings::default(), held_out: None })
    }

    /// Rows from an iterator, all of one length.
    ///
    /// # Errors
    /// As [`Data::from_rows`], and for a row of another length than the first.
    ///
    /// ```
    /// # fn main() -> rhohat::Result<()> {
    /// let waves = (0..200).map(|phase| -> Vec<f32> {
    ///     (0..16).map(|i| 0.5 + 0.4 * ((i + phase) as f32 * 0.4).sin()).collect()
    /// });
    /// let data = rhohat::Data::collect_rows(waves)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn collect_rows<R: AsRef<[f32]>>(rows: impl IntoIterator<Item = R>) -> Result<Self> {
        let (mut values, mut width) = (Vec::new(), None);
        for (number, row) in rows.into_iter().enumerate() {
            let row = row.as_ref();
            let first = *width.get_or_insert(row.len());
            if row.len() != first {
                let fact = format!("row {number} has {} numbers, but the first has {first}", row.len());
                return Err(Error::input("rows in memory", format!("{fact}; give rows of one length")));
            }
            values.extend_from_slice(row);
        }
        Self::from_rows(values, width.unwrap_or_default())
    }

    /// Side of the square patches that pictures are cut into, pixels, and how many are drawn to learn from. Pictures that
    /// are one patch each are taken once at most.
    #[must_use]
    pub fn patches(mut self, side: usize, count: usize) -> Self {
        (self.settings.patch, self.settings.samples) = (Some(side), Some(count));
        self
    }

    /// Whether pictures keep their colours: three numbers a pixel.
    #[must_use]
    pub fn color(mut self, color: bool) -> Self {
        self.settings.color = Some(color);
        self
    }

    /// Whether pictures are whitened with Olshausen's filter before patches are cut.
    #[must_use]
    pub fn whiten(mut self, whiten: bool) -> Self {
        (self.settings.whiten, self.settings.whitening) = (Some(whiten), None);
        self
    }

    /// How examples are whitened: a filter of whole pictures, or columns that are decorrelated, which is undone again.
    #[must_use]
    pub fn whitening(mut self, kind: WhiteningKind) -> Self {
        (self.settings.whitening, self.settings.whiten) = (Some(kind), None);
        self
    }

    /// ε, which decorrelation adds to every variance; 0.1 for pictures by default, 1e-5 for rows.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.settings.epsilon = Some(epsilon);
        self
    }

    /// The share of the variance that principal components keep ([`WhiteningKind::Pca`]); all of it by default.
    #[must_use]
    pub fn variance(mut self, share: f64) -> Self {
        self.settings.variance = Some(share);
        self
    }

    /// The form of the pictures that rows are, in which features are drawn.
    #[must_use]
    pub fn shape(mut self, form: Form) -> Self {
        self.settings.shape = Some(form);
        self
    }

    /// How examples are brought into the range of the output units.
    #[must_use]
    pub fn normalize(mut self, normalize: Normalize) -> Self {
        self.settings.normalize = Some(normalize);
        self
    }

    /// Rows, drawn at random, on which the normalisation is fitted; all by default.
    #[must_use]
    pub fn fit_rows(mut self, rows: usize) -> Self {
        self.settings.fit_rows = Some(rows);
        self
    }

    /// The divisor of the numbers of rows, 255 for bytes of pixels; by default they are taken as they are.
    ///
    /// # Errors
    /// [`Error::Usage`] for a divisor below 1 or one that is not finite.
    pub fn divide(mut self, divisor: f64) -> Result<Self> {
        self.settings.divide = Some(Scale::of(divisor).map_err(Error::usage)?);
        Ok(self)
    }

    /// The fraction of the examples that is held out, drawn at random: J is taken over them every epoch, training ends when
    /// it has not fallen for [`Trainer::patience`](crate::Trainer::patience) looks, and the best parameters are kept.
    #[must_use]
    pub fn hold_out(mut self, fraction: f64) -> Self {
        self.settings.validation = Some(HeldOut::Share(fraction));
        self.held_out = None;
        self
    }

    /// Holds out `data`, which are not learned from, as [`Data::hold_out`] does a fraction: all rows of them, or of pictures patches,
    /// a tenth as many as are learned from. The preprocessing is that of the data that are learned from.
    #[must_use]
    pub fn hold_out_from(mut self, data: &Self) -> Self {
        let paths = data.settings.data.clone().and_then(|paths| Paths::try_from(paths).ok());
        self.settings.validation = paths.map(HeldOut::Data);
        self.held_out = Some(Box::new(data.clone()));
        self
    }

    /// Takes `count` of the rows or pictures alone, drawn by the seed of the run or of the model, in their order.
    #[must_use]
    pub fn take(mut self, count: usize) -> Self {
        self.settings.take = Some(count);
        self
    }

    /// Takes the first `count` rows or pictures alone.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.settings.first = Some(count);
        self
    }

    /// The source once more, its rows on disk and its pictures shared.
    pub(super) fn source(&self, seed: u64) -> Result<Source> {
        Ok(self.opened(seed)?.map_or_else(|| Source::built_in(seed), |opened| opened.source))
    }

    /// The source and its description once more; `None` for the built-in pictures.
    pub(super) fn opened(&self, seed: u64) -> Result<Option<Opened>> {
        let Some(source) = self.open.source.as_deref() else { return Ok(None) };
        let opened = Opened { source: source.shared(), description: (*self.open.description).clone() };
        opened.taking(self.taken(seed)).map(Some)
    }

    /// The labels of the rows or pictures, where they have some: of class folders, CIFAR files, a column of a table, or a file of
    /// their own, see [`Reading`](crate::Reading).
    pub fn labels(&self) -> Option<&Labels> {
        self.open.description.labels.as_deref()
    }

    /// The examples that a preprocessing makes of the data, of `visible` numbers where a model says so.
    pub(super) fn examples(
        &self,
        preprocess: &Preprocess,
        seed: u64,
        visible: Option<usize>,
    ) -> Result<LazyExamples> {
        let name = self.name();
        let examples = LazyExamples::new(self.source(seed)?, preprocess, None, &|_| {})
            .map_err(|error| error.of_data(Some(&name)))?;
        let found = examples.size().1;
        if let Some(visible) = visible.filter(|&visible| visible != found) {
            let fact = format!("rows of {found} numbers, but the model has {visible} visible units");
            return Err(Error::input(&name, fact));
        }
        Ok(examples)
    }

    /// The rows or pictures that were asked for.
    pub(super) fn taken(&self, seed: u64) -> Taken {
        Taken::new(self.settings.take, self.settings.first, seed)
    }

    /// Its name in messages.
    pub(super) fn name(&self) -> PathBuf {
        let description = &self.open.description;
        description.path.clone().unwrap_or_else(|| description.unnamed().into())
    }
}

impl fmt::Display for Data {
    /// The data, and what they were taken for, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = &self.open.description;
        f.write_str(&data.line(self.settings.divide.unwrap_or_else(|| data.usual_scale())))
    }
}
