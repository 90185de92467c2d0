//! Some examples of data side by side, to be looked at before training: pictures reduced to one size, rows as pictures or as lines.

use super::{Canvas, byte, legible, side_by_side, square, why_no_pictures};
use crate::data::dtype::Endian;
use crate::data::{Form, Neighbours, Picture, Source};
use crate::engine::evenly;
use crate::error::Result;

/// Examples that are shown at most.
const SHOWN: usize = 100;
/// Rows that are shown at most as lines.
const LINES: usize = 256;
/// Longest side of a picture among others, pixels.
const SIDE: usize = 64;

/// The form in which rows are drawn that nobody has named one of: that of a square, where they look like pictures. `None` where they
/// are drawn as a line each, with the reason if they could have been squares.
///
/// # Errors
/// Files that cannot be read.
pub fn usual_form(source: &Source) -> Result<(Option<Form>, Option<String>)> {
    let (rows, cols) = match source {
        Source::Images(_) => return Ok((None, None)),
        Source::Rows(table) => (table.rows, table.cols),
        Source::Stored(store) => (store.rows, store.cols),
    };
    let Some(form) = square(cols).filter(|form| form.width > 1) else { return Ok((None, None)) };
    let mut values = Vec::new();
    for row in evenly(rows, Neighbours::sample_rows(cols)) {
        values.extend(numbers(source, row)?.into_iter().map(|x| x as f32));
    }
    let neighbours = Neighbours::of(&values, form.width);
    Ok(match neighbours.are_of_pictures() {
        true => (Some(form), None),
        false => (None, Some(why_no_pictures(cols, &neighbours))),
    })
}

/// Examples evenly spaced over the data. Rows are black at `low` and white at `high`, and have the form that is named, else a line
/// each.
///
/// # Errors
/// Files that cannot be read.
pub fn samples(source: &Source, form: Option<Form>, (low, high): (f64, f64)) -> Result<Canvas> {
    let scaled = |row: &[f64]| -> Vec<u8> {
        let height = if high > low { high - low } else { 1.0 };
        row.iter().map(|x| byte(((x - low) / height) as f32)).collect()
    };
    let (rows, cols) = match source {
        Source::Images(pictures) => {
            let list = pictures.list();
            let chosen = evenly(list.len(), SHOWN);
            let channels = if list.iter().any(|picture| picture.channels == 3) { 3 } else { 1 };
            let longest = list.iter().map(|p| p.width.max(p.height)).max().unwrap_or(1);
            let side = longest.min(SIDE);
            let form = Form { height: side, width: side, channels };
            let tiles = chosen.iter().map(|&number| Ok(thumbnail(&pictures.read(number)?, form)));
            let tiles = tiles.collect::<Result<Vec<_>>>()?;
            let canvas = side_by_side(tiles.len(), form, tiles.into_iter());
            let scale = legible(canvas.width.max(canvas.height)).min(if side < SIDE / 2 { 4 } else { 1 });
            return Ok(canvas.enlarged(scale));
        }
        Source::Rows(table) => (table.rows, table.cols),
        Source::Stored(store) => (store.rows, store.cols),
    };
    let chosen = evenly(rows, if form.is_some() { SHOWN } else { LINES });
    let tiles = chosen.iter().map(|&row| Ok(scaled(&numbers(source, row)?)));
    let tiles = tiles.collect::<Result<Vec<_>>>()?;
    let Some(form) = form else {
        let (width, height) = (cols, tiles.len());
        let lines = Canvas { width, height, channels: 1, pixels: tiles.concat() };
        return Ok(lines.enlarged(legible(width.max(height))));
    };
    let canvas = side_by_side(tiles.len(), form, tiles.into_iter());
    let scale = legible(canvas.width.max(canvas.height)).min(4);
    Ok(canvas.enlarged(scale))
}

/// The numbers of a row.
fn numbers(source: &Source, row: usize) -> Result<Vec<f64>> {
    Ok(match source {
        Source::Rows(table) => table.values[row * table.cols..][..table.cols].to_vec(),
        Source::Stored(store) => {
            let mut bytes = Vec::new();
            store.read(row, 1, &mut bytes)?;
            store.dtype.decode(&bytes, Endian::Little)
        }
        Source::Images(_) => Vec::new(),
    })
}

/// A picture in the middle of a square, reduced where it is larger: each pixel is the mean of those that it stands for. What it
/// leaves free is mid-grey.
fn thumbnail(picture: &Picture, form: Form) -> Vec<u8> {
    let Picture { width, height, channels, pixels, .. } = picture;
    let longest = (*width).max(*height).max(form.width);
    let (across, down) = ((width * form.width / longest).max(1), (height * form.height / longest).max(1));
    let (left, top) = ((form.width - across) / 2, (form.height - down) / 2);
    let mut tile = vec![128; form.width * form.height * form.channels];
    for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
        let span = |at: usize, of: usize, size: usize| {
            at * size / of..((at + 1) * size / of).max(at * size / of + 1)
        };
        let (rows, cols) = (span(y, down, *height), span(x, across, *width));
        let count = (rows.len() * cols.len()) as f32;
        for channel in 0..form.channels {
            let from = channel.min(channels - 1);
            let of_row =
                |row: usize| cols.clone().map(move |col| pixels[(row * width + col) * channels + from]);
            let sum: f32 = rows.clone().flat_map(of_row).sum();
            tile[((top + y) * form.width + left + x) * form.channels + channel] = byte(sum / count);
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn larger_pictures_are_means_of_their_pixels_and_keep_their_form() {
        let pixels = vec![0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let picture = Picture { name: PathBuf::new(), width: 4, height: 2, channels: 1, pixels };
        let form = Form { height: 2, width: 2, channels: 1 };
        assert_eq!(thumbnail(&picture, form), [128, 191, 128, 128]);
    }

    #[test]
    fn grey_pictures_stand_beside_coloured_ones_and_small_ones_are_not_enlarged() {
        let picture = Picture { name: PathBuf::new(), width: 1, height: 1, channels: 1, pixels: vec![1.0] };
        let form = Form { height: 3, width: 3, channels: 3 };
        let tile = thumbnail(&picture, form);
        assert_eq!(tile[3 * 4..3 * 5], [255; 3]);
        assert!(tile.iter().filter(|&&x| x == 128).count() == 24);
    }

    #[test]
    fn rows_are_lines_or_what_is_said() {
        let source = Source::rows((0..36).map(|i| i as f32), 6).unwrap();
        let lines = samples(&source, None, (0.0, 35.0)).unwrap();
        assert_eq!((lines.width, lines.height), (6 * 8, 6 * 8));
        assert_eq!((lines.pixels[0], lines.pixels[lines.pixels.len() - 1]), (0, 255));
        let form = Some("2x3".parse().unwrap());
        let pictures = samples(&source, form, (0.0, 35.0)).unwrap();
        assert_eq!((pictures.width, pictures.height), ((3 * 4 + 1) * 4, (2 * 3 + 1) * 4));
    }

    #[test]
    fn rows_are_squares_where_neighbours_are_alike() {
        let wave = |i: usize| (((i % 81 / 9) * (i / 81 % 5) + (i % 9) * (i / 81 % 7)) as f32 * 0.1).sin();
        let (form, why) = usual_form(&Source::rows((0..200 * 81).map(wave), 81).unwrap()).unwrap();
        assert_eq!((form, why), (Some("9x9".parse().unwrap()), None));
        let (form, why) = usual_form(&Source::rows((0..200 * 80).map(wave), 80).unwrap()).unwrap();
        assert_eq!((form, why), (None, None));
        // The same numbers in another order.
        let mixed = (0..200 * 81).map(|i| wave(i / 81 * 81 + i % 81 * 37 % 81));
        let (form, why) = usual_form(&Source::rows(mixed, 81).unwrap()).unwrap();
        assert!(form.is_none() && why.unwrap().contains("81 numbers do not look like pictures"));
    }
}
