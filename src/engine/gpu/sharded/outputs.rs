//! Z3 of a chunk: the parts of the shards, their sum in the order of the tree, and the end behind the exchange.

use std::cell::RefCell;

use crate::engine::collective::{TreeSum, VOTES};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::ops::invocations_of_sum;
use crate::engine::gpu::step::pass::first_rows;
use crate::error::Result;

/// The tensors of Z3, and the order in which they are added up.
#[derive(Debug)]
pub(super) struct Outputs {
    /// Sums of parts `[chunk, n]` that wait for others. The first ends as that of all shards.
    sums: Vec<Tensor>,
    /// Of each shard.
    pub turns: Vec<Turn>,
    /// Room that the votes of an exchange come in.
    pub votes: Tensor,
    /// Sums of (A3 − X)² of a chunk.
    squared_errors: Tensor,
}

/// The turn of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The tensor that takes its part.
    pub part: usize,
    /// What is added to what then, by the numbers of the tensors.
    pub additions: Vec<[usize; 2]>,
}

impl Outputs {
    /// For so many shards.
    pub fn new(gpu: &Gpu, partition: &Partition, shards: usize) -> Result<Self> {
        let [sums, votes, squared_errors] = allocate(gpu, Self::allocations(partition, shards))?;
        let [votes, squared_errors] = [votes, squared_errors].map(single);
        Ok(Self { sums, turns: turns(shards), votes, squared_errors })
    }

    /// The tensors, in the order of the fields.
    pub fn allocations(partition: &Partition, shards: usize) -> [Allocation; 3] {
        const ACTIVATIONS: Category = Category::Activations;
        let (chunk, n) = (partition.chunk, partition.shape.visible);
        let sums = turns(shards).iter().map(|turn| turn.part + 1).max().unwrap_or_default();
        [
            Allocation::matrices("outputs of shards", ACTIVATIONS, vec![(chunk, n); sums]),
            Allocation::vectors("votes", ACTIVATIONS, [VOTES]),
            Allocation::vectors("sums of errors", ACTIVATIONS, [invocations_of_sum(chunk, n)]),
        ]
    }

    /// The first rows of one of the sums.
    pub fn sum(&self, number: usize, rows: usize) -> Tensor {
        first_rows(&self.sums[number], rows)
    }

    /// The sums of the squared errors of `rows` rows, and how many.
    pub fn errors(&self, rows: usize) -> (&Tensor, usize) {
        (&self.squared_errors, invocations_of_sum(rows, self.sums[0].cols))
    }
}

/// The turns of so many shards, in the order of their numbers.
fn turns(shards: usize) -> Vec<Turn> {
    let (mut tree, mut turns, mut made) = (TreeSum::default(), Vec::new(), 0);
    let additions = RefCell::new(Vec::new());
    let add = |sum: &mut usize, part: &usize| additions.borrow_mut().push([*part, *sum]);
    for _ in 0..shards {
        let part = tree.take_spare().unwrap_or(made);
        made = made.max(part + 1);
        tree.push(part, add);
        turns.push(Turn { part, additions: additions.take() });
    }
    // What is left belongs to the turn of the last.
    tree.total(add);
    if let Some(last) = turns.last_mut() {
        last.additions.extend(additions.take());
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_added_up_in_the_order_of_the_tree_into_the_first_of_few_tensors() {
        for shards in 1..40 {
            let turns = turns(shards);
            let mut sums = vec![String::new(); 8];
            for (shard, Turn { part, additions }) in turns.into_iter().enumerate() {
                sums[part] = shard.to_string();
                for [from, to] in additions {
                    assert_ne!(from, to);
                    sums[to] = format!("({} {})", sums[to], sums[from]);
                }
            }
            let mut tree = TreeSum::default();
            let join = |sum: &mut String, part: &String| *sum = format!("({sum} {part})");
            (0..shards).for_each(|shard: usize| tree.push(shard.to_string(), join));
            assert_eq!(Some(&sums[0]), tree.total(join).as_ref(), "{shards} shards");
        }
    }

    #[test]
    fn a_power_of_two_of_shards_takes_a_tensor_for_each_halving_and_one() {
        let tensors = |shards| turns(shards).iter().map(|turn| turn.part + 1).max();
        assert_eq!([1, 2, 4, 8, 64].map(tensors), [1, 2, 3, 4, 7].map(Some));
    }
}
