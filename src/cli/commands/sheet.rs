//! Rows that are pictures, side by side, and the form that they have.

use std::path::Path;

use super::outputs::Destination;
use crate::Error;
use crate::data::{Form, Preprocess, Scale};
use crate::error::shown;
use crate::run::model_file::Meta;
use crate::run::picture::{self, form_of, named_form, why_no_form};

/// The form of the rows of a model that are to be drawn: as its features are.
///
/// # Errors
/// [`Error::Usage`] where they are no pictures, with the reason.
pub fn form(out: &Destination, (model, meta): (&Path, Option<&Meta>), visible: usize) -> Result<Form, Error> {
    let preprocess = meta.map(|meta| &meta.preprocess);
    let form = form_of(preprocess, visible).ok_or_else(|| {
        let remedy = "train with --shape, as --shape 28x28, or write numbers with -o FILE.npy";
        Error::usage(format!("-o {}: {}; {remedy}", out.path().display(), why_no_form(preprocess, visible)))
    })?;
    tell((model, preprocess), form, "train with --shape for another form");
    Ok(form)
}

/// Tells of a form that neither a flag nor the model names, and that nothing was measured for.
pub fn tell((model, preprocess): (&Path, Option<&Preprocess>), form: Form, remedy: &str) {
    let is_known = |it: &Preprocess| named_form(it).is_some() || it.neighbours.is_some();
    if !preprocess.is_some_and(is_known) {
        let numbers = form.height * form.width * form.channels;
        tracing::info!(
            "{}: {numbers} numbers are taken for pictures of {form}, which nothing says; {remedy}",
            shown(model)
        );
    }
}

/// Refuses more pictures than one has room for.
pub fn check(out: &Destination, count: usize, form: Form) -> Result<(), Error> {
    let Some(reason) = picture::too_large(count, form, picture::Layout::default()) else { return Ok(()) };
    let remedy = "give fewer rows, or write them with -o FILE.npy";
    Err(Error::usage(format!("-o {}: {reason}; {remedy}", out.path().display())))
}

/// Draws rows in the values of the data; where they are `centred`, 0 is mid-grey. Says what is black and white.
pub fn save(
    out: &Destination,
    rows: &[f32],
    form: Form,
    (scale, centred): (Scale, bool),
) -> Result<String, Error> {
    let (low, high) = rows.iter().fold((0.0_f32, 0.0_f32), |(low, high), &x| (low.min(x), high.max(x)));
    // The white of what was divided; numbers beyond it, and those of another range, have ends of their own.
    let (black, white) = match scale {
        _ if centred => {
            let reach = high.max(-low).max(f32::MIN_POSITIVE);
            (-reach, reach)
        }
        Scale::Divide(divisor) => (0.0, divisor as f32),
        _ if low >= -0.5 && high <= 1.5 => (0.0, 1.0),
        _ => (low, high.max(low + f32::MIN_POSITIVE)),
    };
    let pixels = |row: &[f32]| row.iter().map(|x| picture::byte((x - black) / (white - black))).collect();
    let numbers = (form.height * form.width * form.channels).max(1);
    let count = rows.len() / numbers;
    picture::side_by_side(count, form, rows.chunks_exact(numbers).map(pixels)).save(out.path())?;
    Ok(format!("{count} pictures of {form}, {black} black and {white} white"))
}
