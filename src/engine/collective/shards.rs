//! Virtual shards: how hidden units are dealt out, whatever the number of ranks.
//!
//! All that is computed from units is computed shard by shard, and sums over units are a tree over shards: bits depend on
//! the number of shards alone. The units that the number of shards does not divide go one each to some of the shards. So
//! no unit is there that the model does not have, none has to be left out of ρ̂, J or an update, and the largest shard is
//! as large as it would be with units of padding.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::math::params::{Params, Real, Shape};

/// Hidden units in V shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards {
    hidden: usize,
    count: usize,
}

impl Shards {
    /// `hidden` units in `count` shards.
    ///
    /// # Errors
    /// [`Error::Usage`] where a shard would be empty.
    pub fn new(hidden: usize, count: usize) -> Result<Self> {
        if count == 0 || hidden < count {
            return Err(Error::usage(format!(
                "`hidden` {hidden} in {count} shards: each shard needs a unit; ask for 1 to {hidden} shards"
            )));
        }
        Ok(Self { hidden, count })
    }

    /// V.
    pub fn count(self) -> usize {
        self.count
    }

    /// The units of a shard; they differ by one unit at most.
    pub fn units(self, shard: usize) -> Range<usize> {
        let first = |shard: usize| (shard as u128 * self.hidden as u128 / self.count as u128) as usize;
        first(shard)..first(shard + 1)
    }

    /// The units of neighbouring shards.
    pub fn units_of(self, shards: &Range<usize>) -> Range<usize> {
        self.units(shards.start).start..self.units(shards.end - 1).end
    }

    /// Units of the largest shard, by whose shape work is cut.
    pub fn widest(self) -> usize {
        self.hidden.div_ceil(self.count)
    }
}

/// The parameters of some of the units, and b2.
pub fn of_units<T: Real>(params: &Params<T>, units: &Range<usize>) -> Params<T> {
    let n = params.shape.visible;
    let rows = units.start * n..units.end * n;
    Params {
        shape: Shape { visible: n, hidden: units.len() },
        w1: params.w1[rows.clone()].to_vec(),
        b1: params.b1[units.clone()].to_vec(),
        d: params.d[rows].to_vec(),
        b2: params.b2.clone(),
    }
}

/// Puts the parameters of neighbouring units together; b2 is that of the first part.
pub fn join<T: Real>(parts: &[Params<T>]) -> Params<T> {
    let visible = parts.first().map_or(0, |part| part.shape.visible);
    let all = |of: fn(&Params<T>) -> &[T]| parts.iter().flat_map(|part| of(part).iter().copied()).collect();
    Params {
        shape: Shape { visible, hidden: parts.iter().map(|part| part.shape.hidden).sum() },
        w1: all(|part| &part.w1),
        b1: all(|part| &part.b1),
        d: all(|part| &part.d),
        b2: parts.first().map_or_else(Vec::new, |part| part.b2.clone()),
    }
}

/// The columns `units` of rows of `hidden` numbers.
pub fn columns<T: Copy>(rows: &[T], hidden: usize, units: Range<usize>) -> Vec<T> {
    rows.chunks_exact(hidden).flat_map(|row| row[units.clone()].iter().copied()).collect()
}

/// Rows `[count, h]` from the columns of parts, `[count, units]` one after the other, of which `units` tells how many each has.
pub fn join_columns<T: Real>(parts: &[T], units: &[usize], count: usize) -> Vec<T> {
    let hidden: usize = units.iter().sum();
    let mut rows = vec![T::default(); count * hidden];
    let (mut rest, mut first) = (parts, 0);
    for &units in units {
        let (part, others) = rest.split_at(count * units);
        for (row, part) in rows.chunks_exact_mut(hidden).zip(part.chunks_exact(units)) {
            row[first..first + units].copy_from_slice(part);
        }
        (rest, first) = (others, first + units);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_all_units_in_order_and_differ_by_one_at_most() {
        for (hidden, count) in [(1, 1), (8, 8), (9, 8), (15, 8), (1_000, 7), (1 << 20, 16)] {
            let shards = Shards::new(hidden, count).unwrap();
            let all: Vec<_> = (0..count).map(|shard| shards.units(shard)).collect();
            assert_eq!((all[0].start, all[count - 1].end), (0, hidden));
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            let widest = shards.widest();
            assert!(all.iter().all(|units| units.len() == widest || units.len() + 1 == widest));
            assert_eq!(shards.units_of(&(0..count)), 0..hidden);
        }
    }

    #[test]
    fn no_shard_is_empty() {
        for (hidden, count) in [(7, 8), (0, 1), (5, 0)] {
            assert!(matches!(Shards::new(hidden, count), Err(Error::Usage(_))), "{hidden}, {count}");
        }
        let text = Shards::new(7, 8).unwrap_err().to_string();
        assert!(text.ends_with("ask for 1 to 7 shards"), "{text}");
    }

    #[test]
    fn parts_of_parameters_and_columns_are_put_together_again() {
        let shards = Shards::new(11, 4).unwrap();
        let params = Params::random(Shape { visible: 3, hidden: 11 }, 5);
        let parts: Vec<_> = (0..4).map(|shard| of_units(&params, &shards.units(shard))).collect();
        assert_eq!(join(&parts), params);
        let rows: Vec<f32> = (0..2 * 11).map(|i| i as f32).collect();
        let cut: Vec<_> = (0..4).map(|shard| columns(&rows, 11, shards.units(shard))).collect();
        let units: Vec<_> = (0..4).map(|shard| shards.units(shard).len()).collect();
        assert_eq!(join_columns(&cut.concat(), &units, 2), rows);
    }
}
