//! The way of numbers from their order in a file to the order that is wanted: a transposition, made piece by piece while
//! they are read, so that no array is in memory twice.

/// Numbers of a tile, down and across, that is transposed at once: its lines stay in the cache.
const TILE: usize = 32;
/// Fewest numbers of a slab, where the array has as many.
const SMALLEST_SLAB: usize = 1 << 18;
/// The part of a block that a slab takes at most, besides [`SMALLEST_SLAB`].
const SLABS: usize = 16;

/// A dimension: how long it is, and how far apart its neighbours are in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dimension {
    length: usize,
    stride: usize,
}

/// The order of a file and that of the result.
#[derive(Debug)]
pub struct Reorder {
    /// Those within a block, the slowest of the file first; none where the file has the wanted order.
    dimensions: Vec<Dimension>,
    /// Numbers that lie together in the file and in the result.
    block: usize,
}

/// Neighbouring numbers of the file, all of a block or a part of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Slab {
    /// Where their first one goes in the block.
    start: usize,
    /// The dimension of which it has some places; of the faster ones it has all.
    dimension: usize,
    /// How many of them.
    places: usize,
    /// Numbers.
    pub numbers: usize,
}

impl Reorder {
    /// From an array of this shape to its dimensions in `order`, the last one fastest.
    pub fn new(shape: &[usize], fortran: bool, order: &[usize]) -> Self {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1;
        for &dimension in order.iter().rev() {
            strides[dimension] = stride;
            stride *= shape[dimension];
        }
        let of_file = |&i: &usize| Dimension { length: shape[i], stride: strides[i] };
        let slowest_first: Vec<usize> =
            if fortran { (0..shape.len()).rev().collect() } else { (0..shape.len()).collect() };
        let mut dimensions: Vec<Dimension> = Vec::new();
        for next in slowest_first.iter().map(of_file).filter(|next| next.length != 1) {
            match dimensions.last_mut() {
                // Both lie together in the result, too.
                Some(last) if last.stride == next.stride * next.length => {
                    *last = Dimension { length: last.length * next.length, stride: next.stride };
                }
                _ => dimensions.push(next),
            }
        }
        let mut block = shape.iter().product::<usize>();
        while let Some(&Dimension { length, stride }) = dimensions.first()
            && stride * length == block
        {
            block = stride;
            dimensions.remove(0);
        }
        if dimensions.is_empty() {
            block = shape.iter().product();
        }
        Self { dimensions, block }
    }

    /// Whether the file has the wanted order.
    pub fn is_none(&self) -> bool {
        self.dimensions.is_empty()
    }

    /// Numbers that lie together in the file and in the result.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The most numbers of a slab, but for single places of the fastest dimension.
    fn most(&self) -> usize {
        (self.block / SLABS).max(SMALLEST_SLAB)
    }

    /// The slabs of a block, in the order of the file.
    pub fn slabs(&self) -> impl Iterator<Item = Slab> {
        let most = self.most();
        let faster = |dimension: usize| -> usize {
            self.dimensions[dimension + 1..].iter().map(|faster| faster.length).product()
        };
        let last = self.dimensions.len() - 1;
        let dimension = (0..last).find(|&dimension| faster(dimension) <= most).unwrap_or(last);
        let (slower, of_one) = (&self.dimensions[..dimension], faster(dimension));
        let Dimension { length, stride } = self.dimensions[dimension];
        let at_once = (most / of_one).clamp(1, length.max(1));
        let groups: usize = slower.iter().map(|slower| slower.length).product();
        (0..groups).flat_map(move |group| {
            let start = self.place(dimension, group);
            (0..length).step_by(at_once).map(move |first| {
                let places = at_once.min(length - first);
                Slab { start: start + first * stride, dimension, places, numbers: places * of_one }
            })
        })
    }

    /// Where number `group` of the first `dimensions` begins.
    fn place(&self, dimensions: usize, mut group: usize) -> usize {
        let mut place = 0;
        for &Dimension { length, stride } in self.dimensions[..dimensions].iter().rev() {
            place += group % length * stride;
            group /= length;
        }
        place
    }

    /// Puts the numbers of a slab into their places in a block.
    pub fn scatter<T: Copy>(&self, slab: &Slab, numbers: &[T], block: &mut [T]) {
        let own = Dimension { length: slab.places, ..self.dimensions[slab.dimension] };
        let all: Vec<Dimension> =
            [own].into_iter().chain(self.dimensions[slab.dimension + 1..].iter().copied()).collect();
        let mut steps = vec![1; all.len()];
        for i in (1..all.len()).rev() {
            steps[i - 1] = steps[i] * all[i].length;
        }
        // The fastest of the file across, and the fastest of the result down.
        let across = all.len() - 1;
        let down = (0..all.len()).min_by_key(|&i| all[i].stride).unwrap_or(across);
        let others: Vec<usize> = (0..all.len()).filter(|&i| i != across && i != down).collect();
        let count: usize = others.iter().map(|&i| all[i].length).product();
        for number in 0..count {
            let (mut from, mut to, mut rest) = (0, slab.start, number);
            for &i in others.iter().rev() {
                let place = rest % all[i].length;
                rest /= all[i].length;
                from += place * steps[i];
                to += place * all[i].stride;
            }
            if down == across {
                let Dimension { length, stride } = all[across];
                for (i, &value) in numbers[from..from + length].iter().enumerate() {
                    block[to + i * stride] = value;
                }
            } else {
                let of = |i: usize| (all[i], steps[i]);
                transpose((&numbers[from..], &mut block[to..]), of(down), of(across));
            }
        }
    }
}

/// Transposes two dimensions, tile by tile.
fn transpose<T: Copy>(
    (from, to): (&[T], &mut [T]),
    (down, step_down): (Dimension, usize),
    (across, step_across): (Dimension, usize),
) {
    for left in (0..across.length).step_by(TILE) {
        let columns = left..across.length.min(left + TILE);
        for top in (0..down.length).step_by(TILE) {
            for x in columns.clone() {
                let (source, target) = (x * step_across, x * across.stride);
                for y in top..down.length.min(top + TILE) {
                    to[target + y * down.stride] = from[source + y * step_down];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One number after the other, by their indices.
    fn plainly(shape: &[usize], fortran: bool, order: &[usize], values: &[usize]) -> Vec<usize> {
        let total = values.len();
        (0..total)
            .map(|place| {
                let (mut rest, mut index) = (place, vec![0; shape.len()]);
                for &dimension in order.iter().rev() {
                    index[dimension] = rest % shape[dimension];
                    rest /= shape[dimension];
                }
                let fold = |at: usize, i: usize| at * shape[i] + index[i];
                let at = if fortran {
                    (0..shape.len()).rev().fold(0, fold)
                } else {
                    (0..shape.len()).fold(0, fold)
                };
                values[at]
            })
            .collect()
    }

    fn by_slabs(way: &Reorder, values: &[usize]) -> Vec<usize> {
        let mut all = vec![usize::MAX; values.len()];
        for (block, numbers) in all.chunks_mut(way.block()).zip(values.chunks(way.block())) {
            let mut at = 0;
            for slab in way.slabs() {
                way.scatter(&slab, &numbers[at..at + slab.numbers], block);
                at += slab.numbers;
            }
            assert_eq!(at, numbers.len());
        }
        all
    }

    proptest! {
        #[test]
        fn arrays_of_any_shape_and_order_are_transposed_as_index_by_index(
            shape in prop::collection::vec(1_usize..9, 1..5),
            fortran: bool,
            seed in 0_usize..24,
        ) {
            let mut order: Vec<usize> = (0..shape.len()).collect();
            let (mut rest, total) = (seed, shape.iter().product());
            for i in (1..order.len()).rev() {
                order.swap(i, rest % (i + 1));
                rest /= i + 1;
            }
            let values: Vec<usize> = (0..total).collect();
            let way = Reorder::new(&shape, fortran, &order);
            let wanted = plainly(&shape, fortran, &order, &values);
            if way.is_none() {
                prop_assert_eq!(wanted, values);
            } else {
                prop_assert_eq!(by_slabs(&way, &values), wanted);
            }
        }
    }

    #[test]
    fn large_arrays_go_in_slabs_that_are_a_small_part_of_them() {
        for (shape, most) in
            [(vec![3, 1 << 20], 1 << 18), (vec![1 << 20, 3], 1 << 18), (vec![700, 800, 9], 700 * 800)]
        {
            let order: Vec<usize> = (0..shape.len()).collect();
            let way = Reorder::new(&shape, true, &order);
            assert!(way.slabs().all(|slab| slab.numbers <= most), "{shape:?}");
            assert!(way.slabs().count() > 3);
            let values: Vec<usize> = (0..way.block()).collect();
            assert_eq!(by_slabs(&way, &values), plainly(&shape, true, &order, &values));
        }
    }

    #[test]
    fn orders_that_are_the_same_in_the_file_are_not_moved() {
        // Examples in columns, column by column.
        assert!(Reorder::new(&[64, 1000], true, &[1, 0]).is_none());
        assert!(Reorder::new(&[64, 1000], false, &[0, 1]).is_none());
        assert!(Reorder::new(&[1, 1000], true, &[0, 1]).is_none());
        // Pictures that lie one behind the other are transposed one by one.
        assert_eq!(Reorder::new(&[4, 5, 6], true, &[2, 0, 1]).block(), 20);
    }
}
