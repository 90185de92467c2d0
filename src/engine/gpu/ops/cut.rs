//! Where products are cut along k: for loops that are long enough, and for devices that have more to do than a result has
//! tiles.

use crate::engine::gpu::kernel::tile::{SHARED, SHARERS, SIDE};
use crate::engine::gpu::kernel::variant::Product;
use crate::engine::gpu::memory::buffer::{TILE, padded};

/// Most vec4s of k that one dispatch of a product sums, and most rows of a slice: lavapipe ends the loops of an invocation
/// after 65 535 turns.
pub(crate) const MAX_PRODUCT_TURNS: usize = 20_000;
/// Workgroups of `tiled` that are wanted: a few for each of the 132 processors of the largest GPU at hand, an H100, where
/// k cut so made products up to eight times as fast.
const WANTED_WORKGROUPS: usize = 512;
/// Least k of a slice: what is written and read for it should be little beside its multiply-adds.
const SHORTEST: usize = 256;

/// Where products of a weight gradient are cut along the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    /// Rows a slice.
    pub rows: usize,
    /// How many.
    pub count: usize,
}

impl Slices {
    /// Cuts `k` rows for a result of `rows` × `cols`, padding included, so that small results still keep a device busy,
    /// and no slice is longer than a shader's loop may be.
    pub fn new(product: Product, k: usize, rows: usize, cols: usize) -> Self {
        const WANTED_INVOCATIONS: usize = 2048;
        let wanted = match product {
            Product::Tiled => WANTED_WORKGROUPS / tiles(product, rows, cols).min(WANTED_WORKGROUPS),
            Product::Direct | Product::Broadcast => WANTED_INVOCATIONS.div_ceil(rows * cols / (TILE * TILE)),
        };
        Self::cut(k, wanted.min(k.div_ceil(SHORTEST)).max(k.div_ceil(MAX_PRODUCT_TURNS)))
    }

    /// The same `k` rows in at most `most` slices.
    pub fn at_most(self, k: usize, most: usize) -> Self {
        if self.count <= most { self } else { Self::cut(k, most) }
    }

    /// At most `count` slices of whole tiles of rows: `matmul_tn_broadcast` sums four rows at a time, and what it read
    /// beyond the end of a slice would be counted twice.
    fn cut(k: usize, count: usize) -> Self {
        let rows = k.div_ceil(count.max(1)).max(1).next_multiple_of(TILE);
        Self { rows, count: k.div_ceil(rows).max(1) }
    }
}

/// Rows and columns of a tile, and the invocations that share it.
pub(crate) fn tile(product: Product) -> ((usize, usize), usize) {
    match product {
        Product::Direct => ((TILE, TILE), 1),
        Product::Tiled => (SHARED, SHARERS),
        Product::Broadcast => ((SIDE, SIDE), 8),
    }
}

/// Tiles of a result of `rows` × `cols`, padding included.
fn tiles(product: Product, rows: usize, cols: usize) -> usize {
    let ((height, width), _) = tile(product);
    rows.div_ceil(height) * cols.div_ceil(width)
}

/// How a product A B or A Bᵀ of `rows` × `cols` is computed: as a whole, or where k is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// vec4s of k a slice.
    pub slice: usize,
    /// How many.
    pub slices: usize,
}

impl Course {
    /// Only `tiled` cuts k: where its tiles are few, and `room` numbers hold the slices. All sides with padding.
    pub fn new(product: Product, rows: usize, cols: usize, k: usize, room: usize) -> Self {
        let whole = Self { slice: k / 4, slices: 1 };
        if product != Product::Tiled {
            return whole;
        }
        let wanted =
            (WANTED_WORKGROUPS / tiles(product, rows, cols)).min(k / SHORTEST).min(room / (rows * cols));
        if wanted < 2 {
            return whole;
        }
        let slice = (k / 4).div_ceil(wanted).next_multiple_of(4);
        Self { slice, slices: (k / 4).div_ceil(slice) }
    }
}

/// Numbers that the slices of a product of `rows` × `cols` take, all sides with padding; 0 where it is computed as a whole.
pub fn product_room(product: Product, rows: usize, cols: usize, k: usize, most: usize) -> usize {
    match Course::new(product, rows, cols, k, most).slices {
        1 => 0,
        slices => slices * rows * cols,
    }
}

/// Invocations that end a product of `rows` × `cols` with sums of `k`: so many sums does the output's delta leave. `room`
/// numbers hold slices.
pub fn output_sums(product: Product, rows: usize, cols: usize, k: usize, room: usize) -> usize {
    let (rows, cols) = (padded(rows), padded(cols));
    if Course::new(product, rows, cols, padded(k), room).slices > 1 {
        return rows * cols / (4 * SLICES_ROWS);
    }
    tiles(product, rows, cols) * tile(product).1
}

/// Rows that an invocation of `matmul_slices.wgsl` has four columns of.
pub(crate) const SLICES_ROWS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_whole_tiles_of_rows_that_cover_all_of_them_however_few_are_allowed() {
        for k in [1, 7, 8, 9, 257, 1_000, 10_000, 32_768, 262_147] {
            for (rows, cols) in [(8, 8), (64, 256), (1_024, 784)] {
                for (product, most) in
                    Product::ALL.into_iter().flat_map(|p| [1, 2, 3, 7, 1_000].map(|m| (p, m)))
                {
                    let slices = Slices::new(product, k, rows, cols).at_most(k, most);
                    assert!(
                        slices.count <= most && slices.rows.is_multiple_of(TILE),
                        "{k}, {rows}×{cols}: {slices:?}"
                    );
                    let rest = k - (slices.count - 1) * slices.rows;
                    assert!((1..=slices.rows).contains(&rest), "{k}, {rows}×{cols}, {most}: {slices:?}");
                }
            }
        }
    }

    #[test]
    fn slices_of_a_product_are_whole_pieces_that_cover_its_k_and_fit_their_room() {
        for k in [8, 512, 520, 1_032, 4_096, 90_008] {
            for (rows, cols, room) in
                [(8, 8, 1 << 17), (256, 784, 1 << 22), (256, 784, 2 * 256 * 784), (512, 4_096, 1 << 30)]
            {
                let Course { slice, slices } = Course::new(Product::Tiled, rows, cols, k, room);
                let (turns, what) = (k / 4, format!("{rows}×{cols}, k = {k}, {room}: {slices} of {slice}"));
                assert!((slices - 1) * slice < turns && turns <= slices * slice, "{what}");
                assert!(slices == 1 || slice % 4 == 0 && slices * rows * cols <= room, "{what}");
                assert!(slices == 1 || 4 * slice >= SHORTEST && slices <= WANTED_WORKGROUPS, "{what}");
            }
        }
    }

    #[test]
    fn only_tiled_cuts_and_only_where_tiles_are_few_and_there_is_room() {
        let slices = |product, rows, room| Course::new(product, rows, 784, 4_096, room).slices;
        assert_eq!(slices(Product::Tiled, 512, 1 << 24), 9);
        assert_eq!(slices(Product::Direct, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Broadcast, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Tiled, 512, 0), 1);
        assert_eq!(slices(Product::Tiled, 32_768, 1 << 30), 1);
    }
}
