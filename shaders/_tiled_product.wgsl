// Shared part: what a product A B or A Bᵀ in tiles of _tiled.wgsl is made of: its factors, its tiles slice by slice of k, and
// sums over a tile: of its columns for the hidden layer, of all of it for the output layer.

// The slice that the workgroup computes, and its tile.
var<private> slice: u32;
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

// Nobody adds up the rows of a factor.
fn begin(tile: vec2<u32>, local: u32) {}
fn sum_piece(local: u32) {}
fn prepare() {}

// Invocations below each other have rows of the same columns, of at most two vectors each: their sums meet where the
// pieces were.
fn is_second(column: u32) -> bool { return column % WIDTH_B >= ACROSS; }

fn totals_of_tile(invocation: u32, first: vec4<f32>, second: vec4<f32>) -> ColumnTotals {
    let local = invocation % WORKGROUP;
    let down = local / ACROSS;
    piece_a[down][local % ACROSS] = first;
    if WIDTH_B > ACROSS { piece_a[down][local % ACROSS + ACROSS] = second; }
    workgroupBarrier();
    let is_column = local < WIDTH_B;
    var total = vec4<f32>();
    if is_column {
        for (var other = 0u; other < SHARERS / ACROSS; other++) { total += piece_a[other][local]; }
    }
    return ColumnTotals(taken.x, taken.y * WIDTH_B + local, select(0u, 1u, is_column), total, vec4<f32>());
}

// Numbers of all invocations meet there, too: eight of them add up a line each, and then each of all the eight.
fn sum_of_tile(invocation: u32, sum: f32) -> TileSum {
    let local = invocation % WORKGROUP;
    piece_a[local / 8u][local % 8u].x = sum;
    workgroupBarrier();
    if local < 8u {
        var line = 0.0;
        for (var other = 0u; other < SHARERS / 8u; other++) { line += piece_a[other][local].x; }
        piece_b[0][local].x = line;
    }
    workgroupBarrier();
    var total = 0.0;
    for (var line = 0u; line < 8u; line++) { total += piece_b[0][line].x; }
    return TileSum(invocation / WORKGROUP, local == 0u, total);
}
