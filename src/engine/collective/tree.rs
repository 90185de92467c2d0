//! The order of sums over shards and ranks: a binary tree whose left half is the largest power of two.
//!
//! In such a tree 2ᵏ neighbours from a multiple of 2ᵏ on are a subtree. A rank that holds them adds them up by itself, the
//! ranks add up what has come of it, and every number has the bits of one rank that holds all.

use std::ops::AddAssign;

/// A sum in the order of the tree. Parts come one by one from the left, so that no more than log₂ of them wait.
#[derive(Debug)]
pub struct TreeSum<B> {
    /// Whole subtrees from the left, each with its height.
    sums: Vec<(u32, B)>,
    /// Parts that have been added to others, for their memory.
    spare: Vec<B>,
}

impl<B> Default for TreeSum<B> {
    fn default() -> Self {
        Self { sums: Vec::new(), spare: Vec::new() }
    }
}

impl<B> TreeSum<B> {
    /// Takes the next part; `add` adds its second argument to its first.
    pub fn push(&mut self, mut part: B, add: impl Fn(&mut B, &B)) {
        let mut height = 0;
        while self.sums.last().is_some_and(|(other, _)| *other == height) {
            let Some((_, mut left)) = self.sums.pop() else { break };
            add(&mut left, &part);
            self.spare.push(std::mem::replace(&mut part, left));
            height += 1;
        }
        self.sums.push((height, part));
    }

    /// The sum of all parts since the last total, if there are any.
    pub fn total(&mut self, add: impl Fn(&mut B, &B)) -> Option<B> {
        let (_, mut total) = self.sums.pop()?;
        while let Some((_, mut left)) = self.sums.pop() {
            add(&mut left, &total);
            self.spare.push(std::mem::replace(&mut total, left));
        }
        Some(total)
    }

    /// A part that is no longer needed, for another.
    pub fn take_spare(&mut self) -> Option<B> {
        self.spare.pop()
    }

    /// Takes the memory of a total back.
    pub fn put_spare(&mut self, part: B) {
        self.spare.push(part);
    }
}

impl<T: Copy + AddAssign> TreeSum<Vec<T>> {
    /// Takes the next numbers.
    pub fn push_numbers(&mut self, part: Vec<T>) {
        self.push(part, |sum, part| add(sum, part));
    }

    /// The sum of all numbers since the last total, if there are any.
    pub fn total_numbers(&mut self) -> Option<Vec<T>> {
        self.total(|sum, part| add(sum, part))
    }
}

/// sum ← sum + part, number by number.
fn add<T: Copy + AddAssign>(sum: &mut [T], part: &[T]) {
    sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += *x);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a tree of so many parts brackets them.
    fn brackets(parts: usize) -> String {
        let join = |left: &mut String, right: &String| *left = format!("({left}{right})");
        let mut tree = TreeSum::default();
        (0..parts).for_each(|part| tree.push(char::from(b'a' + part as u8).to_string(), join));
        tree.total(join).unwrap_or_default()
    }

    #[test]
    fn the_left_half_of_a_tree_is_the_largest_power_of_two() {
        let trees = [(0, ""), (1, "a"), (2, "(ab)"), (3, "((ab)c)"), (5, "(((ab)(cd))e)")];
        for (parts, tree) in trees {
            assert_eq!(brackets(parts), tree);
        }
        assert_eq!(brackets(8), "(((ab)(cd))((ef)(gh)))");
        assert_eq!(brackets(12), "((((ab)(cd))((ef)(gh)))((ij)(kl)))");
        assert_eq!(brackets(7), "(((ab)(cd))((ef)g))");
    }

    #[test]
    fn at_most_one_part_for_each_height_waits_and_memory_comes_back() {
        let mut tree = TreeSum::default();
        for part in 0..16_u32 {
            tree.push(part, |left, right| *left += right);
            assert!(tree.sums.len() <= 4, "{part}");
        }
        assert_eq!(tree.total(|left, right| *left += right), Some(120));
        assert_eq!(tree.total(|left, right| *left += right), None);
        assert_eq!(std::iter::from_fn(|| tree.take_spare()).count(), 15);
    }
}
