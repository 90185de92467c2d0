// Shared part: how a GPU computes a product, in tiles of 128×64 that 128 invocations share, 8×8 each.
//
// Pieces of both factors, 16 k deep, lie in workgroup memory with k first, so that one k of an invocation is four loads
// for 64 multiply-adds. The vectors of the next piece are on their way into registers while this one is used. What a
// tile reads beyond the edge of its factors it does not write. Where tiles are too few for a GPU the host has k cut into
// slices, whose products it adds up afterwards. On an H100 the depth of 16, the fetch ahead and the sides of the tile
// were each the best of what was tried.
// The shader of the product says in which of two ways each factor is fetched and kept; the generated part holds the sums
// and the multiply-adds.

override WORKGROUP: u32 = 128u;

// A line of a piece holds one k of all rows, four in a vec4; one vec4 more spreads the lines over the banks.
const LINE_A: u32 = 33u;
const LINE_B: u32 = 17u;
var<workgroup> piece_a: array<vec4<f32>, 528>;  // [16 of k, LINE_A]
var<workgroup> piece_b: array<vec4<f32>, 272>;  // [16 of k, LINE_B]

// The slice that the workgroup computes.
var<private> slice: u32;

// First row and column of a tile, and the k at which its slice ends.
struct Corner {
    row: u32,
    column: u32,
    end: u32,
}

// Rows along k are read four k at a time and turned on their way into the piece.
fn a_along_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + 4u * (part % 4u);
    return select(vec4<f32>(), a_at((corner.row + part / 4u) * p.stride_a + at_k / 4u), at_k < corner.end);
}

fn b_along_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + 4u * (part % 4u);
    return select(vec4<f32>(), b_at((corner.column + part / 4u) * p.stride_b + at_k / 4u), at_k < corner.end);
}

fn keep_a_turned(part: u32, x: vec4<f32>) {
    let row = part / 4u;
    let at = part % 4u * 4u * LINE_A + row / 4u;
    piece_a[at][row % 4u] = x.x;
    piece_a[at + LINE_A][row % 4u] = x.y;
    piece_a[at + 2u * LINE_A][row % 4u] = x.z;
    piece_a[at + 3u * LINE_A][row % 4u] = x.w;
}

fn keep_b_turned(part: u32, x: vec4<f32>) {
    let row = part / 4u;
    let at = part % 4u * 4u * LINE_B + row / 4u;
    piece_b[at][row % 4u] = x.x;
    piece_b[at + LINE_B][row % 4u] = x.y;
    piece_b[at + 2u * LINE_B][row % 4u] = x.z;
    piece_b[at + 3u * LINE_B][row % 4u] = x.w;
}

// Rows across k are lines of the piece as they are.
fn a_across_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + part / 32u;
    return select(vec4<f32>(), a_at(at_k * p.stride_a + corner.row / 4u + part % 32u), at_k < corner.end);
}

fn b_across_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + part / 16u;
    return select(vec4<f32>(), b_at(at_k * p.stride_b + corner.column / 4u + part % 16u), at_k < corner.end);
}

// What an invocation fetches of a piece: 512 vectors of A and 256 of B are 128 times four and two.
struct Fetched {
    a0: vec4<f32>, a1: vec4<f32>, a2: vec4<f32>, a3: vec4<f32>,
    b0: vec4<f32>, b1: vec4<f32>,
}

fn fetch(corner: Corner, local: u32, k: u32) -> Fetched {
    return Fetched(
        fetch_a(corner, local, k), fetch_a(corner, local + 128u, k),
        fetch_a(corner, local + 256u, k), fetch_a(corner, local + 384u, k),
        fetch_b(corner, local, k), fetch_b(corner, local + 128u, k),
    );
}

fn keep(local: u32, x: Fetched) {
    keep_a(local, x.a0); keep_a(local + 128u, x.a1);
    keep_a(local + 256u, x.a2); keep_a(local + 384u, x.a3);
    keep_b(local, x.b0); keep_b(local + 128u, x.b1);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, 0u) / WORKGROUP;
    let tiles = p.tiles_m * p.tiles_n;
    if index >= tiles * p.slices { return; }
    slice = index / tiles;
    let tile = index % tiles;
    let bounds = bounds_of(index / tiles);
    let corner = Corner(tile / p.tiles_n * 128u, tile % p.tiles_n * 64u, bounds.y);
    let down = local / 8u;
    let across = local % 8u;

    var t: Tile;
    var ahead = fetch(corner, local, bounds.x);
    for (var k = bounds.x; k < bounds.y; k += 16u) {
        keep(local, ahead);
        workgroupBarrier();
        ahead = fetch(corner, local, k + 16u);
        for (var line = 0u; line < 16u; line += UNROLLED) {
            multiply(&t, line * LINE_A + down, line * LINE_B + across);
        }
        workgroupBarrier();
    }
    store_tile(&t, corner.row + 4u * down, corner.column / 4u + across);
    finish(index * WORKGROUP + local);
}
