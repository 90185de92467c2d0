//! The sample of a run for its report: units over judged examples, some of these examples, and what the model makes of them.

use super::units::{ShownUnit, UnitSampler};
use crate::data::{Form, Preprocess};
use crate::engine::{Engine, Layer, evenly};
use crate::error::Result;
use crate::math::objective::Activation;
use crate::math::params::Shape;
use crate::run::picture::form_of;

/// Numbers of the examples that are shown, at most: a page of them is a few megabytes whatever the data.
const EXAMPLE_NUMBERS: usize = 1 << 20;
/// Numbers of the features that are shown, at most.
const FEATURE_NUMBERS: usize = 7 << 18;
/// Units that are shown at most where they are no pictures.
const UNITS_OF_ROWS: usize = 512;
/// Examples that are shown beside their reconstructions.
const PAIRS: usize = 24;
/// Examples that are shown however many numbers they have.
const FEWEST: usize = 8;

/// What a report shows of examples and units.
#[derive(Debug)]
pub struct Sample {
    /// How many examples were judged.
    pub judged: usize,
    /// Of how many.
    pub all: usize,
    /// Of which some can be shown: their numbers.
    pub examples: Vec<usize>,
    /// Their values as the source has them, `[examples, cols]`, less what an example's own normalisation took.
    pub originals: Vec<f32>,
    /// Places of some of them, which are shown beside what the model makes of them.
    pub pairs: Vec<usize>,
    /// That, `[pairs, cols]`.
    pub outputs: Vec<f32>,
    /// The form of examples that are pictures.
    pub form: Option<Form>,
    /// The units that are shown.
    pub units: Vec<ShownUnit>,
    /// The share of judged examples that make each hidden unit active, `[h]`.
    pub density: Vec<f64>,
}

/// The sample while the units are judged.
#[derive(Debug)]
pub struct Sampler {
    examples: Vec<usize>,
    form: Option<Form>,
    units: UnitSampler,
}

impl Sampler {
    /// Of a model of this shape, over the examples `judged`, which are in order.
    pub fn new(shape: Shape, activation: Activation, preprocess: &Preprocess, judged: &[usize]) -> Self {
        let cols = preprocess.inputs_of(shape.visible).max(1);
        let shown = evenly(judged.len(), (EXAMPLE_NUMBERS / cols).max(FEWEST));
        let examples: Vec<usize> = shown.into_iter().filter_map(|place| judged.get(place).copied()).collect();
        let form = form_of(Some(preprocess), shape.visible);
        let most = if form.is_some() { FEATURE_NUMBERS / cols } else { UNITS_OF_ROWS };
        let units = UnitSampler::new(shape.hidden, activation, most, examples.clone());
        Self { examples, form, units }
    }

    /// Takes activations `[rows, h]` of the judged examples `rows`.
    pub fn add(&mut self, rows: &[usize], a2: &[f32]) {
        self.units.add(rows, a2);
    }

    /// Reads the examples that are shown, and what the model makes of some.
    ///
    /// # Errors
    /// Those of [`Engine::activations`].
    pub fn finish(self, engine: &mut dyn Engine, preprocess: &Preprocess) -> Result<Sample> {
        let Self { examples, form, units } = self;
        let (units, density, judged) = units.finish();
        let restored = |values: Vec<f32>| preprocess.restore(values, &[]);
        let originals = restored(engine.activations(Layer::Input, &examples)?);
        let pairs = evenly(examples.len(), PAIRS);
        let rows: Vec<usize> = pairs.iter().filter_map(|&place| examples.get(place).copied()).collect();
        let outputs = restored(engine.activations(Layer::Output, &rows)?);
        let all = engine.examples();
        Ok(Sample { judged, all, examples, originals, pairs, outputs, form, units, density })
    }
}

/// Bytes that a report of so many units and examples takes while it is made, at most.
pub fn bytes(shape: Shape, cols: usize, examples: usize) -> u64 {
    let numbers = |count: usize, most: usize| {
        (count as u64).saturating_mul(cols as u64).min(most.max(cols * FEWEST) as u64)
    };
    // Values, pixels, the PNG, its text, and the page of that: of examples and of features.
    let pictures = 12 * (numbers(examples, EXAMPLE_NUMBERS) + numbers(shape.hidden, FEATURE_NUMBERS));
    pictures + 64 * shape.hidden as u64 + (1 << 20)
}
