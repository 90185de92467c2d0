//! Square patches of pictures, drawn at random for training. A patch is one row `[patch, patch, channels]`.

use std::sync::Arc;

use super::picture::PictureInfo;
use super::pictures::Pictures;
use super::prepared_images::{Kept, PreparedImages};
use super::recipe::DataRecipe;
use super::sample::RowSample;
use crate::error::{Error, Result};
use crate::io::memory::Bytes;
use crate::math::random::Stream;

/// Bytes that are kept of each patch while patches are drawn, besides its numbers: its position, its place in the order of
/// positions, and the number of its picture where no other patch is of that.
pub const BYTES_OF_DRAW: u64 = 24;

/// Draws patches for training, each with the same chance for every position in every picture; pictures that are one patch
/// each are taken once at most, unless the recipe draws them with replacement. `[drawn, n]`.
pub fn random(
    pictures: &Arc<Pictures>,
    recipe: &DataRecipe,
    channels: usize,
    memory: Option<Bytes>,
) -> Result<Vec<f64>> {
    let patch = recipe.patch;
    let is_whole = |&(side, _): &(usize, usize)| side == patch && !recipe.replacement;
    let whole = pictures.squares().filter(is_whole).map(|(_, count)| count);
    let samples = whole.map_or(recipe.samples, |count| recipe.samples.min(count));
    let cols = channels * patch * patch;
    let mut rows = zeros(samples, cols)?;
    let positions = Positions::of(pictures.list(), patch);
    let drawn: Vec<u64> = if let Some(count) = whole {
        RowSample { rows: samples, seed: recipe.seed }.of(count).map(|number| number as u64).collect()
    } else {
        let mut stream = Stream::new(recipe.seed, recipe.purpose);
        (0..samples).map(|_| stream.below(positions.count)).collect()
    };
    // Picture by picture, so that each is decoded once.
    let mut order: Vec<usize> = (0..samples).collect();
    order.sort_unstable_by_key(|&sample| drawn[sample]);
    let pictures_of = order.iter().map(|&sample| positions.picture(drawn[sample]));
    let wanted = distinct(pictures_of, samples.min(pictures.list().len()));
    let mut images = PreparedImages::new(
        Arc::clone(pictures),
        (patch, channels),
        (recipe.whiten, Kept::AsMade),
        memory,
        wanted,
    )?;
    for sample in order {
        let (picture, place) = positions.place(drawn[sample]);
        images.cut(picture, place, &mut rows[sample * cols..(sample + 1) * cols])?;
    }
    Ok(rows)
}

/// Each of ascending numbers once, of which there are at most `most`: no more memory is taken, however often one comes.
fn distinct(ascending: impl Iterator<Item = usize>, most: usize) -> Vec<usize> {
    let mut once = Vec::with_capacity(most);
    for number in ascending {
        if once.last() != Some(&number) {
            once.push(number);
        }
    }
    once
}

/// All positions of a patch, numbered through the pictures, row by row in each.
struct Positions {
    /// The number of the first in each picture, and how many there are in a row of it.
    pictures: Vec<(u64, u64)>,
    count: u64,
}

impl Positions {
    fn of(list: &[PictureInfo], patch: usize) -> Self {
        let mut count = 0;
        let start = |picture: &PictureInfo| {
            let (first, across) = (count, (picture.width - patch + 1) as u64);
            count += across * (picture.height - patch + 1) as u64;
            (first, across)
        };
        Self { pictures: list.iter().map(start).collect(), count }
    }

    fn picture(&self, position: u64) -> usize {
        self.pictures.partition_point(|&(first, _)| first <= position) - 1
    }

    /// The picture, and the first pixel of the patch in it.
    fn place(&self, position: u64) -> (usize, (usize, usize)) {
        let picture = self.picture(position);
        let (first, across) = self.pictures[picture];
        let within = position - first;
        (picture, ((within % across) as usize, (within / across) as usize))
    }
}

/// `rows` × `cols` zeros; fails where `--samples` asks for more than there is.
fn zeros(rows: usize, cols: usize) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    let count = rows.checked_mul(cols).filter(|&count| values.try_reserve_exact(count).is_ok());
    let Some(count) = count else {
        let gib = rows as f64 * cols as f64 * 8.0 / f64::from(1 << 30);
        return Err(Error::usage(format!(
            "`samples` {rows}: patches of {cols} numbers need {gib:.0} GiB; lower `samples`"
        )));
    };
    values.resize(count, 0.0);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_draws_of_few_pictures_take_no_more_memory_than_the_pictures_ask_for() {
        let once = distinct((0..100_000).map(|draw| draw / 30_000), 4);
        assert_eq!((once.as_slice(), once.capacity()), (&[0, 1, 2, 3][..], 4));
    }
}
