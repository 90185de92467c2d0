// C = A B by subgroup broadcast, for adapters whose registers are fast and whose loads are slow, as software adapters
// are; they load from textures several times as fast as from buffers.
//
// The eight invocations of a workgroup, which share one subgroup, compute a tile of 32×32 in registers (the joined
// parts): four columns each. For four k an invocation loads four vec4 of either factor, for 128 multiply-adds a vec4;
// rows of A go round by broadcast. Differs from the reference in summing four k before adding them to the tile. Elements
// that a tile reads beyond the edge of its factors are not written.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]
@group(0) @binding(2) var a: texture_storage_2d<rgba32float, read>;  // [m, k]
@group(0) @binding(3) var b: texture_storage_2d<rgba32float, read>;  // [k, n]

override WORKGROUP: u32 = 8u;

// An invocation has its sum to itself.
fn sum_of_tile(invocation: u32, sum: f32) -> TileSum { return TileSum(invocation, true, sum); }

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let tile = linear_index(group, groups, 0u) / WORKGROUP;
    let i = (tile / p.tiles_n) * 32u;
    let j = (tile % p.tiles_n) * 32u + 4u * lane;
    // Out of the loop: there a uniform is read anew in every turn, for each invocation.
    let stride_a = p.stride_a;
    let stride_b = p.stride_b;
    let end = p.k_end;
    let row_a = (i + lane) * stride_a;
    let column_b = j / 4u;

    var sums = Tile();
    for (var k = p.k_first; k < end; k++) {
        let a0 = textureLoad(a, texel(row_a + k));
        let a1 = textureLoad(a, texel(row_a + 8u * stride_a + k));
        let a2 = textureLoad(a, texel(row_a + 16u * stride_a + k));
        let a3 = textureLoad(a, texel(row_a + 24u * stride_a + k));
        let row_b = 4u * k * stride_b + column_b;
        let b0 = textureLoad(b, texel(row_b));
        let b1 = textureLoad(b, texel(row_b + stride_b));
        let b2 = textureLoad(b, texel(row_b + 2u * stride_b));
        let b3 = textureLoad(b, texel(row_b + 3u * stride_b));
        multiply(&sums, a0, a1, a2, a3, b0, b1, b2, b3);
    }
    store_tile(&sums, i, column_b);
    finish(tile * WORKGROUP + lane);
}
