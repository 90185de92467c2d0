//! Whether rows whose length is a square are pictures: neighbouring pixels are alike, in both directions, and more than any two
//! pixels are. Columns of a table have no neighbours, those of a series have them in one direction only.

use serde::{Deserialize, Serialize};

/// Share of the unlikeness of any two columns (1 − correlation) that neighbours have at most. Of rows that are pictures 0.3 to
/// 0.7 was seen (8×8 digits, photographs, those less their means, and those whitened with ε 0.1), of tables, factors and noise
/// 0.8 and more.
const NEAR: f64 = 0.75;
/// How many times as unlike as neighbours the end of a line and the start of the next are at least: 1.5 and more in pictures, at
/// most 1 in series, whose lines go on.
const APART: f64 = 1.25;
/// Pairs of any two columns that are looked at, at most.
const PAIRS: usize = 4096;
/// Numbers of the rows that are looked at, at most, and rows.
const NUMBERS: usize = 1 << 18;
const ROWS: usize = 1000;
/// The inverse of the last digit that is kept: more digits would be those of the device.
const DIGITS: f64 = 1e3;

/// Mean correlations of columns, over examples, as if the columns were the pixels of a square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbours {
    /// Of pixels beside each other.
    pub across: f64,
    /// Of pixels below each other.
    pub down: f64,
    /// Of the last pixel of a line and the first of the next; `None` where these do not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<f64>,
    /// Of any two.
    pub any: f64,
}

impl Neighbours {
    /// How many rows of so many numbers are looked at: enough of them, spread over all.
    pub fn sample_rows(numbers: usize) -> usize {
        (NUMBERS / numbers.max(1)).clamp(2, ROWS)
    }

    /// Of rows `[m, side²]`. Columns that do not vary are passed over.
    pub fn of(rows: &[f32], side: usize) -> Self {
        let cols = side * side;
        let m = rows.len() / cols.max(1);
        if m < 2 || side < 3 {
            return Self::default();
        }
        let mut columns = vec![0.0; cols * m];
        for (number, row) in rows.chunks_exact(cols).enumerate() {
            for (col, &x) in row.iter().enumerate() {
                columns[col * m + number] = f64::from(x);
            }
        }
        let varies: Vec<bool> = columns.chunks_exact_mut(m).map(standardize).collect();
        let column = |col: usize| varies[col].then(|| &columns[col * m..][..m]);
        let alike = |(a, b): (usize, usize)| {
            let products = column(a)?.iter().zip(column(b)?).map(|(a, b)| a * b);
            Some(products.sum::<f64>() / m as f64)
        };
        let at = |y: usize, x: usize| y * side + x;
        let inner = || (0..side).flat_map(|y| (1..side).map(move |x| (y, x)));
        // By steps that have no period in common with the lines.
        let any = (0..PAIRS).map(|i| (i * 7919 % cols, (i * 7919 + 1 + i * 104_729 % (cols - 1)) % cols));
        Self {
            across: mean(inner().filter_map(|(y, x)| alike((at(y, x - 1), at(y, x))))).unwrap_or_default(),
            down: mean(inner().filter_map(|(x, y)| alike((at(y - 1, x), at(y, x))))).unwrap_or_default(),
            ends: mean((1..side).filter_map(|y| alike((at(y - 1, side - 1), at(y, 0))))),
            any: mean(any.filter_map(alike)).unwrap_or_default(),
        }
    }

    /// Whether they are those of pictures.
    pub fn are_of_pictures(&self) -> bool {
        let apart = APART * (1.0 - self.across.min(self.down));
        self.are_near() && self.ends.is_none_or(|ends| 1.0 - ends >= apart)
    }

    /// Whether neighbours are more alike than any two pixels.
    pub fn are_near(&self) -> bool {
        1.0 - self.across.min(self.down) <= NEAR * (1.0 - self.any)
    }
}

/// Brings a column to mean 0 and deviation 1, if it varies.
fn standardize(column: &mut [f64]) -> bool {
    let m = column.len() as f64;
    let mean = column.iter().sum::<f64>() / m;
    column.iter_mut().for_each(|x| *x -= mean);
    let deviation = (column.iter().map(|x| x * x).sum::<f64>() / m).sqrt();
    // Rounding of a constant is no variation.
    let varies = deviation.is_finite() && deviation > 1e-6 * mean.abs();
    if varies {
        column.iter_mut().for_each(|x| *x /= deviation);
    }
    varies
}

/// To so many digits as are kept; `None` of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), x| (sum + x, count + 1));
    (count > 0).then(|| (sum / count as f64 * DIGITS).round() / DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::Stream;

    const SIDE: usize = 8;

    /// 400 rows that `row` makes of random numbers in [−1, 1).
    fn rows(row: impl Fn(&mut dyn FnMut() -> f64) -> Vec<f64>) -> Vec<f32> {
        let mut stream = Stream::new(1, "neighbours");
        let mut draw = || 2.0 * stream.unit() - 1.0;
        (0..400).flat_map(|_| row(&mut draw)).map(|x| x as f32).collect()
    }

    /// Waves of any direction.
    fn picture(draw: &mut dyn FnMut() -> f64) -> Vec<f64> {
        let [a, b, phase, light] = [draw(), draw(), 3.0 * draw(), draw()];
        let pixel = |i: usize| ((i / SIDE) as f64 * a + (i % SIDE) as f64 * b + phase).sin() + light;
        (0..SIDE * SIDE).map(pixel).collect()
    }

    #[test]
    fn neighbours_in_pictures_are_alike_in_both_directions() {
        let of = Neighbours::of(&rows(picture), SIDE);
        assert!(of.are_of_pictures() && of.across > 0.7 && of.down > 0.7, "{of:?}");
        // The same with its pixels in another order.
        let mixed: Vec<f32> =
            rows(picture).chunks(64).flat_map(|row| (0..64).map(|i| row[i * 37 % 64])).collect();
        assert!(!Neighbours::of(&mixed, SIDE).are_of_pictures());
    }

    #[test]
    fn series_tables_factors_and_noise_are_no_pictures() {
        let walk = |draw: &mut dyn FnMut() -> f64| {
            let mut at = 0.0;
            let mut step = || {
                at += draw();
                at
            };
            (0..64).map(|_| step()).collect()
        };
        let noise = |draw: &mut dyn FnMut() -> f64| (0..64).map(|_| draw()).collect();
        let factor = |draw: &mut dyn FnMut() -> f64| {
            let common = draw();
            (0..64).map(|_| common + 0.7 * draw()).collect()
        };
        let sines = |draw: &mut dyn FnMut() -> f64| {
            let (rate, phase) = (0.11 + 0.09 * draw(), 3.0 * draw());
            (0..64).map(|i| (f64::from(i) * rate + phase).sin()).collect()
        };
        let pairs = |draw: &mut dyn FnMut() -> f64| (0..32).flat_map(|_| [draw(); 2]).collect();
        type Row = fn(&mut dyn FnMut() -> f64) -> Vec<f64>;
        let kinds: [(&str, Row); 5] =
            [("walk", walk), ("noise", noise), ("factor", factor), ("sines", sines), ("pairs", pairs)];
        for (name, row) in kinds {
            let of = Neighbours::of(&rows(row), SIDE);
            assert!(!of.are_of_pictures(), "{name}: {of:?}");
        }
    }

    #[test]
    fn rows_that_do_not_vary_tell_nothing() {
        assert_eq!(Neighbours::of(&[0.3; 64 * 5], SIDE), Neighbours::default());
        assert_eq!(Neighbours::of(&[], SIDE), Neighbours::default());
        assert_eq!(Neighbours::of(&[1.0, 2.0, 3.0, 4.0], 2), Neighbours::default());
        assert_eq!(Neighbours::of(&[f32::NAN; 64 * 5], SIDE), Neighbours::default());
        assert!(!Neighbours::default().are_of_pictures());
    }
}
