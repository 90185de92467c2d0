//! Split-K: where the sum over k of a product is split into slices that run side by side, for loops that are short enough,
//! and for devices that have more to do than a result has tiles.

use crate::engine::gpu::memory::buffer::{TILE, padded};
use crate::engine::variant::Product;

/// Most vec4s of k that one dispatch of a product sums, and most rows of a slice: lavapipe ends the loops of an invocation
/// after 65 535 turns.
pub(crate) const MAX_PRODUCT_TURNS: usize = 20_000;
/// Weight gradients of a step, of the same size: both keep a device busy.
pub(crate) const GRADIENTS: usize = 2;
/// Least k of a slice: what is written and read for it should be little beside its multiply-adds.
const SHORTEST: usize = 256;

/// How the sum over k of a product is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitK {
    /// k of a slice; the last may be shorter.
    pub depth: usize,
    /// How many slices.
    pub count: usize,
}

impl SplitK {
    /// A sum in one piece.
    pub fn whole(k: usize) -> Self {
        Self { depth: k, count: 1 }
    }

    /// That of a weight gradient, Aᵀ B over `k` rows, for a result of `rows` × `cols`, padding included: small results
    /// still keep a device busy that wants so many `workgroups`, and no slice is longer than a shader's loop may be.
    pub fn of_gradient(product: Product, workgroups: usize, k: usize, rows: usize, cols: usize) -> Self {
        const WANTED_INVOCATIONS: usize = 2048;
        let wanted = if product.is_tiled() {
            (workgroups / (GRADIENTS * tiles(product, rows, cols))).max(1)
        } else {
            WANTED_INVOCATIONS.div_ceil(rows * cols / (TILE * TILE))
        };
        Self::split(k, wanted.min(k.div_ceil(SHORTEST)).max(k.div_ceil(MAX_PRODUCT_TURNS)))
    }

    /// The same `k` rows in at most `most` slices.
    pub fn at_most(self, k: usize, most: usize) -> Self {
        if self.count <= most { self } else { Self::split(k, most) }
    }

    /// At most `count` slices of whole tiles of rows: `matmul_tn_broadcast` sums four rows at a time, and what it read
    /// beyond the end of a slice would be counted twice.
    fn split(k: usize, count: usize) -> Self {
        let depth = k.div_ceil(count.max(1)).max(1).next_multiple_of(TILE);
        Self { depth, count: k.div_ceil(depth).max(1) }
    }
}

/// Tiles of a result of `rows` × `cols`, padding included.
pub(crate) fn tiles(product: Product, rows: usize, cols: usize) -> usize {
    let tile = product.tile();
    rows.div_ceil(tile.rows) * cols.div_ceil(tile.cols)
}

/// A product A B or A Bᵀ on a device: all that its split depends on, and what follows from the split. Sides may come with
/// their padding or without.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// Its kernel.
    pub product: Product,
    /// Workgroups that the device wants.
    pub workgroups: usize,
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result.
    pub cols: usize,
    /// Terms of each sum.
    pub k: usize,
    /// Numbers that there is room for in slices.
    pub room: usize,
}

impl Gemm {
    /// The slices: only the tiled kernels split k, where tiles are few beside the workgroups that a device wants, and there
    /// is room.
    pub fn split(self) -> SplitK {
        let k = padded(self.k);
        if !self.product.is_tiled() {
            return SplitK::whole(k);
        }
        let (rows, cols) = self.size();
        let wanted = self.workgroups / tiles(self.product, rows, cols);
        let wanted = wanted.min(k / SHORTEST).min(self.room / (rows * cols));
        if wanted < 2 {
            return SplitK::whole(k);
        }
        // Whole pieces of the tiled kernels, 16 k deep.
        let depth = 4 * (k / 4).div_ceil(wanted).next_multiple_of(4);
        SplitK { depth, count: k.div_ceil(depth) }
    }

    /// Numbers that its slices take; 0 where it is computed as a whole.
    pub fn slice_numbers(self) -> usize {
        let (rows, cols) = self.size();
        match self.split().count {
            1 => 0,
            count => count * rows * cols,
        }
    }

    /// Sums of squared errors that the output's delta leaves: one a tile, or one an invocation where these share no memory.
    pub fn output_sums(self) -> usize {
        let (rows, cols) = self.size();
        if self.is_split() {
            return invocations_of_sum(rows, cols);
        }
        let of_tile = if self.product.is_tiled() { 1 } else { self.product.tile().sharers };
        tiles(self.product, rows, cols) * of_tile
    }

    /// Parts in which a hidden layer leaves the sums of its columns: rows of its tiles.
    pub fn column_parts(self) -> usize {
        padded(self.rows).div_ceil(self.rows_of_part())
    }

    /// Rows of each of these parts but the last.
    pub fn rows_of_part(self) -> usize {
        if self.is_split() { SUMMED_ROWS } else { self.product.tile().rows }
    }

    fn is_split(self) -> bool {
        self.split().count > 1
    }

    /// Rows and columns of the result, padding included.
    fn size(self) -> (usize, usize) {
        (padded(self.rows), padded(self.cols))
    }
}

/// Rows that an invocation of `split_k_sum.wgsl` has four columns of.
pub(crate) const SUMMED_ROWS: usize = 4;

/// Invocations of that kernel for a result of `rows` × `cols`, each of which leaves a sum of squared errors where it has the output
/// layer's epilogue.
pub(crate) fn invocations_of_sum(rows: usize, cols: usize) -> usize {
    padded(rows) * padded(cols) / (4 * SUMMED_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workgroups that are wanted here.
    const WANTED: usize = 512;

    #[test]
    fn slices_are_whole_tiles_of_rows_that_cover_all_of_them_however_few_are_allowed() {
        for k in [1, 7, 8, 9, 257, 1_000, 10_000, 32_768, 262_147] {
            for (rows, cols) in [(8, 8), (64, 256), (1_024, 784)] {
                for (product, most) in
                    Product::ALL.into_iter().flat_map(|p| [1, 2, 3, 7, 1_000].map(|m| (p, m)))
                {
                    let slices = SplitK::of_gradient(product, WANTED, k, rows, cols).at_most(k, most);
                    assert!(
                        slices.count <= most && slices.depth.is_multiple_of(TILE),
                        "{k}, {rows}×{cols}: {slices:?}"
                    );
                    let rest = k - (slices.count - 1) * slices.depth;
                    assert!((1..=slices.depth).contains(&rest), "{k}, {rows}×{cols}, {most}: {slices:?}");
                }
            }
        }
    }

    #[test]
    fn slices_of_a_product_are_whole_pieces_that_cover_its_k_and_fit_their_room() {
        for k in [8, 512, 520, 1_032, 4_096, 90_008] {
            for (product, (rows, cols, room)) in Product::TILED.into_iter().flat_map(|product| {
                let sizes =
                    [(8, 8, 1 << 17), (256, 784, 1 << 22), (256, 784, 2 * 256 * 784), (512, 4_096, 1 << 30)];
                sizes.map(|size| (product, size))
            }) {
                let gemm = Gemm { product, workgroups: WANTED, rows, cols, k, room };
                let SplitK { depth, count } = gemm.split();
                let what = format!("{product} {rows}×{cols}, k = {k}, {room}: {count} of {depth}");
                assert!((count - 1) * depth < k && k <= count * depth, "{what}");
                assert!(count == 1 || depth % 16 == 0 && count * rows * cols <= room, "{what}");
                assert!(count == 1 || depth >= SHORTEST, "{what}");
                assert!(count == 1 || count * tiles(product, rows, cols) <= WANTED, "{what}");
            }
        }
    }

    #[test]
    fn only_tiled_kernels_split_k_and_only_where_tiles_are_few_and_there_is_room() {
        let slices = |product, rows, room| {
            Gemm { product, workgroups: WANTED, rows, cols: 784, k: 4_096, room }.split().count
        };
        assert_eq!(slices(Product::Tiled, 512, 1 << 24), 9);
        assert_eq!(slices(Product::Tiled64x64, 512, 1 << 24), 4);
        assert_eq!(slices(Product::Tiled32x32, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Direct, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Broadcast, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Tiled, 512, 0), 1);
        assert_eq!(slices(Product::Tiled, 32_768, 1 << 30), 1);
    }

    #[test]
    fn both_gradients_of_a_step_together_make_as_many_workgroups_as_are_wanted() {
        let slices = |product, workgroups| SplitK::of_gradient(product, workgroups, 10_000, 64, 64).count;
        assert_eq!(slices(Product::Tiled, 32), 16);
        assert_eq!(slices(Product::Tiled32x32, 32), 4);
        assert_eq!(slices(Product::Tiled32x32, 8), 1);
        assert_eq!(slices(Product::Tiled32x32, 1), 1);
        // No slice is shorter than 256 rows.
        assert_eq!(slices(Product::Tiled32x32, 1_000), 40);
    }
}
