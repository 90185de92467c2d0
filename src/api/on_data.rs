//! A model on data: examples come piece by piece, so that neither they nor what is made of them has to fit in memory.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use super::reach::Reach;
use crate::data::dtype::DType;
use crate::data::{Columns, LazyExamples, Normalize, Variance};
use crate::engine::device::{Choice, ParamsAndExamples, Setup};
use crate::engine::{Chunking, Engine, RhoHat};
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::objective::{Cost, Objective};
use crate::math::params::Shape;
use crate::run::metrics::{RhoHatRange, Terms};
use crate::run::session::Stage;
use crate::train::diagnostics::{Spread, UnitDiagnostics};
use crate::train::measures::Measures;
use crate::train::units::{UnitRecord, UnitStatistics};

/// Rows of a piece where the device does not say how many it computes at once.
const ROWS: usize = 4096;

/// A model that holds data to be evaluated or taken piece by piece; [`Model::on`](crate::Model::on) makes it. Rows on disk
/// and pictures are read as they are needed, once for each pass.
///
/// ```
/// use rhohat::{Data, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// let data = Data::built_in().patches(8, 1_000);
/// let model = Trainer::new(25).steps(5).device("cpu").fit(&data)?.model;
/// let mut on_data = model.on(&data)?;
/// let mut active = 0;
/// for rows in on_data.pieces() {
///     let codes = on_data.encode(&rows)?; // [rows, 25]
///     active += codes.iter().filter(|&&a| a > 0.5).count();
/// }
/// println!("{active} activations, {:?}", on_data.evaluate()?.measures);
/// # Ok(())
/// # }
/// ```
pub struct OnData {
    engine: Box<dyn Engine>,
    examples: LazyExamples,
    objective: Objective,
    names: Names,
    /// The type of the numbers of the data; `None` for picture files.
    dtype: Option<DType>,
    /// Rows that are asked of the engine at a time.
    piece: usize,
}

/// Model and data in messages.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) model: PathBuf,
    pub(crate) data: PathBuf,
}

/// A model judged by data: what it costs there, and the state of its units over all examples.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// J and its terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// ρ̂ over the hidden units.
    pub rho_hat: RhoHatRange,
    /// Dead, saturated, collapsed and duplicate hidden units.
    #[serde(flatten)]
    pub units: UnitDiagnostics,
    /// h, the hidden units.
    pub hidden: usize,
    /// Measures beside J; the explained variance is `None` where the data do not vary beyond rounding.
    #[serde(flatten)]
    pub measures: Measures,
    /// m, the examples.
    pub examples: usize,
}

impl OnData {
    /// Sets up the engine of `choice` with parameters and examples, those of `start`.
    pub(crate) fn open(
        choice: &Choice,
        objective: Objective,
        start: &dyn ParamsAndExamples,
        (examples, dtype): (LazyExamples, Option<DType>),
        names: Names,
    ) -> Result<Self> {
        let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 0 };
        let engine = choice.open(&setup, start)?;
        // A device computes whole chunks, whatever is asked for.
        let piece = if matches!(choice, Choice::Cpu) { ROWS } else { engine.plan().chunk };
        Ok(Self { engine, examples, objective, names, dtype, piece: piece.max(1) })
    }

    /// From now on `at_once` rows are computed at once for J, and results of `piece` rows asked for at a time.
    #[cfg(feature = "cli")]
    pub(crate) fn cut(&mut self, at_once: usize, piece: usize) {
        self.engine.compute_at_once(at_once);
        self.piece = piece;
    }

    /// n and h, the visible and hidden units.
    pub fn shape(&self) -> Shape {
        self.engine.shape()
    }

    /// m, the examples.
    pub fn examples(&self) -> usize {
        self.examples.size().0
    }

    /// The hardware that computes, for people.
    pub fn adapter(&self) -> String {
        self.engine.adapter()
    }

    /// The examples themselves, after the model's preprocessing.
    #[cfg(feature = "cli")]
    pub(crate) fn rows(&self) -> &LazyExamples {
        &self.examples
    }

    /// All examples in pieces, from the first to the last.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, piece) = (self.examples(), self.piece);
        (0..rows).step_by(piece).map(move |first| first..rows.min(first.saturating_add(piece)))
    }

    /// The hidden activations of examples, `[rows, h]`.
    ///
    /// # Errors
    /// [`Error::Input`] for results that 32 bits do not hold; those of the device.
    pub fn encode(&mut self, rows: &Range<usize>) -> Result<Vec<f32>> {
        let codes = joined(|| self.engine.encode(rows.start, rows.len()))?;
        self.finite(codes, rows, "hidden activation")
    }

    /// Examples through the model and back, in as many numbers as the data have, in the values that they came in; where whole
    /// pictures were filtered, in filtered ones.
    ///
    /// # Errors
    /// As [`OnData::encode`].
    pub fn reconstruct(&mut self, rows: &Range<usize>) -> Result<Vec<f32>> {
        let outputs = self.outputs(rows)?;
        let preprocess = self.examples.preprocess();
        let means = match preprocess.normalize {
            Normalize::Lecture => self.examples.rows(rows.clone())?.means,
            _ => Vec::new(),
        };
        let restored = preprocess.restore(outputs, &means);
        self.finite(restored, rows, "restored output")
    }

    /// A3 of examples, `[rows, n]`, in the model's normalised space.
    fn outputs(&mut self, rows: &Range<usize>) -> Result<Vec<f32>> {
        let outputs = joined(|| self.engine.reconstruct(rows.start, rows.len()))?;
        self.finite(outputs, rows, "output")
    }

    /// J, the state of the units, and measures, over all examples. A warning tells of data that the output units cannot
    /// reach.
    ///
    /// # Errors
    /// [`Error::Input`] for a J that 32 bits do not hold; those of the device.
    pub fn evaluate(&mut self) -> Result<Evaluation> {
        self.evaluate_with(&mut |_| {})
    }

    /// The same, with stages that are told: [`Stage::PassingExamples`], [`Stage::MeasuringCost`], [`Stage::JudgingUnits`].
    ///
    /// # Errors
    /// As [`OnData::evaluate`].
    pub fn evaluate_with(&mut self, told: &mut dyn FnMut(Stage)) -> Result<Evaluation> {
        let (examples, visible) = self.examples.size();
        let (mut columns, mut reach) = (Columns::new(examples, visible), Reach::default());
        self.pass(told, |on, rows| {
            let piece = on.examples.rows(rows)?;
            columns.add(&piece);
            reach.add(&piece.values);
            Ok(())
        })?;
        self.warn(&reach);
        told(Stage::MeasuringCost);
        let cost = joined(|| self.engine.cost())?;
        told(Stage::Idle);
        self.check_cost(&cost, reach.largest())?;
        let mut variance = Variance::about(columns);
        self.pass(told, |on, rows| {
            let outputs = on.outputs(&rows)?;
            variance.add(&on.examples.rows(rows)?.values, &outputs);
            Ok(())
        })?;
        let explained_variance = variance.explained(self.examples.preprocess());
        let mut spread = Spread::new(cost.rho_hat.len(), self.objective.activation);
        self.pass(told, |on, rows| {
            let codes = on.encode(&rows)?;
            joined(|| spread.add(&codes));
            Ok(())
        })?;
        told(Stage::JudgingUnits);
        let params = self.engine.params()?;
        let (units, _) = joined(|| UnitDiagnostics::of(&self.objective, &cost, &params, &spread));
        told(Stage::Idle);
        let measures =
            Measures { explained_variance, ..Measures::new(&cost, params.shape, None, spread.l0()) };
        let (terms, rho_hat) = (Terms::of(&cost), RhoHatRange::of(&cost.rho_hat));
        Ok(Evaluation { terms, rho_hat, units, hidden: cost.rho_hat.len(), measures, examples })
    }

    /// All hidden units one by one, in their order, over all examples, each with the `top` examples that excite it most. One pass.
    ///
    /// ```
    /// # fn main() -> rhohat::Result<()> {
    /// let rows = (0..300).map(|i| [0.5 + 0.4 * (i as f32).sin(), 0.5, 0.5 + 0.4 * (i as f32).cos()]);
    /// let data = rhohat::Data::collect_rows(rows)?;
    /// let model = rhohat::Trainer::new(4).rho(0.2).steps(20).device("cpu").fit(&data)?.model;
    /// let mut units = model.on(&data)?.units(3)?;
    /// units.sort_by(|one, other| other.density.total_cmp(&one.density));
    /// println!("unit {} is active most often, most of all in example {}", units[0].unit, units[0].top[0].example);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`OnData::encode`].
    pub fn units(&mut self, top: usize) -> Result<Vec<UnitRecord>> {
        self.units_with(top, &mut |_| {})
    }

    /// The same, with stages that are told: [`Stage::PassingExamples`], [`Stage::JudgingUnits`].
    ///
    /// # Errors
    /// As [`OnData::encode`].
    pub fn units_with(&mut self, top: usize, told: &mut dyn FnMut(Stage)) -> Result<Vec<UnitRecord>> {
        let mut reach = Reach::default();
        let mut statistics = UnitStatistics::new(self.shape().hidden, self.objective, top);
        self.pass(told, |on, rows| {
            reach.add(&on.examples.rows(rows.clone())?.values);
            let codes = on.encode(&rows)?;
            joined(|| statistics.add(&codes));
            Ok(())
        })?;
        self.warn(&reach);
        told(Stage::JudgingUnits);
        let params = self.engine.params()?;
        let units = joined(|| statistics.finish(&params.w1));
        told(Stage::Idle);
        Ok(units)
    }

    /// Hands every piece to `each`.
    fn pass(
        &mut self,
        told: &mut dyn FnMut(Stage),
        mut each: impl FnMut(&mut Self, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let of = self.examples();
        for rows in self.pieces() {
            told(Stage::PassingExamples { done: rows.start, of });
            each(self, rows)?;
        }
        told(Stage::Idle);
        Ok(())
    }

    /// Warns of examples beyond the output's reach, and of those that were divided though they are no bytes.
    pub(crate) fn warn(&self, reach: &Reach) {
        reach.warn(self.objective.output, self.examples.preprocess(), self.dtype);
    }

    /// Refuses a result that 32 bits do not hold: the model and the data are finite.
    fn finite(&self, values: Vec<f32>, rows: &Range<usize>, what: &str) -> Result<Vec<f32>> {
        let Some(bad) = values.iter().position(|x| !x.is_finite()) else { return Ok(values) };
        let (cols, count) =
            (values.len() / rows.len().max(1), values.iter().filter(|x| !x.is_finite()).count());
        let (row, col) = (rows.start + bad / cols, bad % cols);
        let fact = format!(
            "{what} {col} of example {row} (counted from 0) is {}, like {count} of the {} numbers from example {} on",
            values[bad],
            values.len(),
            rows.start
        );
        let remedy = "the data or the weights are too large for 32-bit numbers; scale the data (`normalize` unit), or take the model that belongs to them";
        Err(Error::input(&self.names.data, format!("{fact}: {remedy}")))
    }

    /// Refuses a J that is no number, with the term that is none: data and parameters are finite.
    fn check_cost(&self, cost: &Cost, largest: f64) -> Result<()> {
        let adapter = self.adapter();
        if !cost.reconstruction.is_finite() {
            let fact = format!(
                "the reconstruction term of J is {}: squares of numbers up to {largest:e} leave the 32-bit numbers of {adapter}",
                cost.reconstruction,
            );
            let remedy = "use `device` reference, or scale the data (`normalize` unit)";
            return Err(Error::input(&self.names.data, format!("{fact}; {remedy}")));
        }
        let what = if !cost.decay.is_finite() {
            "the weight decay of J, λ/2 (‖W1‖² + ‖D‖²),"
        } else if !(cost.penalty.is_finite() && cost.rho_hat.iter().all(|rho_hat| rho_hat.is_finite())) {
            "a mean activation, and so the KL term of J,"
        } else {
            return Ok(());
        };
        let fact = format!("{what} is not finite in the 32-bit numbers of {adapter}");
        let remedy = "use `device` reference, or a model of smaller weights";
        Err(Error::input(&self.names.model, format!("{fact}; {remedy}")))
    }
}

impl fmt::Debug for OnData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objective, names, piece, .. } = self;
        let mut on_data = f.debug_struct("OnData");
        on_data
            .field("names", names)
            .field("objective", objective)
            .field("piece", piece)
            .finish_non_exhaustive()
    }
}
