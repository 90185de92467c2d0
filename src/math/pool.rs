//! Mean pooling: the activations of the hidden units at every position of a picture become their means over regions of
//! positions, P×P each and side by side.
//!
//! Index legend: y, x a position; u, v a region, down and across; j a hidden unit; P the side of a region.
//!
//! ```text
//! pooled[j, u, v] = 1/P² Σ a[y, x, j]     over uP ≤ y < (u+1)P, vP ≤ x < (v+1)P
//! ```
//!
//! Positions beyond the last whole region, at the right and at the bottom, are left out. Sums are taken in f64,
//! position by position in the order of a picture, so that no bit depends on the pieces in which activations come, nor
//! on threads.

use std::ops::Range;

use crate::io::threads;

/// Cells of sums that a thread takes at a time.
const CELLS: usize = 8;

/// Positions, or regions of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many down.
    pub down: usize,
    /// How many across.
    pub across: usize,
}

impl Extent {
    /// All of them; `None` for more than can be counted.
    pub fn count(self) -> Option<usize> {
        self.down.checked_mul(self.across)
    }
}

/// Pools activations `[positions, h]` that come piece by piece, picture after picture.
#[derive(Clone, Debug)]
pub struct Pooling {
    /// Positions of a picture.
    positions: Extent,
    /// Its regions.
    regions: Extent,
    /// P.
    side: usize,
    /// h.
    hidden: usize,
    /// Positions that have been taken, of all pictures.
    taken: usize,
    /// Sums `[across, h]` of the row of regions that is under way.
    open: Vec<f64>,
    /// The memory of sums `[bands, across, h]` of a piece.
    sums: Vec<f64>,
    /// Features `[h, down, across]` of the picture that is under way.
    features: Vec<f32>,
}

impl Pooling {
    /// Regions of `side`×`side` positions, of which a picture has `positions`, and `hidden` units.
    ///
    /// # Panics
    /// If not one region fits, or a picture has more features than can be counted.
    pub fn new(positions: Extent, side: usize, hidden: usize) -> Self {
        let regions = regions(positions, side);
        let count = regions.count().and_then(|count| count.checked_mul(hidden));
        let count = count.unwrap_or_default();
        assert!(count > 0, "one region or more, and as many features as can be counted");
        let open = vec![0.0; regions.across * hidden];
        Self {
            positions,
            regions,
            side,
            hidden,
            taken: 0,
            open,
            sums: Vec::new(),
            features: vec![0.0; count],
        }
    }

    /// The regions of a picture.
    pub fn regions(&self) -> Extent {
        self.regions
    }

    /// Numbers of a picture's features.
    pub fn features(&self) -> usize {
        self.features.len()
    }

    /// Takes the activations `[rows, h]` of the next positions, and hands out the features `[pictures, h, down,
    /// across]` of the pictures that are complete with them.
    pub fn add(&mut self, codes: &[f32]) -> Vec<f32> {
        let (rows, h) = (codes.len() / self.hidden, self.hidden);
        let range = self.taken..self.taken + rows;
        self.taken = range.end;
        let line = self.regions.across * h;
        // Rows of regions, counted through all pictures; those of left-out positions belong to the one before them.
        let bands = self.band(range.start)..self.band(range.end.max(range.start + 1) - 1) + 1;
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        sums.resize(bands.len() * line, 0.0);
        sums[..line].copy_from_slice(&self.open);
        threads::for_each_chunk(&mut sums, h, CELLS, |cell, sums| {
            let (band, v) = (bands.start + cell / self.regions.across, cell % self.regions.across);
            self.positions_of(band, v, &range, |rows| {
                for code in
                    codes[(rows.start - range.start) * h..(rows.end - range.start) * h].chunks_exact(h)
                {
                    sums.iter_mut().zip(code).for_each(|(sum, &a)| *sum += f64::from(a));
                }
            });
        });
        let mut complete = Vec::new();
        for (band, sums) in bands.zip(sums.chunks_exact(line)) {
            if self.end_of(band) <= range.end {
                self.close(band, sums, &mut complete);
                self.open.fill(0.0);
            } else {
                self.open.copy_from_slice(sums);
            }
        }
        self.sums = sums;
        complete
    }

    /// The row of regions that a position, counted through all pictures, belongs to.
    fn band(&self, position: usize) -> usize {
        let of_picture = self.positions.down * self.positions.across;
        let y = position % of_picture / self.positions.across;
        position / of_picture * self.regions.down + (y / self.side).min(self.regions.down - 1)
    }

    /// The position behind the last one of a row of regions; the last row of a picture ends with it.
    fn end_of(&self, band: usize) -> usize {
        let of_picture = self.positions.down * self.positions.across;
        let (picture, u) = (band / self.regions.down, band % self.regions.down);
        let is_last = u + 1 == self.regions.down;
        let within = if is_last { of_picture } else { (u + 1) * self.side * self.positions.across };
        picture * of_picture + within
    }

    /// Hands out the positions of a region that lie in `range`, as neighbours.
    fn positions_of(&self, band: usize, v: usize, range: &Range<usize>, mut each: impl FnMut(Range<usize>)) {
        let (picture, u) = (band / self.regions.down, band % self.regions.down);
        let start = picture * self.positions.down * self.positions.across;
        for y in u * self.side..(u + 1) * self.side {
            let first = start + y * self.positions.across + v * self.side;
            let rows = first.max(range.start)..(first + self.side).min(range.end);
            if !rows.is_empty() {
                each(rows);
            }
        }
    }

    /// Takes the means of a row of regions into the picture's features, which go out with the last of its rows.
    fn close(&mut self, band: usize, sums: &[f64], complete: &mut Vec<f32>) {
        let (u, Extent { down, across }) = (band % self.regions.down, self.regions);
        let count = (self.side * self.side) as f64;
        for (v, sums) in sums.chunks_exact(self.hidden).enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                self.features[(j * down + u) * across + v] = (sum / count) as f32;
            }
        }
        if u + 1 == down {
            complete.extend_from_slice(&self.features);
        }
    }
}

/// The whole regions of `side`×`side` positions, side by side.
pub fn regions(positions: Extent, side: usize) -> Extent {
    let whole = |count: usize| count.checked_div(side).unwrap_or_default();
    Extent { down: whole(positions.down), across: whole(positions.across) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The formula as it stands, of `[pictures, down, across, h]`.
    fn plainly(codes: &[f32], positions: Extent, side: usize, hidden: usize) -> Vec<f32> {
        let (regions, mut pooled) = (regions(positions, side), Vec::new());
        for picture in codes.chunks_exact(positions.down * positions.across * hidden) {
            for j in 0..hidden {
                for (u, v) in (0..regions.down).flat_map(|u| (0..regions.across).map(move |v| (u, v))) {
                    let mut sum = 0.0;
                    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
                        let position = (u * side + y) * positions.across + v * side + x;
                        sum += f64::from(picture[position * hidden + j]);
                    }
                    pooled.push((sum / (side * side) as f64) as f32);
                }
            }
        }
        pooled
    }

    proptest! {
        #[test]
        fn pooled_features_are_means_of_regions_however_activations_come(
            down in 1_usize..12, across in 1_usize..12, side in 1_usize..6, hidden in 1_usize..5,
            pictures in 1_usize..5, pieces in prop::collection::vec(1_usize..60, 1..8), seed in 0_u64..1000,
        ) {
            prop_assume!(side <= down.min(across));
            let positions = Extent { down, across };
            let mut stream = crate::math::random::Stream::new(seed, "pool");
            let count = pictures * down * across;
            let codes: Vec<f32> =
                (0..count * hidden).map(|_| stream.below(1 << 20) as f32 / 1048576.0).collect();
            let mut pooling = Pooling::new(positions, side, hidden);
            let (mut found, mut rest, mut sizes) = (Vec::new(), &codes[..], pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, others) = rest.split_at((sizes.next().unwrap() * hidden).min(rest.len()));
                let complete = pooling.add(piece);
                prop_assert!(complete.len().is_multiple_of(pooling.features()));
                found.extend(complete);
                rest = others;
            }
            prop_assert_eq!(pooling.regions(), Extent { down: down / side, across: across / side });
            prop_assert_eq!(found, plainly(&codes, positions, side, hidden));
        }
    }
}
