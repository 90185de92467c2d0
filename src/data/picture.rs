//! A picture: its pixels in memory, or its size alone before they are decoded.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// One picture, its channels interleaved; values in [0, 1] unless it came as floats.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The file it came from, or another name for messages.
    pub name: PathBuf,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// `[height, width, channels]`.
    pub pixels: Vec<f32>,
}

impl Picture {
    /// Its size.
    pub(super) fn info(&self) -> PictureInfo {
        let Self { name, width, height, channels, .. } = self;
        PictureInfo { name: name.clone(), width: *width, height: *height, channels: *channels }
    }

    /// Refuses a picture of no size, of other channels, or whose pixels are not as many as that or not finite.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { name, width, height, channels, pixels } = self;
        let refused = |fact: String| Err(Error::input(name, fact));
        if !matches!(channels, 1 | 3) {
            return refused(format!("{channels} channels; give 1 for grey or 3 for colour"));
        }
        let wanted = width.checked_mul(*height).and_then(|area| area.checked_mul(*channels));
        if wanted != Some(pixels.len()) || pixels.is_empty() {
            let fact = format!("{} numbers for {width}×{height} pixels of {channels}", pixels.len());
            return refused(format!("{fact}; give as many as it has pixels, and at least one"));
        }
        match pixels.iter().position(|pixel| !pixel.is_finite()) {
            Some(at) => {
                refused(format!("number {at} is {}; replace it or leave the picture out", pixels[at]))
            }
            None => Ok(()),
        }
    }
}

/// The size of a picture that is not decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureInfo {
    /// The file it comes from, or another name for messages.
    pub name: PathBuf,
    /// Pixels across, as the picture is shown.
    pub width: usize,
    /// Pixels down, as the picture is shown.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
}
