//! A subset of the rows or pictures of a source, in their order: all, the first, those of a list, or all but those. A list holds
//! whichever are fewer, the taken or the others, so that a subset of any size takes at most half a number of 32 bits a row.

use std::ops::Range;

use super::sample::RowSample;
use crate::error::{Error, Result};
use crate::io::text::there_are;

/// Some of the items of a source, which are numbered anew from 0 in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The first ones.
    First(usize),
    /// Those of a list.
    Listed(Sorted),
    /// Of the first `of` all but those of a list.
    AllBut { of: usize, out: Sorted },
}

/// Ascending numbers, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sorted {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Sorted {
    /// For `count` numbers below `end`.
    fn with_capacity(count: usize, end: usize) -> Self {
        match u32::try_from(end) {
            Ok(_) => Self::Narrow(Vec::with_capacity(count)),
            Err(_) => Self::Wide(Vec::with_capacity(count)),
        }
    }

    fn push(&mut self, number: usize) {
        match self {
            Self::Narrow(list) => list.push(number as u32),
            Self::Wide(list) => list.push(number as u64),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Narrow(list) => list.len(),
            Self::Wide(list) => list.len(),
        }
    }

    fn at(&self, place: usize) -> usize {
        match self {
            Self::Narrow(list) => list[place] as usize,
            Self::Wide(list) => list[place] as usize,
        }
    }

    /// How many places from the first on `holds` is true of, which tells them from all others.
    fn partition(&self, holds: impl Fn(usize, usize) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(middle, self.at(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Subset {
    /// The first `count` items.
    pub fn first(count: usize) -> Self {
        Self(Kind::First(count))
    }

    /// `count` of `all` items by ascending runs of neighbours, none of them empty.
    pub fn of_runs(runs: impl Iterator<Item = Range<usize>>, count: usize, all: usize) -> Self {
        let takes_fewer = count <= all - count;
        let mut list = Sorted::with_capacity(count.min(all - count), all);
        let mut end = 0;
        for run in runs {
            let numbers = if takes_fewer { run.clone() } else { end..run.start };
            numbers.for_each(|number| list.push(number));
            end = run.end;
        }
        match (takes_fewer, end == count) {
            (_, true) => Self::first(count),
            (true, _) => Self(Kind::Listed(list)),
            // Those behind the last one are left out without a list.
            (false, _) => Self(Kind::AllBut { of: end, out: list }),
        }
    }

    /// The items of `sample`, out of `all`.
    fn of_sample(sample: RowSample, all: usize) -> Self {
        Self::of_runs(sample.taken(all).map(|row| row..row + 1), sample.rows.min(all), all)
    }

    /// `count` of `all` items by ascending numbers, and all others before them.
    pub fn parted(numbers: impl Iterator<Item = usize> + Clone, count: usize, all: usize) -> [Self; 2] {
        let mut start = 0;
        let gaps = numbers.clone().chain(std::iter::once(all)).map(move |number| {
            let gap = start..number;
            start = number + 1;
            gap
        });
        let others = Self::of_runs(gaps.filter(|gap| !gap.is_empty()), all - count, all);
        [others, Self::of_runs(numbers.map(|number| number..number + 1), count, all)]
    }

    /// Bytes that the list of a subset of `count` of `all` items takes.
    pub fn bytes(count: usize, all: usize) -> u64 {
        let size = if u32::try_from(all).is_ok() { size_of::<u32>() } else { size_of::<u64>() };
        count.min(all.saturating_sub(count)) as u64 * size as u64
    }

    /// Bytes of the list that this one holds.
    pub fn list_bytes(&self) -> u64 {
        match &self.0 {
            Kind::First(_) => 0,
            Kind::Listed(Sorted::Narrow(list)) | Kind::AllBut { out: Sorted::Narrow(list), .. } => {
                size_of_val(&list[..]) as u64
            }
            Kind::Listed(Sorted::Wide(list)) | Kind::AllBut { out: Sorted::Wide(list), .. } => {
                size_of_val(&list[..]) as u64
            }
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::First(count) => *count,
            Kind::Listed(list) => list.len(),
            Kind::AllBut { of, out } => of - out.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more than the last number in the source; 0 where there are none.
    pub fn end(&self) -> usize {
        self.len().checked_sub(1).map_or(0, |last| self.number(last) + 1)
    }

    /// The number in the source of item `at`.
    pub fn number(&self, at: usize) -> usize {
        match &self.0 {
            Kind::First(_) => at,
            Kind::Listed(list) => list.at(at),
            // Of those that are left out, as many come before as have at most `at` others before them.
            Kind::AllBut { out, .. } => at + out.partition(|place, number| number - place <= at),
        }
    }

    /// Neighbouring items as runs of numbers that are neighbours in the source.
    pub fn runs(&self, items: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut at = items.start;
        std::iter::from_fn(move || {
            (at < items.end).then(|| {
                let first = self.number(at);
                let length = self.neighbours(at, items.end - at);
                at += length;
                first..first + length
            })
        })
    }

    /// How many items from `at` on, `most` at most, are neighbours in the source.
    fn neighbours(&self, at: usize, most: usize) -> usize {
        match &self.0 {
            Kind::First(_) => most,
            Kind::Listed(list) => {
                let first = list.at(at);
                (1..most).find(|&more| list.at(at + more) != first + more).unwrap_or(most)
            }
            Kind::AllBut { out, .. } => {
                let before = out.partition(|place, number| number - place <= at);
                let next = if before < out.len() { out.at(before) - before } else { usize::MAX };
                most.min(next - at)
            }
        }
    }

    /// The items of `inner` among those of this subset of `all` items, as a subset of these.
    #[must_use]
    pub fn then(&self, inner: &Self, all: usize) -> Self {
        let runs = inner.runs(0..inner.len()).flat_map(|run| self.runs(run));
        // A run may end where the next one begins.
        let mut runs = runs.peekable();
        let joined = std::iter::from_fn(move || {
            let mut run = runs.next()?;
            while let Some(next) = runs.next_if(|next| next.start == run.end) {
                run.end = next.end;
            }
            Some(run)
        });
        Self::of_runs(joined, inner.len(), all)
    }
}

/// The items of a source that a user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// So many, drawn by a seed.
    pub drawn: Option<RowSample>,
    /// So many from the first on.
    pub first: Option<usize>,
}

impl Taken {
    /// `take` items, drawn by `seed`, or the `first` ones.
    pub fn new(take: Option<usize>, first: Option<usize>, seed: u64) -> Self {
        Self { drawn: take.map(|rows| RowSample { rows, seed }), first }
    }

    /// The subset of `all` items, called `item`; `None` where all are taken.
    ///
    /// # Errors
    /// [`Error::Usage`] for both at once, for no item, and for more than there are.
    pub fn of(self, all: usize, item: &str) -> Result<Option<Subset>> {
        let (name, count) = match (self.drawn, self.first) {
            (None, None) => return Ok(None),
            (Some(sample), Some(first)) => {
                let both =
                    format!("`take` {} draws rows or pictures, `first` {first} takes the first", sample.rows);
                return Err(Error::usage(format!("{both}; give one of them")));
            }
            (Some(sample), None) => ("`take`", sample.rows),
            (None, Some(first)) => ("`first`", first),
        };
        if count == 0 || count > all {
            return Err(Error::usage(format!("{name} {count}: {}; give 1 to {all}", there_are(all, item))));
        }
        Ok(Some(match self.drawn {
            Some(sample) => Subset::of_sample(sample, all),
            None => Subset::first(count),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(subset: &Subset) -> Vec<usize> {
        (0..subset.len()).map(|at| subset.number(at)).collect()
    }

    fn of_list(list: &[usize], all: usize) -> Subset {
        Subset::of_runs(list.iter().map(|&row| row..row + 1), list.len(), all)
    }

    fn chosen(bits: &[bool]) -> Vec<usize> {
        (0..bits.len()).filter(|&row| bits[row]).collect()
    }

    proptest! {
        #[test]
        fn a_subset_has_the_numbers_that_it_was_made_of_by_itself_and_in_runs(
            bits in prop::collection::vec(any::<bool>(), 1..60),
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let list = chosen(&bits);
            let subset = of_list(&list, bits.len());
            prop_assert_eq!(numbers(&subset), list.clone());
            prop_assert_eq!(subset.end(), list.last().map_or(0, |last| last + 1));
            let mut cut = [cut.0.index(list.len() + 1), cut.1.index(list.len() + 1)];
            cut.sort_unstable();
            let runs: Vec<_> = subset.runs(cut[0]..cut[1]).collect();
            prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start), "{:?}", runs);
            prop_assert_eq!(runs.into_iter().flatten().collect::<Vec<_>>(), &list[cut[0]..cut[1]]);
        }

        #[test]
        fn a_subset_of_a_subset_has_the_numbers_of_both(
            outer in prop::collection::vec(any::<bool>(), 1..60),
            inner in prop::collection::vec(any::<bool>(), 60),
        ) {
            let (all, outer) = (outer.len(), chosen(&outer));
            let inner = chosen(&inner[..outer.len()]);
            let both = of_list(&outer, all).then(&of_list(&inner, outer.len()), all);
            let wanted: Vec<usize> = inner.iter().map(|&at| outer[at]).collect();
            prop_assert_eq!(numbers(&both), wanted);
        }

        #[test]
        fn drawn_items_and_the_others_are_all_of_them(bits in prop::collection::vec(any::<bool>(), 1..60)) {
            let drawn = chosen(&bits);
            let [others, these] = Subset::parted(drawn.iter().copied(), drawn.len(), bits.len());
            prop_assert_eq!(numbers(&these), drawn);
            let bits: Vec<bool> = bits.iter().map(|bit| !bit).collect();
            prop_assert_eq!(numbers(&others), chosen(&bits));
        }
    }

    #[test]
    fn a_list_holds_whichever_are_fewer() {
        let bytes = Subset::list_bytes;
        let all: Vec<usize> = (0..100).filter(|row| row % 10 != 3).collect();
        let few: Vec<usize> = (0..100).filter(|row| row % 10 == 3).collect();
        assert_eq!((bytes(&of_list(&all, 100)), bytes(&of_list(&few, 100))), (40, 40));
        assert_eq!(bytes(&of_list(&(0..70).collect::<Vec<_>>(), 100)), 0);
        assert_eq!([90, 10, 100].map(|count| Subset::bytes(count, 100)), [40, 40, 0]);
        assert_eq!(Subset::bytes(3, 1 << 33), 24);
    }

    #[test]
    fn more_items_than_there_are_and_two_ways_of_taking_are_refused() {
        let taken = |take, first| Taken::new(take, first, 1).of(10, "row");
        assert_eq!(taken(None, None).unwrap(), None);
        assert_eq!(taken(Some(4), None).unwrap().unwrap().len(), 4);
        assert_eq!(numbers(&taken(None, Some(3)).unwrap().unwrap()), [0, 1, 2]);
        for (take, first, words) in [
            (Some(11), None, "`take` 11: there are 10 rows; give 1 to 10"),
            (None, Some(0), "`first` 0: there are 10 rows"),
            (Some(2), Some(2), "give one of them"),
        ] {
            let error = taken(take, first).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(words), "{error}");
        }
    }
}
