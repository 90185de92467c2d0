//! Rows that are pictures, side by side.

use super::outputs::Destination;
use crate::Error;
use crate::data::{Form, Scale};
use crate::run::picture;

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
