//! The three products, and the sum over the slices of a weight gradient.

use super::word;
use crate::error::Result;
use crate::gpu::buffer::{TILE, Tensor, padded};
use crate::gpu::kernel::tile::{SHARED, SHARERS, SIDE};
use crate::gpu::kernel::{self, Kernel};
use crate::gpu::pace::moved;
use crate::gpu::recording::{Choice, Recorder};
use crate::gpu::uniform::{self, WeightGradient};
use crate::gpu::variant::Product;
use crate::objective::Activation;

/// Most vec4s of k that one dispatch of a product sums, and most rows of a slice: lavapipe ends the loops of an invocation
/// after 65 535 turns.
const MAX_PRODUCT_TURNS: usize = 20_000;
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

/// A B or A Bᵀ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factors {
    Nt,
    Nn,
}

impl Factors {
    fn kernel(self, product: Product) -> &'static Kernel {
        match self {
            Self::Nt => kernel::matmul_nt(product),
            Self::Nn => kernel::matmul_nn(product),
        }
    }

    fn sliced(self) -> &'static Kernel {
        match self {
            Self::Nt => &kernel::SLICED_NT,
            Self::Nn => &kernel::SLICED_NN,
        }
    }
}

/// What ends a product.
pub(super) struct End<'a> {
    /// The kernel that ends in it.
    pub kernel: &'static Kernel,
    /// The one that adds up slices and ends in it.
    pub of_slices: &'static Kernel,
    /// What it applies.
    pub f: Activation,
    /// The tensors that it takes besides A, B and C.
    pub tensors: &'a [&'a Tensor],
    /// Where its first sum goes, for ends that leave sums.
    pub first_sum: usize,
}

/// Rows and columns of a tile, and the invocations that share it.
fn tile(product: Product) -> ((usize, usize), usize) {
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
struct Course {
    /// vec4s of k a slice.
    slice: usize,
    slices: usize,
}

impl Course {
    /// Only `tiled` cuts k: where its tiles are few, and `room` numbers hold the slices. All sides with padding.
    fn new(product: Product, rows: usize, cols: usize, k: usize, room: usize) -> Self {
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
const SLICES_ROWS: usize = 4;

impl Recorder<'_> {
    /// C = A Bᵀ, or C += A Bᵀ.
    pub fn matmul_nt(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.cols, a.rows, b.rows), "matmul_nt: shapes");
        self.product(Factors::Nt, None, [a, b, c], accumulate)
    }

    /// C = A B, or C += A B.
    pub fn matmul_nn(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.rows, a.rows, b.cols), "matmul_nn: shapes");
        self.product(Factors::Nn, None, [a, b, c], accumulate)
    }

    /// Cut where that is faster; else in as many dispatches as the sum needs, the last of which has the end if there is one.
    pub(super) fn product(
        &mut self,
        factors: Factors,
        end: Option<End<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let product = match factors {
            Factors::Nt => self.variant.nt,
            Factors::Nn => self.variant.nn,
        };
        let room = self.scratch.as_ref().map_or(0, |scratch| scratch.bound);
        let course = Course::new(product, c.padded_rows, c.stride(), a.stride(), room);
        let whole = product_uniform(product, [a, b, c], end.as_ref());
        if course.slices > 1 {
            return self.sliced_product(factors, course, whole, end, [a, b, c], accumulate);
        }
        let turns = a.stride() / 4;
        let invocations = whole.sums as usize;
        for first in (0..turns).step_by(MAX_PRODUCT_TURNS) {
            let last = (first + MAX_PRODUCT_TURNS).min(turns);
            let uniform = uniform::Product {
                k_first: word(first),
                k_end: word(last),
                slice: word(last - first),
                ..whole
            };
            let work = Some(multiply_adds(c, last - first) + moved(c.len()));
            let choice = Choice { work, ..Choice::accumulating(accumulate || first > 0) };
            match &end {
                Some(end) if last == turns => {
                    let choice = Choice { activation: Some(end.f), ..choice };
                    let tensors = [&[c], end.tensors, &[a, b]].concat();
                    self.dispatch(end.kernel, choice, &uniform, &tensors, invocations)?;
                }
                _ => self.dispatch(factors.kernel(product), choice, &uniform, &[c, a, b], invocations)?,
            }
        }
        Ok(())
    }

    /// Slice by slice into the room for them, then all slices with the end.
    fn sliced_product(
        &mut self,
        factors: Factors,
        course: Course,
        whole: uniform::Product,
        end: Option<End<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let scratch = self.scratch.clone().expect("products are cut where there is room for slices");
        let Course { slice, slices } = course;
        let uniform = uniform::Product { slice: word(slice), slices: word(slices), ..whole };
        let work = Some(multiply_adds(c, a.stride() / 4) + moved(slices * c.len()));
        let choice = Choice { work, ..Choice::default() };
        let invocations = whole.sums as usize * slices;
        self.dispatch(factors.sliced(), choice, &uniform, &[&scratch, a, b], invocations)?;

        let invocations = c.len() / (4 * SLICES_ROWS);
        let uniform = uniform::Product { sums: word(invocations), ..uniform };
        let choice = Choice { work: Some(moved((slices + 2) * c.len())), ..Choice::accumulating(accumulate) };
        match end {
            Some(end) => {
                let choice = Choice { activation: Some(end.f), ..choice };
                let tensors = [&[c], end.tensors, &[&scratch]].concat();
                self.dispatch(end.of_slices, choice, &uniform, &tensors, invocations)
            }
            None => self.dispatch(&kernel::MATMUL_SLICES, choice, &uniform, &[c, &scratch], invocations),
        }
    }

    /// P_z = AᵀB over slice z of the rows; `products` is `[slices · padded columns of A, columns of B]`.
    pub fn matmul_tn(&mut self, a: &Tensor, b: &Tensor, products: &Tensor, slices: Slices) -> Result<()> {
        let ((height, width), sharers) = tile(self.variant.tn);
        let tiles = (a.stride().div_ceil(height), b.stride().div_ceil(width));
        assert_eq!(a.rows, b.rows, "matmul_tn: rows");
        assert!(products.bound >= slices.count * a.stride() * b.stride(), "matmul_tn: room for the slices");
        let uniform = uniform::SlicedProduct {
            tiles_m: word(tiles.0),
            tiles_n: word(tiles.1),
            k: word(a.padded_rows),
            slice: word(slices.rows),
            slices: word(slices.count),
            stride_a: word(a.stride() / 4),
            stride_b: word(b.stride() / 4),
            stride_c: word(b.stride() / 4),
        };
        let kernel = kernel::matmul_tn(self.variant.tn);
        let invocations = tiles.0 * tiles.1 * slices.count * sharers;
        let one = a.stride() * b.stride();
        let work = Some((one * a.padded_rows) as f64 + moved(slices.count * one));
        let choice = Choice { work, ..Choice::default() };
        self.dispatch(kernel, choice, &uniform, &[a, b, products], invocations)
    }

    /// G ← Σ products / `examples` + λW, or G += Σ products / `examples`.
    #[allow(clippy::too_many_arguments, reason = "four tensors and four numbers are what the formula has")]
    pub fn weight_gradient(
        &mut self,
        products: &Tensor,
        slices: Slices,
        w: &Tensor,
        gradient: &Tensor,
        examples: usize,
        lambda: f64,
        accumulate: bool,
    ) -> Result<()> {
        assert_eq!((w.rows, w.cols), (gradient.rows, gradient.cols), "weight_gradient: shapes");
        let uniform = WeightGradient {
            count: word(w.len() / 4),
            slices: word(slices.count),
            scale: 1.0 / examples as f32,
            lambda: lambda as f32,
        };
        self.dispatch(
            &kernel::WEIGHT_GRADIENT,
            Choice::accumulating(accumulate),
            &uniform,
            &[products, w, gradient],
            w.len() / 4,
        )
    }
}

/// Multiply-adds of a product with so many vec4s of k.
fn multiply_adds(c: &Tensor, turns: usize) -> f64 {
    (c.len() * 4 * turns) as f64
}

/// What a product is told that is computed as a whole.
fn product_uniform(product: Product, [a, b, c]: [&Tensor; 3], end: Option<&End<'_>>) -> uniform::Product {
    let ((height, width), sharers) = tile(product);
    let (tiles_m, tiles_n) = (c.padded_rows.div_ceil(height), c.stride().div_ceil(width));
    uniform::Product {
        tiles_m: word(tiles_m),
        tiles_n: word(tiles_n),
        k_first: 0,
        k_end: word(a.stride() / 4),
        stride_a: word(a.stride() / 4),
        stride_b: word(b.stride() / 4),
        stride_c: word(c.stride() / 4),
        rows: word(c.padded_rows),
        examples: word(c.rows),
        units: word(c.cols),
        sums: word(tiles_m * tiles_n * sharers),
        first_sum: word(end.map_or(0, |end| end.first_sum)),
        slice: word(a.stride() / 4),
        slices: 1,
    }
}

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
        assert_eq!(slices(Product::Tiled, 512, 1 << 24), 8);
        assert_eq!(slices(Product::Direct, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Broadcast, 512, 1 << 24), 1);
        assert_eq!(slices(Product::Tiled, 512, 0), 1);
        assert_eq!(slices(Product::Tiled, 32_768, 1 << 30), 1);
    }
}
