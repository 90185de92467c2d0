//! Square patches of pictures: drawn at random for training, on a grid for everything else, and the way back.
//! A patch is one row `[patch, patch, channels]`.

use std::path::PathBuf;

use super::field::Field;
use super::{Grid, Picture};
use crate::error::{Error, Result};
use crate::random::Stream;

/// Fails on `--patch 0` and names the first picture that is smaller than one patch.
pub fn check_size(pictures: &[Picture], patch: usize) -> Result<()> {
    if patch == 0 {
        return Err(Error::usage("--patch 0: a patch needs at least one pixel"));
    }
    let Some(small) = pictures.iter().find(|p| p.width.min(p.height) < patch) else { return Ok(()) };
    let (width, height) = (small.width, small.height);
    let remedy = format!("give a --patch of at most {}, or larger pictures", width.min(height));
    Err(Error::input(
        &small.name,
        format!("{width}×{height} pixels are smaller than one patch of {patch}×{patch}; {remedy}"),
    ))
}

/// Draws `samples` patches, each with the same chance for every position in every picture; `[samples, n]`.
pub fn random(fields: &[Field], patch: usize, samples: usize, stream: &mut Stream) -> Result<Vec<f64>> {
    let mut rows = room(samples, fields[0].channels * patch * patch)?;
    let columns = |field: &Field| field.picture.width - patch + 1;
    let mut starts = Vec::with_capacity(fields.len());
    let mut positions = 0;
    for field in fields {
        starts.push(positions);
        positions += columns(field) as u64 * (field.picture.height - patch + 1) as u64;
    }
    for _ in 0..samples {
        let position = stream.below(positions);
        let chosen = starts.partition_point(|&start| start <= position) - 1;
        let (field, within) = (&fields[chosen], (position - starts[chosen]) as usize);
        cut(field, patch, within % columns(field), within / columns(field), &mut rows);
    }
    Ok(rows)
}

/// An empty vector with room for `rows` × `cols` numbers; fails where `--samples` asks for more than there is.
fn room(rows: usize, cols: usize) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    let fits = rows.checked_mul(cols).is_some_and(|count| values.try_reserve_exact(count).is_ok());
    let refusal = || {
        let gib = rows as f64 * cols as f64 * 8.0 / f64::from(1 << 30);
        Error::usage(format!(
            "--samples {rows}: patches of {cols} numbers need {gib:.0} GiB; lower --samples"
        ))
    };
    if fits { Ok(values) } else { Err(refusal()) }
}

/// Cuts every picture into patches side by side; what is left over at the right and at the bottom is dropped.
pub fn on_grid(fields: &[Field], patch: usize) -> (Vec<f64>, Vec<Grid>) {
    let mut rows = Vec::new();
    let mut grids = Vec::with_capacity(fields.len());
    for field in fields {
        let grid = Grid { across: field.picture.width / patch, down: field.picture.height / patch };
        for place in 0..grid.across * grid.down {
            cut(field, patch, place % grid.across * patch, place / grid.across * patch, &mut rows);
        }
        grids.push(grid);
    }
    (rows, grids)
}

/// Appends the patch whose first pixel is (`left`, `top`).
fn cut(field: &Field, patch: usize, left: usize, top: usize, rows: &mut Vec<f64>) {
    for y in top..top + patch {
        let start = (y * field.picture.width + left) * field.channels;
        rows.extend_from_slice(&field.values[start..start + patch * field.channels]);
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
