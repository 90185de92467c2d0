// P_z = Aᵀ B over the z-th slice of rows, for adapters with subgroups whose registers are fast and whose loads are slow,
// as software adapters are.
//
// Eight invocations compute a tile of 32×32 in registers (the generated part): four columns each. For every k an
// invocation loads four rows of the tile out of A and its four columns out of B; rows go round by broadcast. Slices are
// multiples of four rows, and four k are summed before they are added to the tile. What a tile reads beyond the edge of
// its factors it does not write.
// Index legend: i column of A and row of P, j column of B and P, k summed row. Strides in vec4.

struct SlicedProduct {
    tiles_m: u32,      // tiles down P
    tiles_n: u32,      // tiles across P
    k: u32,            // rows of A and B, padding included
    slice: u32,        // rows a slice
    slices: u32,
    stride_a: u32,
    stride_b: u32,
    stride_c: u32,
}

@group(0) @binding(0) var<uniform> p: SlicedProduct;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;  // [slices, m, n]

override WORKGROUP: u32 = 8u;

// The slice that the invocation computes.
var<private> slice: u32;

fn put(row: u32, column: u32, value: vec4<f32>) {
    let rows = 4u * p.stride_a;
    if row < rows && column < p.stride_c && slice < p.slices { c[(slice * rows + row) * p.stride_c + column] = value; }
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = linear_index(group, groups, 0u) / WORKGROUP;
    let tiles = p.tiles_m * p.tiles_n;
    slice = index / tiles;
    let i = (index % tiles) / p.tiles_n * 32u;
    let column = (index % p.tiles_n) * 8u + lane;

    // Out of the loop: there a uniform is read anew in every turn, for each invocation.
    let stride_a = p.stride_a;
    let stride_b = p.stride_b;
    let end = min((slice + 1u) * p.slice, p.k);

    var sums = Tile();
    for (var k = slice * p.slice; k < end; k += 4u) {
        let at_a = k * stride_a + i / 4u + lane;
        let at_b = k * stride_b + column;
        let a0 = a_at(at_a);
        let a1 = a_at(at_a + stride_a);
        let a2 = a_at(at_a + 2u * stride_a);
        let a3 = a_at(at_a + 3u * stride_a);
        let b0 = b_at(at_b);
        let b1 = b_at(at_b + stride_b);
        let b2 = b_at(at_b + 2u * stride_b);
        let b3 = b_at(at_b + 3u * stride_b);
        multiply(&sums, a0, a1, a2, a3, b0, b1, b2, b3);
    }
    store_tile(&sums, i, column);
}
