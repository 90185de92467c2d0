// The gradient of a hidden block from its factors through workgroup memory, for GPUs: A2ᵀ δ3 for D, δ2ᵀ X for W1, and the sums
// of δ2 and δ3 over the rows for b1 and b2. _tiled.wgsl says how a tile is computed, _gradient_tiles.wgsl has their order,
// _gradient_buffers.wgsl binds the factors, all of which lie across k. Differs from the reference in nothing but slices.
// Index legend: A is A2 or δ2, B is δ3 or X; i column of A and row of the product, j column of B, k summed row. Strides in vec4.

fn walk_a(corner: Corner, local: u32, k: u32) -> Walk {
    return across_k(corner.row, WIDTH_A, p.stride_a, local, k);
}

fn k_of_a(part: u32) -> u32 { return part / WIDTH_A; }
fn keep_a(part: u32, x: vec4<f32>) { keep_a_straight(part, x); }

fn walk_b(corner: Corner, local: u32, k: u32) -> Walk {
    return across_k(corner.column, WIDTH_B, p.stride_b, local, k);
}

fn k_of_b(part: u32) -> u32 { return part / WIDTH_B; }
fn keep_b(part: u32, x: vec4<f32>) { keep_b_straight(part, x); }

var<private> place: u32;
var<private> column_sum: vec4<f32>;

fn begin(tile: vec2<u32>, local: u32) {
    let is_summed = local < select(WIDTH_B, WIDTH_A, is_encoder());
    let sum_at = place_of_sum(tile, WIDTH_A * tile.x + local, WIDTH_B * tile.y + local);
    place = select(NOWHERE, sum_at, is_summed);
}

// Adds the rows of a piece to the sum of the columns that the invocation has.
fn sum_piece(local: u32) {
    if place == NOWHERE { return; }
    for (var line = 0u; line < 16u; line++) {
        if is_encoder() { column_sum += piece_a[line][local]; } else { column_sum += piece_b[line][local]; }
    }
}

fn finish(invocation: u32) { put_sum(place, column_sum); }
