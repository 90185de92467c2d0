//! A model of patches on whole pictures: hidden activations at every position, pooled over regions of positions. The features of
//! pictures come as these are read, so that neither they nor their positions have to fit in memory.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Data, Model};
use crate::data::batches::{Dataset, RowSelection};
use crate::data::{Grid, GridRows, LazyExamples, PictureInfo, Pictures, Preprocess, Scale, Source};
use crate::engine::device::{Choice, Setup};
use crate::engine::{Chunking, Engine, RhoHat};
use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;
use crate::io::text::counted;
use crate::io::threads::joined;
use crate::math::objective::Objective;
use crate::math::params::{Matrix, Params};
use crate::math::pool::{Extent, Pooling, regions};
use crate::run::fold::fold_encoder;

/// Positions that are computed at a time where the device does not say how many.
const ROWS: usize = 2048;

/// How activations at the positions of a picture are pooled: their means over regions of `side`×`side` positions, which lie side
/// by side from the first position on. Positions beyond the last whole region are left out, as PyTorch's `AvgPool2d` does it, and an
/// event tells so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// P, the side of a region, positions.
    pub(crate) side: usize,
    /// Pixels from one position to the next.
    pub(crate) step: usize,
}

impl Pool {
    /// Regions of `side`×`side` positions, which are one pixel apart; with a side of 1 nothing is pooled.
    pub fn new(side: usize) -> Self {
        Self { side, step: 1 }
    }

    /// Takes only every `pixels`-th position, across and down.
    #[must_use]
    pub fn step(self, pixels: usize) -> Self {
        Self { step: pixels, ..self }
    }
}

/// The features of pictures, one picture after the other; [`Model::convolved`] makes it.
///
/// ```
/// use rhohat::{Data, Pool, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// let pictures = Data::built_in().patches(8, 1_000);
/// let model = Trainer::new(10).steps(5).device("cpu").fit(&pictures)?.model;
/// let mut convolved = model.convolved(&pictures.first(2), Pool::new(101).step(1))?;
/// assert_eq!((convolved.positions(), convolved.shape()), ([505, 505], [10, 5, 5]));
/// while let Some(features) = convolved.next_features()? {
///     println!("{} pictures of {} numbers", features.len() / 250, 250);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Convolved {
    engine: Box<dyn Engine>,
    examples: LazyExamples,
    pooling: Pooling,
    layout: PositionLayout,
    /// The data, for messages.
    name: PathBuf,
    /// Positions that have been computed, of all pictures, and features that have been handed out.
    done: usize,
    handed: usize,
    /// Positions of a piece, and the memory of their patches and codes.
    piece: usize,
    patches: Vec<f32>,
    codes: Vec<f32>,
}

impl Model {
    /// The features `[pictures, features]` of whole pictures: the model's hidden activations at every position, pooled. A position
    /// is a patch of the model's size, and its activations are those that [`Model::encode`] has for that patch, within rounding of
    /// f32. A row is `[hidden units, regions down, regions across]`, the last one fastest.
    ///
    /// ```
    /// use rhohat::{Data, Pool, Trainer};
    ///
    /// # fn main() -> rhohat::Result<()> {
    /// let pictures = Data::built_in().patches(8, 1_000);
    /// let model = Trainer::new(10).steps(5).device("cpu").fit(&pictures)?.model;
    /// let features = model.convolve(&pictures.first(1), Pool::new(101))?; // [1, 10 · 5 · 5]
    /// assert_eq!((features.rows, features.cols), (1, 250));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::encode`]; [`Error::Input`] for rows that are no pictures, pictures smaller than a patch or of several sizes, and
    /// a model that was not trained on square patches; [`Error::Usage`] for a region that is larger than a picture's positions.
    pub fn convolve(&self, pictures: &Data, pool: Pool) -> Result<Matrix<f32>> {
        let mut convolved = self.convolved(pictures, pool)?;
        let (rows, cols) = (convolved.pictures(), convolved.features());
        let mut values = Vec::new();
        if values.try_reserve_exact(rows.saturating_mul(cols)).is_err() {
            let fact = format!("out of memory: the system refuses {rows} rows of {cols} features");
            return Err(Error::device(format!("{fact}; take them piece by piece, or give fewer pictures")));
        }
        while let Some(features) = convolved.next_features()? {
            values.extend(features);
        }
        Ok(Matrix::new(rows, cols, values))
    }

    /// The same, picture after picture.
    ///
    /// # Errors
    /// As [`Model::convolve`].
    pub fn convolved(&self, pictures: &Data, pool: Pool) -> Result<Convolved> {
        let name = pictures.name();
        let source = pictures.source(self.meta.seed)?;
        let held = of_pictures(&source).map_err(|error| error.of_data(Some(&name)))?;
        let preprocess = of_patches(&self.meta.preprocess).map_err(|why| Error::input(&self.name, why))?;
        let layout = PositionLayout::new(&held, &preprocess, pool)?;
        layout.tell();
        joined(|| {
            let preprocess = fitted(&held, preprocess, None)?;
            let choice = self.choice(&mut self.computing().choice)?.clone();
            let ready = Encoder::new(&self.params, &preprocess);
            let examples = LazyExamples::at_positions(&held, &ready.preprocess, pool.step, None)?;
            Convolved::open(&choice, self.meta.objective, (ready, examples), layout, name)
        })
    }
}

impl Convolved {
    /// Sets up the engine of `choice`.
    pub(crate) fn open(
        choice: &Choice,
        objective: Objective,
        (encoder, examples): (Encoder, LazyExamples),
        layout: PositionLayout,
        name: PathBuf,
    ) -> Result<Self> {
        let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 0 };
        let shape = encoder.params.shape;
        let none = Matrix::new(0, shape.visible, Vec::new());
        let engine = choice.open(&setup, &(encoder.params, none))?;
        // A device computes whole chunks, whatever is asked for.
        let piece = if matches!(choice, Choice::Cpu) { ROWS } else { engine.plan().chunk }.max(1);
        let pooling = Pooling::new(layout.positions, layout.pool.side, shape.hidden);
        Ok(Self {
            engine,
            examples,
            pooling,
            layout,
            name,
            done: 0,
            handed: 0,
            piece,
            patches: Vec::new(),
            codes: Vec::new(),
        })
    }

    /// From now on `piece` positions are computed at a time.
    #[cfg(feature = "cli")]
    pub(crate) fn cut(&mut self, piece: usize) {
        self.engine.compute_at_once(piece);
        self.piece = piece.max(1);
    }

    /// How many pictures there are.
    pub fn pictures(&self) -> usize {
        self.layout.pictures
    }

    /// The positions of a picture, down and across.
    pub fn positions(&self) -> [usize; 2] {
        [self.layout.positions.down, self.layout.positions.across]
    }

    /// The shape of a picture's features: hidden units, regions down, regions across.
    pub fn shape(&self) -> [usize; 3] {
        let Extent { down, across } = self.pooling.regions();
        [self.engine.shape().hidden, down, across]
    }

    /// Numbers of a picture's features.
    pub fn features(&self) -> usize {
        self.pooling.features()
    }

    /// Positions of all pictures, and how many of them have been computed.
    #[cfg(feature = "cli")]
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.examples.size().0, self.done)
    }

    /// The features of the next pictures, one picture or more, `[pictures, features]`; `None` behind the last one.
    ///
    /// # Errors
    /// A picture that is damaged, or has changed since it was opened; [`Error::Input`] for features that 32 bits do not hold; those
    /// of the device.
    pub fn next_features(&mut self) -> Result<Option<Vec<f32>>> {
        joined(|| {
            let rows = self.examples.size().0;
            while self.done < rows {
                if let Some(features) = self.step()? {
                    return self.finite(features).map(Some);
                }
            }
            Ok(None)
        })
    }

    /// Computes a piece; the features of the pictures that are complete with it.
    pub(crate) fn step(&mut self) -> Result<Option<Vec<f32>>> {
        let (rows, cols) = self.examples.size();
        let range = self.done..rows.min(self.done.saturating_add(self.piece));
        self.patches.resize(range.len() * cols, 0.0);
        self.examples.numbers(&RowSelection::Range(range.clone()), &mut self.patches)?;
        self.engine.encode_rows_into(&self.patches, &mut self.codes)?;
        self.done = range.end;
        let features = self.pooling.add(&self.codes);
        Ok((!features.is_empty()).then_some(features))
    }

    /// Refuses features that 32 bits do not hold: the model and the pictures are finite.
    pub(crate) fn finite(&mut self, features: Vec<f32>) -> Result<Vec<f32>> {
        let first = self.handed;
        self.handed += features.len() / self.features();
        let Some(bad) = features.iter().position(|x| !x.is_finite()) else { return Ok(features) };
        let (picture, feature) = (first + bad / self.features(), bad % self.features());
        let fact = format!("feature {feature} of picture {picture} (counted from 0) is {}", features[bad]);
        let why = "the pictures or the weights are too large for 32-bit numbers";
        Err(Error::input(
            &self.name,
            format!("{fact}: {why}; scale the pictures, or take the model that belongs to them"),
        ))
    }
}

impl fmt::Debug for Convolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layout, name, done, piece, .. } = self;
        let mut convolved = f.debug_struct("Convolved");
        convolved.field("name", name).field("layout", layout).field("done", done).field("piece", piece);
        convolved.finish_non_exhaustive()
    }
}

/// A model's parameters for the patches of pictures, and what is done to these: less where it is folded into the weights.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) params: Params<f32>,
    pub(crate) preprocess: Preprocess,
}

impl Encoder {
    /// Folds what can be folded.
    pub(crate) fn new(params: &Params<f32>, preprocess: &Preprocess) -> Self {
        let folded = fold_encoder(params, preprocess);
        tracing::debug!(
            "preprocessing {} the weights",
            if folded.is_some() { "folded into" } else { "before" }
        );
        let (params, preprocess) = folded.unwrap_or_else(|| (params.clone(), preprocess.clone()));
        Self { params, preprocess }
    }
}

/// The positions of pictures of one size, and how they are pooled.
#[derive(Clone, Debug)]
pub(crate) struct PositionLayout {
    pub(crate) pictures: usize,
    pub(crate) positions: Extent,
    pub(crate) pool: Pool,
    /// Pixels across and down, and the model's patch and channels.
    size: (usize, usize),
    patch: usize,
    channels: usize,
    /// Pictures in other channels than the model's.
    converted: usize,
}

impl PositionLayout {
    /// That of pictures under a model's preprocessing, from their sizes alone.
    ///
    /// # Errors
    /// See [`Model::convolve`].
    pub(crate) fn new(pictures: &Pictures, preprocess: &Preprocess, pool: Pool) -> Result<Self> {
        let (patch, channels) = (preprocess.patch.unwrap_or(1), preprocess.channels.unwrap_or(1));
        if pool.side == 0 {
            return Err(Error::usage("`pool` 0: a region needs at least one position; 1 pools nothing"));
        }
        if pool.step == 0 {
            return Err(Error::usage("`step` 0: positions are one pixel apart or more"));
        }
        let list = pictures.list();
        let first = &list[0];
        let size = (first.width, first.height);
        if let Some(other) = list.iter().find(|p| (p.width, p.height) != size) {
            let fact = format!("{}×{} pixels, but {} has", other.width, other.height, first.name.display());
            let why = "of pictures of several sizes features are no rows of one length";
            let fact = format!("{fact} {}×{}: {why}", size.0, size.1);
            return Err(Error::input(
                &other.name,
                format!("{fact}; bring them to one size, or convolve them by size"),
            ));
        }
        if size.0.min(size.1) < patch {
            let fact = format!(
                "{}×{} pixels are smaller than the model's patches of {patch}×{patch}",
                size.0, size.1
            );
            let remedy = "give larger pictures, or take a model of smaller patches";
            return Err(Error::input(&first.name, format!("{fact}; {remedy}")));
        }
        let Grid { across, down } = Grid::of(size, patch, pool.step);
        let positions = Extent { down, across };
        let regions = regions(positions, pool.side);
        if regions.count() == Some(0) {
            let side = pool.side;
            let fact = format!(
                "`pool` {side}: a region of {side}×{side} positions is larger than the {across}×{down} of a picture"
            );
            return Err(Error::usage(format!("{fact}; give at most {}", across.min(down))));
        }
        let converted = list.iter().filter(|p: &&PictureInfo| p.channels != channels).count();
        Ok(Self { pictures: list.len(), positions, pool, size, patch, channels, converted })
    }

    /// The regions of a picture.
    pub(crate) fn regions(&self) -> Extent {
        regions(self.positions, self.pool.side)
    }

    /// Positions at the right and at the bottom that no region takes.
    pub(crate) fn left_out(&self) -> [usize; 2] {
        [self.positions.across % self.pool.side, self.positions.down % self.pool.side]
    }

    /// Tells of what is left out, and of channels that are others than the model's.
    pub(crate) fn tell(&self) {
        let Self { pictures, positions, pool: Pool { side, step }, size, patch, channels, converted } = self;
        let counts = [("column", self.left_out()[0]), ("row", self.left_out()[1])];
        if counts.iter().any(|(_, count)| *count > 0) {
            let Extent { down, across } = self.regions();
            let [right, bottom] = counts.map(|(one, count)| counted(count, one));
            tracing::info!(
                "{}×{} positions a picture are pooled into {across}×{down} regions of {side}×{side}: {right} of positions at the right and \
                 {bottom} at the bottom are left out",
                positions.across,
                positions.down,
            );
        }
        let beyond = [size.0 - patch, size.1 - patch].map(|rest| rest % step);
        if beyond != [0, 0] {
            let [right, bottom] = [counted(beyond[0], "column"), counted(beyond[1], "row")];
            tracing::info!(
                "a `step` of {step} ends before the edge: {right} of pixels at the right and {bottom} at the bottom are left out"
            );
        }
        if *converted > 0 {
            let (what, how) = match channels {
                1 => ("in colour", "in grey, of which the model has learned"),
                _ => ("grey", "in three channels alike, since the model has learned from colour"),
            };
            tracing::info!("{converted} of {} {what}: taken {how}", counted(*pictures, "picture"));
        }
    }
}

/// The pictures of a source.
///
/// # Errors
/// [`Error::Input`] for rows.
pub(crate) fn of_pictures(source: &Source) -> Result<Arc<Pictures>> {
    match source {
        Source::Images(pictures) => Ok(Arc::clone(pictures)),
        Source::Rows(_) | Source::Stored(_) => {
            let remedy = "give picture files or an array [count, height, width], or say `as` pictures of one that has such a shape";
            Err(Error::input(DATA, format!("these are rows, but whole pictures are convolved; {remedy}")))
        }
    }
}

/// The preprocessing of a model as one of patches: its own, or that of rows that are square pictures.
///
/// # Errors
/// In words, why there is none.
pub(crate) fn of_patches(preprocess: &Preprocess) -> std::result::Result<Preprocess, String> {
    const REMEDY: &str = "train one on pictures, or on rows of patches with their form (`shape` 8x8)";
    if preprocess.patch.is_some() {
        return Ok(preprocess.clone());
    }
    let Some(form) = preprocess.form else {
        return Err(format!("the model was trained on rows, not on patches of pictures; {REMEDY}"));
    };
    if form.height != form.width {
        return Err(format!(
            "the model was trained on rows of the form {form}, and patches are square; {REMEDY}"
        ));
    }
    match preprocess.scale {
        // White is 1, as in pictures.
        Scale::AsIs | Scale::Pixels => {}
        Scale::Divide(divisor) if divisor == 255.0 || divisor == 65_535.0 => {}
        Scale::Divide(divisor) => {
            return Err(format!(
                "the model was trained on rows divided by {divisor}, but pixels are divided by their white; {REMEDY}"
            ));
        }
    }
    let (patch, channels) = (Some(form.width), Some(form.channels));
    Ok(Preprocess { patch, channels, form: None, scale: Scale::Pixels, ..preprocess.clone() })
}

/// The preprocessing with what it lacks, fitted on the pictures as [`Model::encode`] does it.
///
/// # Errors
/// As [`GridRows::new`].
pub(crate) fn fitted(
    pictures: &Arc<Pictures>,
    preprocess: Preprocess,
    memory: Option<Bytes>,
) -> Result<Preprocess> {
    if !preprocess.is_unfitted() {
        return Ok(preprocess);
    }
    Ok(GridRows::new(Arc::clone(pictures), &preprocess, memory)?.preprocess().clone())
}
