// Shared part: how a GPU computes a product, in tiles whose invocations share what they read.
//
// Pieces of both factors, 16 k deep, lie in workgroup memory with k first, so that one k of an invocation with 8×8 sums is
// four loads for 64 multiply-adds. The vectors of the next piece are on their way into registers while this one is used.
// Their addresses are advanced from piece to piece. Nothing tests k on the way: what was fetched beyond its end becomes 0
// in the last piece, before it is kept. Elements that a tile reads beyond the edge of its factors are not written. Where
// tiles are too few for a GPU the host splits k into slices, whose products it adds up afterwards.
// Several texts make a kernel. The shader of the product binds the factors and says of each how it is walked through and
// kept. _tiled_product.wgsl or _gradient_tiles.wgsl has the order of the tiles. tile.rs generates what depends on the tile: its constants, `Tile` with the sums of an invocation, `Fetched` with
// its vectors of a piece, and what is written out for each of these. This part has the rest.

// A line of a piece holds one k of all rows, four in a vec4; one vec4 more spreads the lines over the banks.
const LINE_A: u32 = TILE_ROWS / 4u + 1u;
const LINE_B: u32 = TILE_COLS / 4u + 1u;
var<workgroup> piece_a: array<array<vec4<f32>, LINE_A>, 16>;  // [16 of k, LINE_A]
var<workgroup> piece_b: array<array<vec4<f32>, LINE_B>, 16>;  // [16 of k, LINE_B]

// First row and column of a tile.
struct Corner {
    row: u32,
    column: u32,
}

// The way of an invocation through a factor, in vec4s: its first vector, how far from one to the next of a piece, and how
// far from piece to piece. `part` below is the number of a vector within a piece: local, and then SHARERS more each.
struct Walk {
    first: u32,
    hop: u32,
    step: u32,
}

// Rows along k are read four k at a time and turned on their way into the piece.
fn along_k(row: u32, stride: u32, local: u32, k: u32) -> Walk {
    return Walk((row + local / 4u) * stride + k / 4u + local % 4u, SHARERS / 4u * stride, 4u);
}

fn k_along(part: u32) -> u32 { return part % 4u * 4u; }

fn keep_a_turned(part: u32, x: vec4<f32>) {
    let row = part / 4u;
    let k = k_along(part);
    piece_a[k][row / 4u][row % 4u] = x.x;
    piece_a[k + 1u][row / 4u][row % 4u] = x.y;
    piece_a[k + 2u][row / 4u][row % 4u] = x.z;
    piece_a[k + 3u][row / 4u][row % 4u] = x.w;
}

fn keep_b_turned(part: u32, x: vec4<f32>) {
    let row = part / 4u;
    let k = k_along(part);
    piece_b[k][row / 4u][row % 4u] = x.x;
    piece_b[k + 1u][row / 4u][row % 4u] = x.y;
    piece_b[k + 2u][row / 4u][row % 4u] = x.z;
    piece_b[k + 3u][row / 4u][row % 4u] = x.w;
}

// Rows across k are lines of the piece as they are, of so many vectors.
const WIDTH_A: u32 = TILE_ROWS / 4u;
const WIDTH_B: u32 = TILE_COLS / 4u;

fn across_k(column: u32, width: u32, stride: u32, local: u32, k: u32) -> Walk {
    let first = (k + local / width) * stride + column / 4u + local % width;
    return Walk(first, SHARERS / width * stride, 16u * stride);
}

fn keep_a_straight(part: u32, x: vec4<f32>) { piece_a[part / WIDTH_A][part % WIDTH_A] = x; }
fn keep_b_straight(part: u32, x: vec4<f32>) { piece_b[part / WIDTH_B][part % WIDTH_B] = x; }

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, 0u) / WORKGROUP;
    if index >= all_tiles() { return; }
    let tile = take_tile(index);
    let bounds = bounds_of(index % tiles_of_product() / (p.tiles_m * p.tiles_n));
    let corner = Corner(TILE_ROWS * tile.x, TILE_COLS * tile.y);
    begin(tile, local);
    let down = local / ACROSS;
    let across = local % ACROSS;

    let in_a = walk_a(corner, local, bounds.x);
    let in_b = walk_b(corner, local, bounds.x);
    var at_a = in_a.first;
    var at_b = in_b.first;
    var t: Tile;
    var ahead = fetch(at_a, in_a.hop, at_b, in_b.hop);
    for (var k = bounds.x; k < bounds.y; k += 16u) {
        if k + 16u > bounds.y { ahead = cut(local, ahead, bounds.y - k); }
        keep(local, ahead);
        workgroupBarrier();
        sum_piece(local);
        at_a += in_a.step;
        at_b += in_b.step;
        ahead = fetch(at_a, in_a.hop, at_b, in_b.hop);
        add_piece(&t, down, across);
        workgroupBarrier();
    }
    prepare();
    store_tile(&t, corner.row + 4u * down, corner.column / 4u + across);
    finish(index * WORKGROUP + local);
}
