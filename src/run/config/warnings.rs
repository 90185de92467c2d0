//! Warnings of examples that the settings do not suit: beyond the reach of the output, or divided without need.

use crate::data::dtype::DType;
use crate::data::{Normalize, Preprocess, Scale};
use crate::io::text::rounded;
use crate::math::objective::Activation;

/// Says so, with the settings that mend it, when examples that are taken as they are lie where the output units cannot get.
/// `fit_rows` of them have decided where, if not all.
pub fn reach_warning(values: &[f64], output: Activation, fit_rows: Option<usize>) -> Option<String> {
    let (low, high) = output.range();
    let (least, most) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &x| (least.min(x), most.max(x)));
    (least < low || most > high).then(|| {
        let remedy = match fit_rows {
            Some(rows) => format!("fit on more than `fit_rows` {rows}"),
            None if are_bytes(values) => {
                "use `divide` 255 where these are bytes of pixels, or `normalize` unit".to_owned()
            }
            None => "use `normalize` unit".to_owned(),
        };
        format!(
            "the data range from {} to {}, but a {} output reaches only {low} to {high}; {remedy}, or `output` \
             linear",
            rounded(least),
            rounded(most),
            output.name()
        )
    })
}

/// Whether numbers may be bytes, whatever they are stored as.
fn are_bytes(values: &[f64]) -> bool {
    values.iter().all(|&x| (0.0..=255.0).contains(&x) && x.fract() == 0.0)
}

/// Says so when floats have been divided as bytes were that a model was made of, though they lie in [-1, 1] already.
pub fn scale_warning(values: &[f64], preprocess: &Preprocess, number: Option<DType>) -> Option<String> {
    let Scale::Divide(divisor) = preprocess.scale else { return None };
    let are_small = values.iter().all(|x| x.abs() <= 1.0 / divisor);
    let is_told = preprocess.normalize == Normalize::None && number.is_some_and(|number| number != DType::U8);
    (is_told && are_small).then(|| {
        format!(
            "the data do not go beyond 1, but are divided by {divisor}, as the model or a setting says; \
             `divide` 1 takes them as they are"
        )
    })
}
