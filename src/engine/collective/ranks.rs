//! An engine's side of the exchange: its shards among those of all ranks, the two sums of a step, votes that ride on the
//! larger one, and errors that name rank and step.

use std::fmt;
use std::ops::Range;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use xxhash_rust::xxh3::Xxh3;

use super::{Collective, Summed, TreeSum};
use crate::error::{Error, Result};

/// Numbers behind the outputs of a sum that belong to votes: one for each [`Vote`], the step, and two halves of a hash.
pub const VOTES: usize = Vote::ALL.len() + 3;
/// Bits of a number that is compared by its sum over the ranks.
const COMPARED: u32 = 12;
/// Most ranks: sums of that many compared numbers are exact in f32.
const MOST: usize = 1 << (24 - COMPARED);

/// What a rank asks all of them for. Whoever decides by a clock, a signal or a disk has to ask: the others do not see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// To end after this step.
    Stop,
    /// To save after this step.
    Save,
    /// To end with an error in this very sum.
    Error,
}

impl Vote {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Stop, Self::Save, Self::Error];
}

/// How many ranks have asked for what in the last sum of outputs: the same on every rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally([usize; Vote::ALL.len()]);

impl Tally {
    /// How many have asked for `vote`.
    pub fn of(self, vote: Vote) -> usize {
        self.0[vote as usize]
    }
}

/// One rank's share of a sharded engine: V shards are dealt out in order, V/P neighbours to each of P ranks.
///
/// What the ranks hold alike is never sent to be compared. Each keeps a hash of all sums that it has been given, and adds
/// it to the next sum of outputs: a rank that was given another number, or is at another step, ends the run there.
pub struct Ranks {
    collective: Box<dyn Collective>,
    shards: usize,
    step: u64,
    asked: [bool; Vote::ALL.len()],
    tally: Tally,
    /// Of all sums so far.
    seen: Xxh3,
}

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { collective, shards, step, .. } = self;
        f.debug_struct("Ranks")
            .field("collective", collective)
            .field("shards", shards)
            .field("step", step)
            .finish()
    }
}

impl Ranks {
    /// V shards on the ranks of `collective`.
    ///
    /// # Errors
    /// [`Error::Usage`] where V is not P times a power of two: each rank needs a whole subtree of the sum ([`TreeSum`]).
    pub fn new(collective: Box<dyn Collective>, shards: usize) -> Result<Self> {
        Self::check(collective.size(), shards)?;
        Ok(Self {
            collective,
            shards,
            step: 0,
            asked: Default::default(),
            tally: Tally::default(),
            seen: Xxh3::new(),
        })
    }

    /// Whether so many ranks can share so many shards.
    ///
    /// # Errors
    /// As [`Ranks::new`].
    pub fn check(ranks: usize, shards: usize) -> Result<()> {
        if ranks > MOST {
            return Err(Error::usage(format!("{ranks} ranks: there can be {MOST}; ask for fewer")));
        }
        let share = shards / ranks;
        let is_whole = shards.is_multiple_of(ranks) && share > 0;
        if !(is_whole && (ranks == 1 || share.is_power_of_two())) {
            let above = ranks * (share + 1).next_power_of_two();
            let way_out = match share {
                0 => format!("{ranks}"),
                _ => format!("{} or {above}", ranks << share.ilog2()),
            };
            return Err(Error::usage(format!(
                "{shards} shards on {ranks} ranks: each rank takes 1, 2, 4, 8 or so on of them; ask for {way_out} shards, or \
                 for another number of ranks"
            )));
        }
        Ok(())
    }

    /// This rank.
    pub fn rank(&self) -> usize {
        self.collective.rank()
    }

    /// P.
    pub fn size(&self) -> usize {
        self.collective.size()
    }

    /// V.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// The shards of a rank.
    pub fn shards_of(&self, rank: usize) -> Range<usize> {
        let share = self.shards / self.size();
        rank * share..(rank + 1) * share
    }

    /// Those of this one.
    pub fn own_shards(&self) -> Range<usize> {
        self.shards_of(self.rank())
    }

    /// A step begins: an update, or an evaluation of a search.
    pub fn begin_step(&mut self) {
        self.step += 1;
    }

    /// Asks for something with the next sum of outputs.
    pub fn ask(&mut self, vote: Vote) {
        self.asked[vote as usize] = true;
    }

    /// What the ranks asked for in the last one.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// x ← Σ x over the ranks, but for the last [`VOTES`] numbers of x, which are this call's own.
    ///
    /// # Errors
    /// [`Error::Device`] that names rank and step: the exchange has failed, a rank has asked for an error, or the ranks do not
    /// hold the same sums.
    pub fn outputs<T: Summed>(&mut self, x: &mut [T]) -> Result<()> {
        let asked = std::mem::take(&mut self.asked);
        if self.size() == 1 {
            self.tally = Tally(asked.map(usize::from));
        } else {
            let (_, votes) = x.split_at_mut(x.len() - VOTES);
            let own = self.compared();
            let numbers = asked.map(f64::from).into_iter().chain(own);
            votes.iter_mut().zip(numbers).for_each(|(vote, number)| *vote = T::from_f64(number));
            let summed = T::sum(&mut *self.collective, x);
            self.ended(summed)?;
            let (outputs, votes) = x.split_at(x.len() - VOTES);
            let (asked, compared) = votes.split_at(Vote::ALL.len());
            self.tally = Tally(std::array::from_fn(|vote| asked[vote].to_f64() as usize));
            let ranks = self.size() as f64;
            if own.iter().zip(compared).any(|(own, sum)| ranks * own != sum.to_f64()) {
                let differ = "the ranks are at different steps or were given different sums: a bit has flipped, or they do \
                              not compute alike; go on from the last checkpoint";
                return self.ended(Err(Error::device(differ)));
            }
            self.seen.update(cast_slice(outputs));
        }
        if self.tally.of(Vote::Error) > 0 {
            return self.ended(Err(Error::device(format!(
                "{} of the ranks cannot go on",
                self.tally.of(Vote::Error)
            ))));
        }
        Ok(())
    }

    /// The step and the hash of what was seen, as numbers that a sum over all ranks keeps exactly.
    fn compared(&self) -> [f64; 3] {
        let (mask, seen) = ((1 << COMPARED) - 1, self.seen.digest());
        [self.step, seen, seen >> COMPARED].map(|bits| (bits & mask) as f64)
    }

    /// A few numbers of each own shard, in order, summed up over all shards.
    ///
    /// # Errors
    /// [`Error::Device`] that names rank and step.
    pub fn numbers(&mut self, parts: impl IntoIterator<Item = Vec<f64>>) -> Result<Vec<f64>> {
        let mut tree = TreeSum::default();
        parts.into_iter().for_each(|part| tree.push_numbers(part));
        let mut total = tree.total_numbers().unwrap_or_default();
        if self.size() > 1 && !total.is_empty() {
            let summed = self.collective.sum_f64(&mut total);
            self.ended(summed)?;
            self.seen.update(cast_slice(&total));
        }
        Ok(total)
    }

    /// The numbers of all ranks one after the other, `len` of them from each.
    ///
    /// # Errors
    /// [`Error::Device`] that names rank and step.
    pub fn all<T: Pod>(&mut self, own: &[T], len: impl Fn(usize) -> usize) -> Result<Vec<T>> {
        if self.size() == 1 {
            return Ok(own.to_vec());
        }
        let lengths: Vec<usize> = (0..self.size()).map(len).collect();
        let mut all = vec![T::zeroed(); lengths.iter().sum()];
        let mut rest = &mut all[..];
        let gathered = self.collective.to_first(cast_slice(own), &mut |rank, bytes| {
            let (part, others) = std::mem::take(&mut rest).split_at_mut(lengths[rank]);
            rest = others;
            let part: &mut [u8] = cast_slice_mut(part);
            if part.len() != bytes.len() {
                let (sent, wanted) = (bytes.len(), part.len());
                return Err(Error::device(format!(
                    "rank {rank} has sent {sent} bytes where {wanted} were wanted"
                )));
            }
            part.copy_from_slice(bytes);
            Ok(())
        });
        self.ended(gathered)?;
        let sent = self.collective.broadcast(cast_slice_mut(&mut all));
        self.ended(sent)?;
        Ok(all)
    }

    /// The result of work that this rank does by itself: where it has failed, the others are ended, too.
    ///
    /// # Errors
    /// Those of `result`.
    pub fn of_this_rank<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.collective.fail(&format!("step {}: {error}", self.step));
        }
        result
    }

    /// The result of an exchange: where it has failed, for all ranks.
    fn ended<T>(&mut self, result: Result<T>) -> Result<T> {
        let (rank, size, step) = (self.rank(), self.size(), self.step);
        self.of_this_rank(result)
            .map_err(|error| Error::device(format!("rank {rank} of {size}, step {step}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rank among so many, which has nobody to talk to.
    #[derive(Debug)]
    struct Among(usize);

    impl Collective for Among {
        fn rank(&self) -> usize {
            0
        }

        fn size(&self) -> usize {
            self.0
        }

        fn sum(&mut self, _: &mut [f32]) -> Result<()> {
            Ok(())
        }

        fn sum_f64(&mut self, _: &mut [f64]) -> Result<()> {
            Ok(())
        }

        fn broadcast(&mut self, _: &mut [u8]) -> Result<()> {
            Ok(())
        }

        fn to_first(&mut self, _: &[u8], _: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
            Ok(())
        }

        fn fail(&mut self, _: &str) {}
    }

    #[test]
    fn each_rank_takes_a_power_of_two_of_the_shards_and_what_is_refused_says_what_works() {
        let ranks = |size: usize, shards: usize| Ranks::new(Box::new(Among(size)), shards);
        for (size, shards) in [(1, 1), (1, 7), (1, 12), (2, 2), (2, 16), (3, 12), (6, 12), (12, 12), (8, 64)]
        {
            let ranks = ranks(size, shards).unwrap();
            let dealt: Vec<usize> = (0..size).flat_map(|rank| ranks.shards_of(rank)).collect();
            assert!(dealt.into_iter().eq(0..shards), "{size}, {shards}");
        }
        let refused = [
            (1, 0, "1"),
            (2, 1, "2"),
            (2, 12, "8 or 16"),
            (4, 12, "8 or 16"),
            (8, 12, "8 or 16"),
            (3, 10, "6 or 12"),
        ];
        for (size, shards, way_out) in refused {
            let text = ranks(size, shards).unwrap_err().to_string();
            assert!(text.contains(&format!("ask for {way_out} shards")), "{text}");
            for shards in way_out.split(" or ") {
                assert!(ranks_work(size, shards.parse().unwrap()), "{text}");
            }
        }
        assert!(ranks(MOST + 1, MOST + 1).is_err());
    }

    fn ranks_work(size: usize, shards: usize) -> bool {
        Ranks::new(Box::new(Among(size)), shards).is_ok()
    }
}
