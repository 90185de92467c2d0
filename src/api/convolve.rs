//! A model of patches on whole pictures: hidden activations at every position, pooled over regions of positions. The
//! features of pictures come as these are read, so that neither they nor their positions have to fit in memory.

use std::fmt;
use std::path::PathBuf;

use super::positions::{Encoder, PositionLayout, fitted, of_patches, of_pictures};
use super::{Data, Model};
use crate::data::LazyExamples;
use crate::data::batches::{Dataset, RowSelection};
use crate::engine::device::{Choice, Setup};
use crate::engine::{Chunking, Engine, RhoHat};
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::objective::Objective;
use crate::math::params::Matrix;
use crate::math::pool::{Extent, Pooling};

/// Positions that are computed at a time where the device does not say how many.
const ROWS: usize = 2048;

/// How activations at the positions of a picture are pooled: their means over regions of `side`×`side` positions, which
/// lie side by side from the first position on. Positions beyond the last whole region are left out, as PyTorch's
/// `AvgPool2d` does it, and an event tells so.
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
    /// The features `[pictures, features]` of whole pictures: the model's hidden activations at every position, pooled.
    /// A position is a patch of the model's size, and its activations are those that [`Model::encode`] has for that
    /// patch, within rounding of f32. A row is `[hidden units, regions down, regions across]`, the last one fastest.
    ///
    /// ```
    /// use rhohat::{Data, Pool, Trainer};
    ///
    /// # fn main() -> rhohat::Result<()> {
    /// let pictures = Data::built_in().patches(8, 1_000);
    /// let model = Trainer::new(10).steps(5).device("cpu").fit(&pictures)?.model;
    /// let features = model.convolve(&pictures, Pool::new(101))?; // [10, 10 · 5 · 5]
    /// assert_eq!((features.rows, features.cols), (10, 250));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::encode`]; [`Error::Input`] for rows that are no pictures, pictures smaller than a patch or of
    /// several sizes, and a model that was not trained on square patches; [`Error::Usage`] for a region that is larger
    /// than a picture's positions.
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
    /// A picture that is damaged, or has changed since it was opened; [`Error::Input`] for features that 32 bits do not
    /// hold; those of the device.
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
