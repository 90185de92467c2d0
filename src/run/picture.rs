//! Pictures of features and of reconstructions, as PNG.

#[cfg(feature = "files")]
pub mod samples;
#[cfg(feature = "files")]
pub mod svg;

#[cfg(feature = "files")]
use std::io::{self, Write};
#[cfg(feature = "files")]
use std::path::Path;

#[cfg(feature = "files")]
use image::codecs::png::PngEncoder;
#[cfg(feature = "files")]
use image::{ExtendedColorType, ImageEncoder};

use crate::data::{Form, Picture, Preprocess};
use crate::error::{Error, Result};
#[cfg(feature = "files")]
use crate::io::atomic_write;
use crate::math::params::Shape;

/// Screen pixels that a pixel of a patch gets at least, where the picture stays below [`LONGEST_SIDE`].
const LEGIBLE: usize = 8;
/// Longest side of a picture whose scale nobody asked for, pixels.
const LONGEST_SIDE: usize = 4096;
/// Longest side of any picture, pixels.
const LARGEST_SIDE: usize = 32_768;

/// Most bytes that [`features`] takes at the scale of its choice, if it takes more than half of the parameters do.
pub fn feature_bytes(shape: Shape, channels: usize) -> u64 {
    // A quarter more for borders.
    let enlarged = (LEGIBLE * LEGIBLE * shape.hidden).saturating_mul(shape.visible) / 4 * 5;
    enlarged.min(channels * LONGEST_SIDE * LONGEST_SIDE) as u64
}

/// An 8-bit picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

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
        Some(it) => format!(
            "its rows of {numbers} numbers do not look like pictures: as pixels of a square, neighbours correlate by {:.2} \
             across and {:.2} down, any two by {:.2}",
            it.across, it.down, it.any
        ),
        None => format!("rows of {numbers} numbers are no square, and nothing names a form of pictures"),
    }
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

/// The input of norm 1 that excites each hidden unit most, x_j = w_j / ‖w_j‖ of its weights `[h, n]`
/// ([`Preprocess::weights_of_inputs`]), in a grid of ⌈√h⌉ columns with a border of one patch pixel. Every feature is scaled by its
/// own largest absolute value (in which ‖w_j‖ cancels): 0 is mid-grey. `scale` is screen pixels a patch pixel; `None` takes what a
/// person sees well.
///
/// # Errors
/// [`Error::Usage`] when `scale` is 0 or makes the picture larger than 32 768 pixels, or any scale would ([`too_large`]).
pub fn features(weights: &[f32], form: Form, scale: Option<usize>) -> Result<Canvas> {
    let numbers = form.height * form.width * form.channels;
    let hidden = weights.len() / numbers;
    if let Some(reason) = too_large(hidden, form) {
        return Err(Error::usage(format!("{reason}; read W1 of the model instead (encoder.weight)")));
    }
    let canvas = side_by_side(hidden, form, weights.chunks_exact(numbers).map(balanced));
    let side = canvas.width.max(canvas.height);
    match scale.unwrap_or_else(|| legible(side)) {
        0 => Err(Error::usage("`scale` 0: a pixel of a patch needs at least one pixel")),
        scale if scale.saturating_mul(side) > LARGEST_SIDE => Err(Error::usage(format!(
            "`scale` {scale}: {side} patch pixels a side would exceed {LARGEST_SIDE} pixels; lower `scale`"
        ))),
        scale => Ok(canvas.enlarged(scale)),
    }
}

/// Pictures of one form in a grid of ⌈√count⌉ columns, framed in black.
pub fn side_by_side(count: usize, form: Form, pictures: impl Iterator<Item = Vec<u8>>) -> Canvas {
    let columns = columns(count);
    let (across, down) =
        (columns * (form.width + 1) + 1, count.div_ceil(columns.max(1)) * (form.height + 1) + 1);
    let mut canvas = Canvas::black(across, down, form.channels);
    for (number, pixels) in pictures.take(count).enumerate() {
        let place = (number % columns * (form.width + 1) + 1, number / columns * (form.height + 1) + 1);
        canvas.paste(place, form, &pixels);
    }
    canvas
}

/// Of so many features side by side.
pub fn columns(hidden: usize) -> usize {
    hidden.isqrt() + usize::from(hidden.isqrt().pow(2) < hidden)
}

/// Why there is no picture of so many features at any scale, in words; `None` where there is one.
pub fn too_large(hidden: usize, form: Form) -> Option<String> {
    let side = longest_side(hidden, form);
    (side > LARGEST_SIDE).then(|| {
        format!(
            "{hidden} pictures of {}×{} pixels take {side} pixels a side, but a picture has at most {LARGEST_SIDE}",
            form.width, form.height
        )
    })
}

/// Patch pixels of the longest side of so many features.
fn longest_side(hidden: usize, form: Form) -> usize {
    columns(hidden).saturating_mul(form.width.max(form.height).saturating_add(1)).saturating_add(1)
}

/// The scale that a person sees well, of a picture with this side.
pub(crate) fn legible(side: usize) -> usize {
    LEGIBLE.min(LONGEST_SIDE / side.max(1)).max(1)
}

/// Bytes of what [`features`] draws of `hidden` units, at most those of the largest picture.
pub fn features_bytes(hidden: usize, form: Form, scale: Option<usize>) -> u64 {
    let side = longest_side(hidden, form);
    let enlarged =
        side.saturating_mul(scale.unwrap_or_else(|| legible(side))).min(LARGEST_SIDE.max(side)) as u64;
    enlarged.saturating_mul(enlarged).saturating_mul(form.channels as u64)
}

/// Bytes of a reconstruction: [0, 1] to black and white. What was whitened has no black or white: there 0 is
/// mid-grey and the largest absolute value an end.
pub fn photograph(picture: &Picture, whitened: bool) -> Canvas {
    let pixels = if whitened {
        balanced(&picture.pixels)
    } else {
        picture.pixels.iter().map(|&value| byte(value)).collect()
    };
    Canvas { width: picture.width, height: picture.height, channels: picture.channels, pixels }
}

/// Values scaled by their largest absolute value, 0 in the middle; all mid-grey where all are 0.
pub fn balanced(values: &[f32]) -> Vec<u8> {
    let largest = values.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    values.iter().map(|value| byte(0.5 + 0.5 * (value / largest))).collect()
}

/// Black at 0, white at 1.
pub fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

impl Canvas {
    fn black(width: usize, height: usize, channels: usize) -> Self {
        Self { width, height, channels, pixels: vec![0; width * height * channels] }
    }

    /// Puts a picture with its first pixel at (`left`, `top`).
    fn paste(&mut self, (left, top): (usize, usize), form: Form, pixels: &[u8]) {
        for (y, line) in pixels.chunks_exact(form.width * self.channels).enumerate() {
            let start = ((top + y) * self.width + left) * self.channels;
            self.pixels[start..start + line.len()].copy_from_slice(line);
        }
    }

    /// Every pixel as a square of `scale` × `scale`.
    pub(crate) fn enlarged(&self, scale: usize) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len() * scale * scale);
        for line in self.pixels.chunks_exact(self.width * self.channels) {
            let wide = line.chunks_exact(self.channels).flat_map(|pixel| pixel.repeat(scale));
            pixels.extend(wide.collect::<Vec<_>>().repeat(scale));
        }
        Self { width: self.width * scale, height: self.height * scale, channels: self.channels, pixels }
    }
}

#[cfg(feature = "files")]
impl Canvas {
    /// Writes a PNG that is there whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        atomic_write::write(path, |out| self.write_to(out))
    }

    /// The same into any file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let color = if self.channels == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
        PngEncoder::new(out)
            .write_image(&self.pixels, self.width as u32, self.height as u32, color)
            .map_err(io::Error::other)
    }
}
