//! Pictures of features and of reconstructions, as PNG.

mod form;
pub mod orientation;
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

use crate::data::{Form, Picture};
use crate::error::{Error, Result};
#[cfg(feature = "files")]
use crate::io::atomic_write;
use crate::math::params::Shape;
pub use form::{form_of, named_form, square, why_no_form, why_no_pictures};

/// Screen pixels that a pixel of a patch gets at least, where the picture stays below [`LONGEST_SIDE`].
const LEGIBLE: usize = 8;
/// Features that are drawn where nobody says how many, at most.
const USUAL: usize = 4096;
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

/// The layout of features in a picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Features side by side; `None` is ⌈√h⌉.
    pub per_row: Option<usize>,
    /// Screen pixels a patch pixel; `None` is what a person sees well.
    pub zoom: Option<usize>,
}

impl Layout {
    /// Of `count` features side by side.
    pub fn columns(self, count: usize) -> usize {
        self.per_row.unwrap_or_else(|| columns(count)).clamp(1, count.max(1))
    }

    /// Patch pixels across and down.
    fn size(self, count: usize, form: Form) -> (usize, usize) {
        let columns = self.columns(count);
        let side =
            |tiles: usize, pixels: usize| tiles.saturating_mul(pixels.saturating_add(1)).saturating_add(1);
        (side(columns, form.width), side(count.div_ceil(columns), form.height))
    }

    fn longest(self, count: usize, form: Form) -> usize {
        let (width, height) = self.size(count, form);
        width.max(height)
    }

    /// Bytes of what [`features`] draws of so many, at most those of the largest picture.
    pub fn bytes(self, count: usize, form: Form) -> u64 {
        let (width, height) = self.size(count, form);
        let zoom = self.zoom.unwrap_or_else(|| legible(width.max(height)));
        let enlarged = |side: usize| side.saturating_mul(zoom).min(LARGEST_SIDE.max(side)) as u64;
        enlarged(width).saturating_mul(enlarged(height)).saturating_mul(form.channels as u64)
    }
}

/// How many of `hidden` features are drawn where nobody says how many: no more than a person looks at, nor than a picture of 4096
/// pixels a side has room for.
pub fn usual_count(hidden: usize, form: Form) -> usize {
    let tiles = (LONGEST_SIDE - 1) / form.width.max(form.height).saturating_add(1);
    hidden.min(USUAL).min(tiles.saturating_mul(tiles).max(1))
}

/// The input of norm 1 that excites each hidden unit most, x_j = w_j / ‖w_j‖ of its weights `[h, n]`
/// ([`Preprocess::weights_of_inputs`](crate::data::Preprocess::weights_of_inputs)), in a grid with a border of one patch pixel. Every
/// feature is scaled by its own largest absolute value (in which ‖w_j‖ cancels): 0 is mid-grey.
///
/// # Errors
/// [`Error::Usage`] for a `zoom` or `per_row` of 0, or a picture of more than 32 768 pixels a side.
pub fn features(weights: &[f32], form: Form, layout: Layout) -> Result<Canvas> {
    let numbers = form.height * form.width * form.channels;
    let count = weights.len() / numbers;
    if layout.per_row == Some(0) {
        return Err(Error::usage("`per_row` 0: a row has at least one feature"));
    }
    if let Some(reason) = too_large(count, form, layout) {
        return Err(Error::usage(format!(
            "{reason}; draw fewer (`limit`), or read encoder.weight of the model"
        )));
    }
    let pictures = weights.chunks_exact(numbers).map(balanced);
    let canvas = in_rows_of(layout.columns(count), count, form, pictures);
    let side = canvas.width.max(canvas.height);
    match layout.zoom.unwrap_or_else(|| legible(side)) {
        0 => Err(Error::usage("`zoom` 0: a pixel of a patch needs at least one pixel")),
        zoom if zoom.saturating_mul(side) > LARGEST_SIDE => Err(Error::usage(format!(
            "`zoom` {zoom}: {side} patch pixels a side would exceed {LARGEST_SIDE} pixels; lower `zoom`"
        ))),
        zoom => Ok(canvas.enlarged(zoom)),
    }
}

/// Pictures of one form in a grid of ⌈√count⌉ columns, framed in black.
pub fn side_by_side(count: usize, form: Form, pictures: impl Iterator<Item = Vec<u8>>) -> Canvas {
    in_rows_of(columns(count), count, form, pictures)
}

/// The same in a grid of so many columns.
fn in_rows_of(columns: usize, count: usize, form: Form, pictures: impl Iterator<Item = Vec<u8>>) -> Canvas {
    let layout = Layout { per_row: Some(columns), zoom: None };
    let (across, down) = layout.size(count, form);
    let mut canvas = Canvas::black(across, down, form.channels);
    for (number, pixels) in pictures.take(count).enumerate() {
        let place = (number % columns * (form.width + 1) + 1, number / columns * (form.height + 1) + 1);
        canvas.paste(place, form, &pixels);
    }
    canvas
}

/// Of so many features side by side, where nobody says how many.
pub fn columns(count: usize) -> usize {
    count.isqrt() + usize::from(count.isqrt().pow(2) < count)
}

/// Why there is no picture of so many features at any zoom, in words; `None` where there is one.
pub fn too_large(count: usize, form: Form, layout: Layout) -> Option<String> {
    let side = layout.longest(count, form);
    (side > LARGEST_SIDE).then(|| {
        format!(
            "{count} pictures of {}×{} pixels take {side} pixels a side, but a picture has at most {LARGEST_SIDE}",
            form.width, form.height
        )
    })
}

/// The zoom that a person sees well, of a picture with this side.
pub(crate) fn legible(side: usize) -> usize {
    LEGIBLE.min(LONGEST_SIDE / side.max(1)).max(1)
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
