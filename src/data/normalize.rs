//! Bringing the values of examples into the range of the output units, and taking them back.

use serde::{Deserialize, Serialize};

use crate::error::{DATA, Error, Result};

/// Where the lecture clips, in standard deviations of all values.
const CLIP: f64 = 3.0;

/// How the values of an example are brought into the range of the output units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Normalize {
    /// Taken as they are.
    #[default]
    None,
    /// The lecture's: minus the example's own mean, clipped to ±3σ of all values, mapped to [0.1, 0.9].
    Lecture,
    /// Smallest value of the training set (or of the sample that is fitted) to 0, largest to 1; values beyond them are not
    /// clipped.
    Unit,
    /// The smallest value of each column to 0, its largest to 1; values beyond them are not clipped.
    MinMax,
    /// The mean of each column is taken from it, and it is divided by its standard deviation (of all examples, not of one less).
    Standard,
    /// The mean of each column is taken from it: of pictures, the mean patch.
    Mean,
}

impl Normalize {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Lecture, Self::Unit, Self::MinMax, Self::Standard, Self::Mean, Self::None];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lecture => "lecture",
            Self::Unit => "unit",
            Self::MinMax => "minmax",
            Self::Standard => "standard",
            Self::Mean => "mean",
        }
    }

    /// Whether each column has numbers of its own (see [`ColumnTransform`](super::ColumnTransform)), and not all values the same
    /// limits.
    pub fn is_of_columns(self) -> bool {
        matches!(self, Self::MinMax | Self::Standard | Self::Mean)
    }

    /// Whether all values have the same limits.
    pub fn has_limits(self) -> bool {
        matches!(self, Self::Lecture | Self::Unit)
    }

    /// The ends of the range that [`Preprocess::limits`](super::Preprocess::limits) are mapped to.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Lecture => (0.1, 0.9),
            _ => (0.0, 1.0),
        }
    }

    /// Maps `limits` to the ends of the range. The lecture's kind clips what lies beyond; `unit` does not, so that
    /// new data outside the limits of the training set leave [0, 1] but come back unharmed.
    pub(super) fn map(self, values: &mut [f64], limits: (f64, f64)) {
        let (low, high) = self.range();
        let scale = (high - low) / (limits.1 - limits.0);
        for x in values {
            let kept = if self == Self::Lecture { x.clamp(limits.0, limits.1) } else { *x };
            *x = low + (kept - limits.0) * scale;
        }
    }

    /// The inverse of [`Self::map`], clipping apart.
    pub(super) fn unmap(self, value: f64, limits: (f64, f64)) -> f64 {
        let (low, high) = self.range();
        limits.0 + (value - low) * (limits.1 - limits.0) / (high - low)
    }
}

/// Takes its own mean from every row of `cols` numbers, and hands the means back.
pub fn centre_rows(values: &mut [f64], cols: usize) -> Vec<f64> {
    let centre = |row: &mut [f64]| {
        let mean = row.iter().sum::<f64>() / cols as f64;
        row.iter_mut().for_each(|x| *x -= mean);
        mean
    };
    values.chunks_exact_mut(cols).map(centre).collect()
}

/// Statistics for limits, from one pass over values that come piece by piece.
#[derive(Debug)]
pub struct ValueStatistics {
    count: f64,
    sum: f64,
    squares: f64,
    low: f64,
    high: f64,
    /// Most that a centred value can be by rounding alone.
    noise: f64,
}

impl Default for ValueStatistics {
    fn default() -> Self {
        Self { count: 0.0, sum: 0.0, squares: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY, noise: 0.0 }
    }
}

impl ValueStatistics {
    /// Goes on with more values; how they are cut into pieces makes no difference.
    pub fn add(&mut self, values: &[f64]) {
        self.count += values.len() as f64;
        for &x in values {
            self.sum += x;
            self.squares += x * x;
            self.low = self.low.min(x);
            self.high = self.high.max(x);
        }
    }

    /// Takes note of the means that were taken from rows of `values` numbers in all: a mean of n numbers, added up one after
    /// the other, is off by up to n roundings of itself, and so is what it leaves of a row that is flat.
    pub fn add_means(&mut self, means: &[f64], values: usize) {
        let largest = means.iter().fold(0.0_f64, |largest, mean| largest.max(mean.abs()));
        let cols = values / means.len().max(1);
        self.noise = self.noise.max((cols + 2) as f64 * f64::EPSILON * largest);
    }

    /// The limits for a kind of normalisation; fails if the values have no spread.
    pub fn limits(&self, kind: Normalize) -> Result<Option<(f64, f64)>> {
        let limits = match kind {
            Normalize::Lecture => (-CLIP * self.deviation(), CLIP * self.deviation()),
            Normalize::Unit => (self.low, self.high),
            _ => return Ok(None),
        };
        let largest = self.low.abs().max(self.high.abs());
        let by_rounding = (64.0 * f64::EPSILON * largest).max(2.0 * CLIP * self.noise);
        if limits.1 - limits.0 > by_rounding { Ok(Some(limits)) } else { Err(flat(kind)) }
    }

    /// Standard deviation of all values (divided by their number, not by one less). They are centred row by row, so that
    /// their mean is next to nothing and no digits are lost.
    fn deviation(&self) -> f64 {
        let mean = self.sum / self.count;
        (self.squares / self.count - mean * mean).max(0.0).sqrt()
    }
}

fn flat(kind: Normalize) -> Error {
    let fact = if kind == Normalize::Lecture { "every example is flat" } else { "all values are the same" };
    Error::input(DATA, format!("{fact}, so `normalize` {} has no scale; use `normalize` none", kind.name()))
}
