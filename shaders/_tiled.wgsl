// Shared part: how a GPU computes a product, in tiles of 128×64 that 128 invocations share, 8×8 each.
//
// Pieces of both factors, 16 k deep, lie in workgroup memory with k first, so that one k of an invocation is four loads
// for 64 multiply-adds. The vectors of the next piece are on their way into registers while this one is used. Elements
// that a tile reads beyond the edge of its factors are not written. Where tiles are too few for a GPU the host splits k
// into slices, whose products it adds up afterwards. On an H100 the depth of 16, the fetch ahead and the sides of the
// tile were each the best that was tried.
// The shader of the product binds the factors and says in which of two ways each is fetched and kept; the joined part
// _unrolled_16.wgsl or _unrolled_4.wgsl says how many k are written out one after the other.

override WORKGROUP: u32 = 128u;

// A line of a piece holds one k of all rows, four in a vec4; one vec4 more spreads the lines over the banks.
const LINE_A: u32 = 33u;
const LINE_B: u32 = 17u;
var<workgroup> piece_a: array<vec4<f32>, 528>;  // [16 of k, LINE_A]
var<workgroup> piece_b: array<vec4<f32>, 272>;  // [16 of k, LINE_B]

// First row and column of a tile, and the k at which its slice ends.
struct Corner {
    row: u32,
    column: u32,
    end: u32,
}

// Rows along k are read four k at a time and turned on their way into the piece.
fn a_along_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + 4u * (part % 4u);
    return select(vec4<f32>(), load_a((corner.row + part / 4u) * p.stride_a + at_k / 4u), at_k < corner.end);
}

fn b_along_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + 4u * (part % 4u);
    return select(vec4<f32>(), load_b((corner.column + part / 4u) * p.stride_b + at_k / 4u), at_k < corner.end);
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
    return select(vec4<f32>(), load_a(at_k * p.stride_a + corner.row / 4u + part % 32u), at_k < corner.end);
}

fn b_across_k(corner: Corner, part: u32, k: u32) -> vec4<f32> {
    let at_k = k + part / 16u;
    return select(vec4<f32>(), load_b(at_k * p.stride_b + corner.column / 4u + part % 16u), at_k < corner.end);
}

// The part of a piece that an invocation fetches: 512 vectors of A and 256 of B are 128 times four and two.
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

// The sums of an invocation: 8×8, two times four neighbours each way.
struct Tile {
    c0l: vec4<f32>, c0h: vec4<f32>,
    c1l: vec4<f32>, c1h: vec4<f32>,
    c2l: vec4<f32>, c2h: vec4<f32>,
    c3l: vec4<f32>, c3h: vec4<f32>,
    c4l: vec4<f32>, c4h: vec4<f32>,
    c5l: vec4<f32>, c5h: vec4<f32>,
    c6l: vec4<f32>, c6h: vec4<f32>,
    c7l: vec4<f32>, c7h: vec4<f32>,
}

// One k: the outer product of eight rows and eight columns.
fn multiply_one(t: ptr<function, Tile>, at_a: u32, at_b: u32) {
    let al = piece_a[at_a]; let ah = piece_a[at_a + 16u];
    let bl = piece_b[at_b]; let bh = piece_b[at_b + 8u];
    (*t).c0l = fma(vec4<f32>(al.x), bl, (*t).c0l); (*t).c0h = fma(vec4<f32>(al.x), bh, (*t).c0h);
    (*t).c1l = fma(vec4<f32>(al.y), bl, (*t).c1l); (*t).c1h = fma(vec4<f32>(al.y), bh, (*t).c1h);
    (*t).c2l = fma(vec4<f32>(al.z), bl, (*t).c2l); (*t).c2h = fma(vec4<f32>(al.z), bh, (*t).c2h);
    (*t).c3l = fma(vec4<f32>(al.w), bl, (*t).c3l); (*t).c3h = fma(vec4<f32>(al.w), bh, (*t).c3h);
    (*t).c4l = fma(vec4<f32>(ah.x), bl, (*t).c4l); (*t).c4h = fma(vec4<f32>(ah.x), bh, (*t).c4h);
    (*t).c5l = fma(vec4<f32>(ah.y), bl, (*t).c5l); (*t).c5h = fma(vec4<f32>(ah.y), bh, (*t).c5h);
    (*t).c6l = fma(vec4<f32>(ah.z), bl, (*t).c6l); (*t).c6h = fma(vec4<f32>(ah.z), bh, (*t).c6h);
    (*t).c7l = fma(vec4<f32>(ah.w), bl, (*t).c7l); (*t).c7h = fma(vec4<f32>(ah.w), bh, (*t).c7h);
}

// Hands every element to `put`.
fn store_tile(t: ptr<function, Tile>, row: u32, column: u32) {
    put(row + 0u, column, (*t).c0l); put(row + 0u, column + 8u, (*t).c0h);
    put(row + 1u, column, (*t).c1l); put(row + 1u, column + 8u, (*t).c1h);
    put(row + 2u, column, (*t).c2l); put(row + 2u, column + 8u, (*t).c2h);
    put(row + 3u, column, (*t).c3l); put(row + 3u, column + 8u, (*t).c3h);
    put(row + 64u, column, (*t).c4l); put(row + 64u, column + 8u, (*t).c4h);
    put(row + 65u, column, (*t).c5l); put(row + 65u, column + 8u, (*t).c5h);
    put(row + 66u, column, (*t).c6l); put(row + 66u, column + 8u, (*t).c6h);
    put(row + 67u, column, (*t).c7l); put(row + 67u, column + 8u, (*t).c7h);
}

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
    let corner = Corner(128u * tile.x, 64u * tile.y, bounds.y);
    begin(corner, local);
    let down = local / 8u;
    let across = local % 8u;

    var t: Tile;
    var ahead = fetch(corner, local, bounds.x);
    for (var k = bounds.x; k < bounds.y; k += 16u) {
        keep(local, ahead);
        workgroupBarrier();
        sum_piece(local);
        ahead = fetch(corner, local, k + 16u);
        for (var line = 0u; line < 16u; line += UNROLLED) {
            multiply(&t, line * LINE_A + down, line * LINE_B + across);
        }
        workgroupBarrier();
    }
    prepare();
    store_tile(&t, corner.row + 4u * down, corner.column / 4u + across);
    finish(index * WORKGROUP + local);
}
