//! A model that takes the values of the source in the place of preprocessed ones: the preprocessing folded into its
//! weights, as far as it is affine, and the encoder alone for pictures that are convolved. Computed in f64, rounded
//! once.

use crate::data::{Normalize, Preprocess, Scale};
use crate::math::objective::Activation;
use crate::math::params::{Params, Shape};

/// The steps of a preprocessing, in words for whoever has to do them elsewhere; none where examples are taken as they
/// are.
pub fn steps(preprocess: &Preprocess) -> Vec<String> {
    let Preprocess { whiten, scale, whitening, normalize, limits, .. } = preprocess;
    let mut steps = Vec::new();
    if preprocess.patch.is_some() && scale.is_pixels() {
        steps.push("pixels as numbers from 0 to 1".to_owned());
    }
    if *whiten {
        steps.push("Olshausen's filter on whole pictures".to_owned());
    }
    if let Scale::Divide(divisor) = scale {
        steps.push(format!("numbers divided by {divisor}"));
    }
    if preprocess.has_columns() {
        let name = if normalize.is_of_columns() { format!(" ({})", normalize.name()) } else { String::new() };
        steps.push(format!("each column shifted and divided{name}"));
    }
    if let Some(whitening) = whitening {
        let (name, epsilon) = (whitening.kind.name().to_uppercase(), whitening.epsilon);
        steps.push(format!("{name} whitening with epsilon {epsilon}"));
    }
    if *normalize == Normalize::Lecture {
        steps.push("its mean taken from each example".to_owned());
    }
    if let Some((low, high)) = limits.filter(|_| normalize.has_limits()) {
        let (to_low, to_high) = normalize.range();
        let clipped = if *normalize == Normalize::Lecture {
            "values clipped to and mapped from"
        } else {
            "values mapped from"
        };
        steps.push(format!("{clipped} [{low}, {high}] to [{to_low}, {to_high}]"));
    }
    steps
}

/// Folds a preprocessing into parameters, with what is left of it: pictures are still cut, and their pixels lie between
/// 0 and 1.
///
/// # Errors
/// In words: a step that is not affine, an output layer that is not, columns that are missing.
pub fn fold(
    params: &Params<f32>,
    preprocess: &Preprocess,
    output: Activation,
) -> Result<(Params<f32>, Preprocess), String> {
    if preprocess.whiten {
        return Err(
            "Olshausen's filter works on whole pictures, and no weights of patches do the same".to_owned()
        );
    }
    if preprocess.normalize == Normalize::Lecture {
        return Err("`normalize` lecture clips values, which no weights do".to_owned());
    }
    if preprocess.is_unfitted() {
        return Err("the numbers of its preprocessing are missing".to_owned());
    }
    if output != Activation::Linear {
        return Err(format!(
            "its output layer is {}, behind which no weights take values back; only a linear one can be folded",
            output.name()
        ));
    }
    let inputs = preprocess.inputs_of(params.shape.visible);
    let (mut w1, b1) = encoder_of_values(params, preprocess);
    let (mut d, mut b2) = (wide(&params.d), wide(&params.b2));
    // Last steps first: inputs were a·v + c of values v, outputs are (z − c) / a.
    if let Some((a, c)) = of_limits(preprocess) {
        d.iter_mut().for_each(|d| *d /= a);
        b2.iter_mut().for_each(|b| *b = (*b - c) / a);
    }
    if let Some(transform) = preprocess.transform() {
        // The way back is affine: of an atom, what it adds to the way back of nothing.
        let nothing = transform.undo(vec![0.0; params.shape.visible]);
        d = transform.undo(d);
        d.chunks_exact_mut(inputs).for_each(|row| row.iter_mut().zip(&nothing).for_each(|(d, x)| *d -= x));
        b2 = transform.undo(b2);
    }
    let mut left = left_of(preprocess);
    if let Scale::Divide(divisor) = preprocess.scale {
        w1.iter_mut().for_each(|w| *w /= divisor);
        d.iter_mut().chain(&mut b2).for_each(|x| *x *= divisor);
        left.scale = Scale::AsIs;
    }
    let shape = Shape { visible: inputs, hidden: params.shape.hidden };
    let folded = Params { shape, w1: single(w1), b1: single(b1), d: single(d), b2: single(b2) };
    match folded.first_not_finite() {
        Some(name) => Err(format!("{name} is not finite afterwards")),
        None => Ok((folded, left)),
    }
}

/// Most that Σ |w| + |b| of a unit may be for its preprocessing to be folded where codes have to stay as they are: f32
/// is off by some 2⁻²⁴ of it before the activation, here by 6e-5.
const LARGEST: f64 = 1024.0;

/// The encoder of a model of pictures folded as [`fold`] does it, whatever the output layer is, and what is left of the
/// preprocessing: pictures are still filtered and cut. The decoder is none: zeros. `None` where a step clips, numbers
/// are missing, or codes would not stay as they are within f32, since the folded weights are large and cancel.
pub fn fold_encoder(params: &Params<f32>, preprocess: &Preprocess) -> Option<(Params<f32>, Preprocess)> {
    if preprocess.normalize == Normalize::Lecture || preprocess.is_unfitted() {
        return None;
    }
    let (w1, b1) = encoder_of_values(params, preprocess);
    let shape = Shape { visible: preprocess.inputs_of(params.shape.visible), hidden: params.shape.hidden };
    let size = |(row, b): (&[f64], &f64)| row.iter().map(|w| w.abs()).sum::<f64>() + b.abs();
    // Also false for what is not finite.
    let is_exact = w1.chunks_exact(shape.visible).zip(&b1).map(size).all(|size| size <= LARGEST);
    let (d, b2) = (vec![0.0; shape.visible * shape.hidden], vec![0.0; shape.visible]);
    is_exact.then(|| (Params { shape, w1: single(w1), b1: single(b1), d, b2 }, left_of(preprocess)))
}

/// W1 and b1 as weights of the source's values.
fn encoder_of_values(params: &Params<f32>, preprocess: &Preprocess) -> (Vec<f64>, Vec<f64>) {
    let (mut w1, mut b1) = (wide(&params.w1), wide(&params.b1));
    if let Some((a, c)) = of_limits(preprocess) {
        for (b1, row) in b1.iter_mut().zip(w1.chunks_exact(params.shape.visible)) {
            *b1 += c * row.iter().sum::<f64>();
        }
        w1.iter_mut().for_each(|w| *w *= a);
    }
    if let Some(transform) = preprocess.transform() {
        w1 = transform.weights_of_inputs(w1);
        let dot = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        for (b1, row) in b1.iter_mut().zip(w1.chunks_exact(transform.inputs())) {
            *b1 -= dot(row, &transform.shift);
        }
    }
    (w1, b1)
}

/// a and c, where values v are mapped to a·v + c.
fn of_limits(preprocess: &Preprocess) -> Option<(f64, f64)> {
    let (low, high) = preprocess.limits.filter(|_| preprocess.normalize.has_limits())?;
    let (to_low, to_high) = preprocess.normalize.range();
    let a = (to_high - to_low) / (high - low);
    Some((a, to_low - low * a))
}

/// What folding leaves of a preprocessing, but for the divisor of rows.
fn left_of(preprocess: &Preprocess) -> Preprocess {
    let (normalize, whitening, columns, limits) = (Normalize::None, None, None, None);
    Preprocess { whitening, columns, normalize, limits, ..preprocess.clone() }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

fn single(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|x| x as f32).collect()
}
