// Shared part: what a product A B or A Bᵀ in tiles of _tiled.wgsl is made of: its factors, and its tiles slice by slice of k.

// The slice that the workgroup computes.
var<private> slice: u32;
// Its tile.
var<private> taken: vec2<u32>;

fn load_a(i: u32) -> vec4<f32> { return a[i]; }
fn load_b(i: u32) -> vec4<f32> { return b[i]; }

fn tiles_of_product() -> u32 { return p.tiles_m * p.tiles_n * p.slices; }
fn all_tiles() -> u32 { return tiles_of_product(); }

// Takes up tile `index` of all: its row and its column.
fn take_tile(index: u32) -> vec2<u32> {
    let tiles = p.tiles_m * p.tiles_n;
    slice = index / tiles;
    taken = vec2<u32>(index % tiles / p.tiles_n, index % p.tiles_n);
    return taken;
}

// Its rows are added up by nobody.
fn begin(corner: Corner, local: u32) {}
fn sum_piece(local: u32) {}
fn prepare() {}

// Sixteen invocations below each other have rows of the same columns: their sums meet where the pieces were.
fn is_second(column: u32) -> bool { return column % 16u >= 8u; }

fn totals_of_tile(invocation: u32, first: vec4<f32>, second: vec4<f32>) -> ColumnTotals {
    let local = invocation % WORKGROUP;
    let at = local / 8u * LINE_A + local % 8u;
    piece_a[at] = first;
    piece_a[at + 8u] = second;
    workgroupBarrier();
    let is_column = local < 16u;
    var total = vec4<f32>();
    if is_column {
        for (var down = 0u; down < 16u; down++) { total += piece_a[down * LINE_A + local]; }
    }
    return ColumnTotals(taken.x, taken.y * 16u + local, select(0u, 1u, is_column), total, vec4<f32>());
}
