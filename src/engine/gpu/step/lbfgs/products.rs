//! The inner products of a search: which the kernel takes at a time, three vectors with a list of others, and what they sum up to.

use crate::engine::gpu::kernel::{InnerProductsUniform, MAX_LISTED};
use crate::engine::gpu::ops::inner_products_uniform;

/// Vectors that a dispatch multiplies with those of its list.
const FACTORS: usize = 3;
/// Most numbers of a dispatch's results for each block of sums.
pub(crate) const MAX_PRODUCTS: usize = FACTORS * MAX_LISTED;

/// The products of one dispatch, by the places of their vectors in the stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProductList {
    x: Vec<usize>,
    y: Vec<usize>,
}

impl ProductList {
    /// Lists that have all of `pairs` among their products.
    pub fn of(pairs: &[(usize, usize)]) -> Vec<Self> {
        let x = distinct(pairs.iter().map(|pair| pair.0));
        let mut lists = Vec::new();
        for x in x.chunks(FACTORS) {
            let y = distinct(pairs.iter().filter(|pair| x.contains(&pair.0)).map(|pair| pair.1));
            lists.extend(y.chunks(MAX_LISTED).map(|y| Self { x: x.to_vec(), y: y.to_vec() }));
        }
        lists
    }

    /// Its uniform for vectors of `len` numbers.
    pub fn uniform(&self, len: usize) -> InnerProductsUniform {
        let first = self.x.first().copied().unwrap_or_default();
        let factor = |i| self.x.get(i).copied().unwrap_or(first);
        inner_products_uniform(len, [0, 1, 2].map(factor), &self.y)
    }

    /// Products that the kernel takes of it.
    pub fn len(&self) -> usize {
        FACTORS * self.y.len()
    }

    /// Adds the block sums of pieces up in f64, which lie one behind the other; `pieces` are the blocks of each.
    pub fn sum_up(self, pieces: impl IntoIterator<Item = usize>, sums: &[f32]) -> Products {
        let mut values = vec![0.0; self.len()];
        let mut rest = sums;
        for blocks in pieces {
            let (sums, later) = rest.split_at(self.len() * blocks);
            for (value, sums) in values.iter_mut().zip(sums.chunks_exact(blocks)) {
                *value += sums.iter().map(|&x| f64::from(x)).sum::<f64>();
            }
            rest = later;
        }
        Products { list: self, values }
    }
}

/// Inner products that have been taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Products {
    list: ProductList,
    values: Vec<f64>,
}

impl Products {
    /// The product of two vectors of the stack, if it is among them.
    pub fn get(&self, (x, y): (usize, usize)) -> Option<f64> {
        let place = |x, y| {
            let i = self.list.x.iter().position(|&known| known == x)?;
            let j = self.list.y.iter().position(|&known| known == y)?;
            Some(self.values[FACTORS * j + i])
        };
        place(x, y).or_else(|| place(y, x))
    }
}

fn distinct(vectors: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut distinct = Vec::new();
    for vector in vectors {
        if !distinct.contains(&vector) {
            distinct.push(vector);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_products_of_an_iteration_take_one_dispatch_and_others_as_many_as_they_need() {
        let (s, y, gradient) = (3, 13, 20);
        let kept: Vec<usize> = (0..20).filter(|&vector| vector != s && vector != y).collect();
        let new = [s, y, gradient];
        let pairs =
            |(i, &x): (usize, &usize)| -> Vec<_> { new[i..].iter().chain(&kept).map(|&y| (x, y)).collect() };
        let iteration: Vec<_> = new.iter().enumerate().flat_map(pairs).collect();
        let lists = ProductList::of(&iteration);
        assert_eq!((lists.len(), lists[0].len()), (1, MAX_PRODUCTS));

        // Four first factors, and one of them with more than a list holds.
        let others = (0..MAX_LISTED + 2).map(|y| (0, y)).chain([(1, 0), (2, 5), (3, 5), (3, 3)]);
        let others: Vec<_> = others.collect();
        let lists = ProductList::of(&others);
        assert_eq!(lists.iter().map(|list| list.y.len()).collect::<Vec<_>>(), [MAX_LISTED, 2, 2]);
        let has =
            |&(x, y): &(usize, usize)| lists.iter().any(|list| list.x.contains(&x) && list.y.contains(&y));
        assert!(others.iter().all(has));
        assert!(ProductList::of(&[]).is_empty());
    }

    #[test]
    fn a_product_is_found_in_either_order_and_no_other_is_made_up() {
        let list = ProductList { x: vec![7, 2], y: vec![4, 7] };
        let products = Products { list, values: vec![74.0, 24.0, 0.0, 77.0, 27.0, 0.0] };
        assert_eq!(
            [(7, 4), (4, 7), (2, 4), (7, 2), (2, 7)].map(|pair| products.get(pair)).map(Option::unwrap),
            [74.0, 74.0, 24.0, 27.0, 27.0]
        );
        assert_eq!([(4, 4), (2, 2), (9, 7)].map(|pair| products.get(pair)), [None; 3]);
    }
}
