//! The form of the pictures that a model sees, or why it sees none.

use crate::data::{Form, Neighbours, Preprocess};

/// The form of the pictures that a model sees: the patch or the form that `preprocess` names, or a grey square of as many pixels
/// as the source has numbers, where it names none and neighbours in it are not known to be unlike. `None` where they are no pictures.
pub fn form_of(preprocess: Option<&Preprocess>, visible: usize) -> Option<Form> {
    let numbers = numbers_of(preprocess, visible);
    let unlike = |preprocess: &Preprocess| preprocess.neighbours.is_some_and(|it| !it.are_of_pictures());
    let square = || square(numbers).filter(|_| !preprocess.is_some_and(unlike));
    let form = preprocess.and_then(named_form).or_else(square)?;
    (form.numbers() == Some(numbers)).then_some(form)
}

/// The form that a preprocessing names: that of patches, or of rows.
pub fn named_form(preprocess: &Preprocess) -> Option<Form> {
    let patch = preprocess.patch.zip(preprocess.channels);
    patch.map(|(side, channels)| Form { height: side, width: side, channels }).or(preprocess.form)
}

/// Why [`form_of`] knows no form, in words.
pub fn why_no_form(preprocess: Option<&Preprocess>, visible: usize) -> String {
    let numbers = numbers_of(preprocess, visible);
    let neighbours = preprocess.and_then(|preprocess| preprocess.neighbours);
    match neighbours.filter(|_| square(numbers).is_some()) {
        Some(neighbours) => why_no_pictures(numbers, &neighbours),
        None => format!("rows of {numbers} numbers are no square, and nothing names a form of pictures"),
    }
}

/// Why rows whose length is a square are no pictures, by how alike neighbours are in them.
pub fn why_no_pictures(numbers: usize, it: &Neighbours) -> String {
    // Without a sign where nothing is left.
    let shown = |x: f64| format!("{:.2}", (100.0 * x).round() / 100.0 + 0.0);
    let than = match it.ends.filter(|_| it.are_near()) {
        Some(ends) => format!("but a line and the next, as in a series, by {}", shown(ends)),
        None => format!("any two by {}", shown(it.any)),
    };
    format!(
        "rows of {numbers} numbers do not look like pictures: as pixels of a square, neighbours correlate by {} across and {} \
         down, {than}",
        shown(it.across),
        shown(it.down)
    )
}

/// Numbers of an example as the source has them.
fn numbers_of(preprocess: Option<&Preprocess>, visible: usize) -> usize {
    preprocess.map_or(visible, |preprocess| preprocess.inputs_of(visible))
}

/// The grey square of so many pixels, if there is one.
pub fn square(numbers: usize) -> Option<Form> {
    let side = numbers.isqrt();
    (side * side == numbers).then_some(Form { height: side, width: side, channels: 1 })
}
