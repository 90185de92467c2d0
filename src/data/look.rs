//! A first look at DATA before anything is learned from them: range, mean and spread, numbers that are none, columns and examples
//! that do not vary, exact duplicates; in one pass, and nothing is held but sums and a hash an example.

use std::collections::HashSet;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::dtype::Endian;
use super::source::{Opened, Source};
use crate::error::Result;

/// Columns that are named at most.
const NAMED: usize = 20;

/// Facts about all examples, rows or pictures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DataLook {
    /// Rows or pictures.
    pub examples: usize,
    /// Numbers of all of them.
    pub numbers: u64,
    /// The smallest that is finite; `None` where none is.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Mean of all that are finite.
    pub mean: Option<f64>,
    /// Their standard deviation.
    pub deviation: Option<f64>,
    /// Numbers that are NaN.
    pub nan: u64,
    /// Numbers that are infinite, or become so in 32 bits.
    pub infinite: u64,
    /// Example and column, counted from 0, of the first of both.
    pub first_bad: Option<(usize, usize)>,
    /// Whether all numbers are whole.
    pub whole: bool,
    /// Numbers that are 0.
    pub zeros: u64,
    /// Columns of rows that have one value alone; `None` of pictures.
    pub constant_columns: Option<usize>,
    /// The first of them.
    pub constant: Vec<usize>,
    /// Examples all of whose numbers are the same.
    pub flat: usize,
    /// Examples that an earlier one equals, number by number.
    pub duplicates: usize,
}

/// Sums so far.
struct Sums {
    look: DataLook,
    /// Taken from every number before squares are summed up.
    origin: Option<f64>,
    sum: f64,
    squares: f64,
    /// The value of each column that has had no other; `None` for one that has.
    columns: Option<Vec<Option<f64>>>,
    seen: HashSet<u128>,
}

impl DataLook {
    /// Looks at all examples; `told` hears how many are done.
    ///
    /// # Errors
    /// Files that cannot be read. Numbers that are none are counted where rows lie on disk; elsewhere their reader refuses them.
    pub fn of(opened: &Opened, told: &mut dyn FnMut(usize)) -> Result<Self> {
        let mut sums = match &opened.source {
            Source::Images(_) => Sums::new(None),
            Source::Rows(table) => Sums::new(Some(table.cols)),
            Source::Stored(store) => Sums::new(Some(store.cols)),
        };
        match &opened.source {
            Source::Images(pictures) => {
                for number in 0..pictures.list().len() {
                    let picture = pictures.read(number)?;
                    let size = [picture.width, picture.height, picture.channels];
                    let numbers: Vec<f64> = picture.pixels.iter().map(|&x| x.into()).collect();
                    sums.add(&numbers, &size);
                    told(number + 1);
                }
            }
            Source::Rows(table) => {
                for (number, row) in table.values.chunks_exact(table.cols).enumerate() {
                    sums.add(row, &[]);
                    told(number + 1);
                }
            }
            Source::Stored(store) => {
                let mut bytes = Vec::new();
                for rows in store.pieces() {
                    bytes.clear();
                    store.read(rows.start, rows.len(), &mut bytes)?;
                    let values = store.dtype.decode(&bytes, Endian::Little);
                    values.chunks_exact(store.cols).for_each(|row| sums.add(row, &[]));
                    told(rows.end);
                }
            }
        }
        Ok(sums.finish())
    }
}

impl Sums {
    fn new(cols: Option<usize>) -> Self {
        let look = DataLook { whole: true, ..DataLook::default() };
        let columns = cols.map(|cols| vec![None; cols]);
        Self { look, origin: None, sum: 0.0, squares: 0.0, columns, seen: HashSet::new() }
    }

    /// Takes an example; `size` tells pictures of other sizes with the same numbers apart.
    fn add(&mut self, numbers: &[f64], size: &[usize]) {
        let example = self.look.examples;
        for (column, &x) in numbers.iter().enumerate() {
            if !(x as f32).is_finite() {
                let count = if x.is_nan() { &mut self.look.nan } else { &mut self.look.infinite };
                *count += 1;
                self.look.first_bad.get_or_insert((example, column));
                continue;
            }
            let away = x - *self.origin.get_or_insert(x);
            self.sum += away;
            self.squares += away * away;
            self.look.min = Some(self.look.min.map_or(x, |min| min.min(x)));
            self.look.max = Some(self.look.max.map_or(x, |max| max.max(x)));
            self.look.whole &= x.fract() == 0.0;
            self.look.zeros += u64::from(x == 0.0);
        }
        if let Some(columns) = &mut self.columns {
            for (known, &x) in columns.iter_mut().zip(numbers) {
                match known {
                    None if example == 0 => *known = Some(x),
                    Some(value) if *value != x => *known = None,
                    _ => {}
                }
            }
        }
        self.look.examples += 1;
        self.look.numbers += numbers.len() as u64;
        self.look.flat += usize::from(numbers.iter().all(|x| *x == numbers[0]));
        let sizes = size.iter().flat_map(|&length| (length as u64).to_le_bytes());
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_bits().to_le_bytes()).chain(sizes).collect();
        self.look.duplicates += usize::from(!self.seen.insert(xxh3_128(&bytes)));
    }

    fn finish(self) -> DataLook {
        let mut look = self.look;
        let finite = (look.numbers - look.nan - look.infinite) as f64;
        if let Some(origin) = self.origin {
            let away = self.sum / finite;
            look.mean = Some(origin + away);
            look.deviation = Some((self.squares / finite - away * away).max(0.0).sqrt());
        }
        look.whole &= self.origin.is_some();
        if let Some(columns) = self.columns {
            let constant =
                || columns.iter().enumerate().filter(|(_, value)| value.is_some()).map(|(column, _)| column);
            look.constant_columns = Some(constant().count());
            look.constant = constant().take(NAMED).collect();
        }
        look
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dtype::DType;
    use crate::data::table::Table;

    fn look(values: Vec<f64>, cols: usize) -> DataLook {
        let table = Table { rows: values.len() / cols, cols, dtype: DType::F64, values };
        DataLook::of(&table.into(), &mut |_| {}).unwrap()
    }

    #[test]
    fn range_mean_and_spread_are_those_of_all_numbers() {
        let found = look(vec![1.0, 2.0, 3.0, 4.0], 2);
        assert_eq!((found.min, found.max, found.mean), (Some(1.0), Some(4.0), Some(2.5)));
        assert_eq!((found.deviation, found.whole, found.zeros), (Some(1.25_f64.sqrt()), true, 0));
        assert_eq!((found.examples, found.numbers), (2, 4));
    }

    #[test]
    fn numbers_that_are_none_are_counted_and_do_not_spoil_the_rest() {
        let found = look(vec![f64::NAN, 2.0, f64::INFINITY, 1e39, 0.5, f64::NAN], 3);
        assert_eq!((found.nan, found.infinite, found.first_bad), (2, 2, Some((0, 0))));
        assert_eq!(
            (found.min, found.max, found.mean, found.whole),
            (Some(0.5), Some(2.0), Some(1.25), false)
        );
        let none = look(vec![f64::NAN; 4], 2);
        assert_eq!((none.min, none.mean, none.deviation, none.whole), (None, None, None, false));
    }

    #[test]
    fn columns_and_examples_that_do_not_vary_and_repeated_ones_are_found() {
        let found = look(vec![7.0, 7.0, 7.0, 1.0, 7.0, 3.0, 7.0, 7.0, 7.0], 3);
        assert_eq!((found.constant_columns, found.constant.as_slice()), (Some(1), &[1][..]));
        assert_eq!((found.flat, found.duplicates), (2, 1));
        // A column that comes back to its first value varies all the same.
        assert_eq!(look(vec![1.0, 2.0, 1.0], 1).constant_columns, Some(0));
    }
}
