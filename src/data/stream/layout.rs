//! The layout of rows in a file: where each number of a row lies, for arrays of any order of dimensions and of bytes. Rows
//! come out one behind the other, lowest byte first, in reads as long as the file allows.

use std::io;

use super::medium::Medium;
use crate::data::axes::{Axes, Axis};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::ArrayLayout;
use crate::io::threads;

/// Bytes of neighbouring rows that are one read: long enough for a disk, and few enough that a stage holds many of them, so
/// that numbers which are neighbours in a row are put there together.
const RUN: usize = 1 << 15;
/// Bytes that are read before their numbers are put in their places.
const STAGE: usize = 1 << 21;
/// Reads of a stage that a thread makes at least.
const LEAST_READS: usize = 8;

/// A dimension: its length, and the distance of neighbours in the file, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dimension {
    length: usize,
    stride: usize,
}

/// Where the numbers of rows lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLayout {
    /// Where they begin, bytes.
    pub offset: u64,
    endian: Endian,
    /// Bytes of a number.
    size: usize,
    /// Numbers of a row.
    cols: usize,
    /// Dimensions that count rows, the slowest first.
    count: Vec<Dimension>,
    /// Dimensions of a row, the slowest first.
    length: Vec<Dimension>,
}

/// A dimension of neighbouring rows that are read together.
#[derive(Clone, Copy)]
struct Scattered {
    length: usize,
    /// Distance of neighbours in the file.
    from: usize,
    /// Distance of neighbours in the rows.
    to: usize,
}

impl RowLayout {
    /// Rows of `cols` numbers, one behind the other.
    pub fn plain(offset: u64, (dtype, endian): (DType, Endian), (rows, cols): (usize, usize)) -> Self {
        let count = vec![Dimension { length: rows, stride: cols }];
        let length = vec![Dimension { length: cols, stride: 1 }];
        Self { offset, endian, size: dtype.size(), cols, count: merged(count), length: merged(length) }
    }

    /// The rows of an array that begins at `offset`; `None` where neither neighbours in a row nor neighbouring rows lie
    /// together, so that every number would be a read of its own.
    pub fn of(array: &ArrayLayout, axes: &Axes, offset: u64) -> Option<Self> {
        let shape = &array.shape;
        let stride = |dimension: usize| {
            let faster = if array.fortran { &shape[..dimension] } else { &shape[dimension + 1..] };
            faster.iter().product()
        };
        let dimensions = |wanted: Axis| {
            let is_it = move |&(_, axis): &(usize, &Axis)| *axis == wanted;
            let all = axes.list().iter().enumerate().filter(is_it);
            merged(all.map(|(i, _)| Dimension { length: shape[i], stride: stride(i) }).collect())
        };
        let (count, length) = (dimensions(Axis::Count), dimensions(Axis::Length));
        let is_together = |dimension: &Dimension| dimension.stride == 1;
        let found = length.iter().any(is_together) || count.last().is_none_or(is_together);
        let cols = axes.extent(shape, Axis::Length);
        let (endian, size) = (array.endian, array.dtype.size());
        found.then_some(Self { offset, endian, size, cols, count, length })
    }

    /// Whether rows lie one behind the other.
    pub fn is_plain(&self) -> bool {
        let is_whole = self.length.is_empty() || self.length == [Dimension { length: self.cols, stride: 1 }];
        is_whole && self.count.len() <= 1 && self.count.iter().all(|rows| rows.stride == self.cols)
    }

    /// Fills `out` with rows from `first` on, which have to be there.
    ///
    /// # Errors
    /// Those of the system.
    pub fn read(&self, from: &Medium, mut first: usize, mut out: &mut [u8]) -> io::Result<()> {
        let row_bytes = self.cols * self.size;
        if self.is_plain() {
            from.read_at(out, self.offset + first as u64 * row_bytes as u64)?;
            self.put_lowest_first(out);
            return Ok(());
        }
        while !out.is_empty() {
            let of_run = self.count.last().map_or(1, |rows| RUN / (rows.stride * self.size));
            let most = (out.len() / row_bytes).min(of_run.max(1));
            let (base, rows, stride) = self.neighbours(first, most);
            let (now, rest) = out.split_at_mut(rows * row_bytes);
            self.read_box(from, base, Scattered { length: rows, from: stride, to: self.cols }, now)?;
            self.put_lowest_first(now);
            (first, out) = (first + rows, rest);
        }
        Ok(())
    }

    /// Where row `first` begins, in numbers, and of the rows from there on how many, `most` at most, lie at one distance from
    /// each other: and at which.
    fn neighbours(&self, first: usize, most: usize) -> (usize, usize, usize) {
        let Some((fastest, slower)) = self.count.split_last() else { return (0, most.min(1), 1) };
        let (mut place, at) = (first / fastest.length, first % fastest.length);
        let mut base = at * fastest.stride;
        for dimension in slower.iter().rev() {
            base += place % dimension.length * dimension.stride;
            place /= dimension.length;
        }
        (base, most.min(fastest.length - at), fastest.stride)
    }

    /// Reads rows at one distance from each other, the first of which begins at `base`.
    fn read_box(&self, from: &Medium, base: usize, rows: Scattered, out: &mut [u8]) -> io::Result<()> {
        let mut to = 1;
        let mut all = vec![rows];
        for dimension in self.length.iter().rev() {
            all.push(Scattered { length: dimension.length, from: dimension.stride, to });
            to *= dimension.length;
        }
        // One row alone has no neighbours.
        all.retain(|dimension| dimension.length > 1);
        all.sort_by_key(|dimension| dimension.from);
        // Dimensions that lie together are one read.
        let (mut run, mut together) = (1, 0);
        while let Some(dimension) = all.get(together).filter(|dimension| dimension.from == run) {
            (run, together) = (run * dimension.length, together + 1);
        }
        let (inner, outer) = all.split_at(together);
        let reads: usize = outer.iter().map(|dimension| dimension.length).product();
        let at_once = (STAGE / (run * self.size)).clamp(1, reads);
        let mut stage = vec![0; at_once * run * self.size];
        for start in (0..reads).step_by(at_once) {
            let count = at_once.min(reads - start);
            let stage = &mut stage[..count * run * self.size];
            threads::try_for_each_chunk(stage, run * self.size, LEAST_READS, |number, bytes| {
                let (at, _) = place(outer, start + number);
                from.read_at(bytes, self.offset + (base + at) as u64 * self.size as u64)
            })?;
            let places: Vec<usize> = (start..start + count).map(|number| place(outer, number).1).collect();
            match self.size {
                1 => scatter::<1>(stage, out, inner, &places),
                2 => scatter::<2>(stage, out, inner, &places),
                4 => scatter::<4>(stage, out, inner, &places),
                _ => scatter::<8>(stage, out, inner, &places),
            }
        }
        Ok(())
    }

    /// Puts numbers with their highest byte first into the order of all others.
    fn put_lowest_first(&self, bytes: &mut [u8]) {
        if self.endian == Endian::Big && self.size > 1 {
            bytes.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
    }

    /// The parts of the file, offsets and lengths in bytes, that hold the bytes `start..start + length` of the file as it was
    /// when it held the first `rows` rows alone, in the same order. `None` where that cannot be told.
    pub fn parts_of_first(&self, rows: usize, start: u64, length: u64) -> Option<Vec<(u64, u64)>> {
        let all: usize = self.count.iter().map(|dimension| dimension.length).product();
        if rows == all || self.is_plain() {
            return Some(vec![(self.offset + start, length)]);
        }
        let [count] = self.count[..] else { return None };
        // So many bytes, of which those of the first rows come first, lie together.
        let together = (count.stride * self.size) as u64;
        let (kept, whole) = (together * rows as u64, together * count.length as u64);
        let (mut at, end) = (start, start + length);
        let mut parts = Vec::new();
        while at < end {
            let here = (kept - at % kept).min(end - at);
            parts.push((self.offset + at / kept * whole + at % kept, here));
            at += here;
        }
        Some(parts)
    }
}

/// Dimensions without those of length 1, neighbours taken together where they are one.
fn merged(dimensions: Vec<Dimension>) -> Vec<Dimension> {
    let mut all: Vec<Dimension> = Vec::new();
    for next in dimensions.into_iter().filter(|dimension| dimension.length != 1) {
        match all.last_mut() {
            Some(last) if last.stride == next.stride * next.length => {
                *last = Dimension { length: last.length * next.length, stride: next.stride };
            }
            _ => all.push(next),
        }
    }
    all
}

/// Where the combination `number` of dimensions, the first of which is fastest, lies in the file and in the rows.
fn place(dimensions: &[Scattered], mut number: usize) -> (usize, usize) {
    let (mut from, mut to) = (0, 0);
    for dimension in dimensions {
        let at = number % dimension.length;
        (from, to) = (from + at * dimension.from, to + at * dimension.to);
        number /= dimension.length;
    }
    (from, to)
}

/// Puts the numbers of reads, one behind the other in `stage`, into their places: those of a read lie along `inner`, the
/// first dimension fastest, and `places` says where each read begins.
fn scatter<const N: usize>(stage: &[u8], out: &mut [u8], inner: &[Scattered], places: &[usize]) {
    let (stage, out) = (stage.as_chunks::<N>().0, out.as_chunks_mut::<N>().0);
    let run = stage.len() / places.len();
    let Some((fastest, slower)) = inner.split_first() else {
        places.iter().zip(stage).for_each(|(&to, number)| out[to] = *number);
        return;
    };
    for line in 0..run / fastest.length {
        let (_, line_to) = place(slower, line);
        // Along the reads first: their places are neighbours where columns are read.
        for i in 0..fastest.length {
            let (at, to) = (line * fastest.length + i, line_to + i * fastest.to);
            for (number, place) in places.iter().enumerate() {
                out[to + place] = stage[number * run + at];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rows of a file whose numbers are their places in it, by their definition.
    fn expected(array: &ArrayLayout, axes: &Axes) -> Vec<u16> {
        let shape = &array.shape;
        let order = axes.order();
        let total: usize = shape.iter().product();
        let value = |mut number: usize| {
            let mut index = vec![0; shape.len()];
            for &dimension in order.iter().rev() {
                index[dimension] = number % shape[dimension];
                number /= shape[dimension];
            }
            let fold = |at: usize, i: usize| at * shape[i] + index[i];
            let count = shape.len();
            if array.fortran { (0..count).rev().fold(0, fold) } else { (0..count).fold(0, fold) }
        };
        (0..total).map(|number| value(number) as u16).collect()
    }

    fn axes() -> impl Strategy<Value = Axes> {
        let axis = prop_oneof![Just("count"), Just("length")];
        let list = proptest::collection::vec(axis, 2..5);
        list.prop_filter_map("rows have both", |list| list.join(",").parse().ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn rows_of_any_order_of_dimensions_and_bytes_are_those_of_their_definition(
            axes in axes(), lengths in proptest::collection::vec(1_usize..6, 4), fortran: bool, big: bool,
            from in 0.0..1.0_f64, share in 0.0..1.0_f64,
        ) {
            let shape = lengths[..axes.list().len()].to_vec();
            let endian = if big { Endian::Big } else { Endian::Little };
            let array = ArrayLayout { dtype: DType::U16, endian, fortran, shape };
            let Some(layout) = RowLayout::of(&array, &axes, 3) else { return Ok(()) };
            let wanted = expected(&array, &axes);
            let numbers = 0..wanted.len() as u16;
            let bytes: Vec<u8> = numbers.flat_map(|i| if big { i.to_be_bytes() } else { i.to_le_bytes() }).collect();
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, &[&[9; 3], &bytes[..]].concat()).unwrap();
            let cols = axes.extent(&array.shape, Axis::Length);
            let rows = wanted.len() / cols;
            let first = (from * rows as f64) as usize;
            let count = ((share * (rows - first) as f64) as usize).max(1);
            let mut out = vec![0; count * cols * 2];
            let medium = Medium::File(std::sync::Arc::new(file));
            layout.read(&medium, first, &mut out).unwrap();
            let found: Vec<u16> = out.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
            prop_assert_eq!(&found[..], &wanted[first * cols..(first + count) * cols]);
        }
    }

    fn layout(shape: &[usize], fortran: bool, axes: &str) -> Option<RowLayout> {
        let array = ArrayLayout { dtype: DType::U8, endian: Endian::Little, fortran, shape: shape.to_vec() };
        RowLayout::of(&array, &axes.parse().unwrap(), 0)
    }

    #[test]
    fn rows_one_behind_the_other_are_known_however_they_are_described() {
        for (shape, fortran, axes, plain) in [
            (&[5, 4][..], false, "count,length", true),
            (&[5, 4], true, "count,length", false),
            (&[4, 5], true, "length,count", true),
            (&[5, 2, 2], false, "count,length,length", true),
            (&[5, 1, 4], true, "count,length,length", false),
            (&[1, 4], true, "count,length", true),
            (&[5, 1], true, "count,length", true),
            (&[2, 5, 3], false, "count,count,length", true),
        ] {
            let found = layout(shape, fortran, axes).unwrap();
            assert_eq!(found.is_plain(), plain, "{shape:?} {axes} {fortran}: {found:?}");
        }
    }

    #[test]
    fn numbers_that_would_be_read_one_by_one_have_no_layout() {
        assert_eq!(layout(&[7, 5, 3], true, "count,count,length"), None);
        assert!(layout(&[7, 5, 3], true, "count,length,length").is_some());
        assert!(layout(&[7, 5, 3], false, "count,length,count").is_some());
    }

    #[test]
    fn the_first_rows_lie_where_a_shorter_file_had_them() {
        let bytes = |rows: usize| -> Vec<u8> {
            // Column by column: the number tells row and column.
            (0..3).flat_map(|col| (0..rows).map(move |row| (10 * row + col) as u8)).collect()
        };
        let (short, long) = (bytes(4), bytes(9));
        let found = layout(&[9, 3], true, "count,length").unwrap();
        for (start, length) in [(0, 12), (3, 6), (5, 1), (4, 4)] {
            let parts = found.parts_of_first(4, start, length).unwrap();
            let read: Vec<u8> =
                parts.iter().flat_map(|&(at, n)| &long[at as usize..(at + n) as usize]).copied().collect();
            assert_eq!(read, short[start as usize..(start + length) as usize], "{parts:?}");
        }
    }
}
