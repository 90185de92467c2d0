//! A picture: its pixels in memory, or its size alone before they are decoded.

use std::path::PathBuf;

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
