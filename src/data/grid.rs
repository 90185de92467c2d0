//! The patches of pictures on a grid: how many there are, and how those side by side become pictures again. A patch is
//! one row
//! `[patch, patch, channels]`.

use std::path::PathBuf;

use super::picture::Picture;

/// The patches of one picture: `across` × `down`, rows of patches first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Patches across.
    pub across: usize,
    /// Patches down.
    pub down: usize,
}

impl Grid {
    /// The patches of a picture, width and height, whose first pixels are `step` apart; none where the picture is
    /// smaller than one patch.
    pub fn of((width, height): (usize, usize), patch: usize, step: usize) -> Self {
        let count = |size: usize| size.checked_sub(patch).map_or(0, |rest| rest / step.max(1) + 1);
        Self { across: count(width), down: count(height) }
    }
}

/// Puts grid patches `rows` `[m, n]` together again, one picture a grid.
pub fn assemble(rows: &[f32], grids: &[Grid], patch: usize, channels: usize) -> Vec<Picture> {
    let mut rest = rows;
    let mut pictures = Vec::with_capacity(grids.len());
    for (number, grid) in grids.iter().enumerate() {
        let (mine, others) = rest.split_at(grid.across * grid.down * patch * patch * channels);
        rest = others;
        pictures.push(Picture {
            name: PathBuf::from(format!("picture {number}")),
            width: grid.across * patch,
            height: grid.down * patch,
            channels,
            pixels: tile(mine, grid.across, patch * channels, patch),
        });
    }
    pictures
}

/// From patches of `lines` lines, each `line` numbers long, `across` of them side by side, to lines of the picture.
fn tile(patches: &[f32], across: usize, line: usize, lines: usize) -> Vec<f32> {
    let mut pixels = Vec::with_capacity(patches.len());
    for band in patches.chunks_exact(across * line * lines) {
        for y in 0..lines {
            for patch in band.chunks_exact(line * lines) {
                pixels.extend_from_slice(&patch[y * line..(y + 1) * line]);
            }
        }
    }
    pixels
}
