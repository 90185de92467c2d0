// The gradient of a hidden block from its factors by subgroup broadcast, for adapters whose registers are fast and whose loads
// are slow, as software adapters are; they load from textures several times as fast as from buffers. A2ᵀ δ3 is for D, δ2ᵀ X
// for W1, and the sums of δ2 and δ3 over the rows for b1 and b2; _gradient_tiles.wgsl has the order of the tiles.
//
// The eight invocations of a workgroup, which share one subgroup, compute a tile of 32×32 in registers (the joined
// part): four columns each. For every k an invocation loads four rows of the tile out of A and its four columns out of
// B; rows go round by broadcast. Slices are multiples of four rows, and four k are summed before they are added to the
// tile. Elements that a tile reads beyond the edge of its factors are not written.
// Index legend: A is A2 or δ2, B is δ3 or X; i column of A and row of the product, j column of B, k summed row. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Gradients;
@group(0) @binding(1) var a2: texture_storage_2d<rgba32float, read>;      // [m, h]
@group(0) @binding(2) var delta3: texture_storage_2d<rgba32float, read>;  // [m, n]
@group(0) @binding(3) var delta2: texture_storage_2d<rgba32float, read>;  // [m, h]
@group(0) @binding(4) var x: texture_storage_2d<rgba32float, read>;       // [m, n]

fn load_a(i: u32) -> vec4<f32> {
    if is_encoder() { return textureLoad(delta2, texel(i)); }
    return textureLoad(a2, texel(i));
}

fn load_b(i: u32) -> vec4<f32> {
    if is_encoder() { return textureLoad(x, texel(i)); }
    return textureLoad(delta3, texel(i));
}

override WORKGROUP: u32 = 8u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let index = linear_index(group, groups, 0u) / WORKGROUP;
    let tile = take_tile(index);
    let at_row = 8u * tile.x + lane;
    let column = 8u * tile.y + lane;

    // Out of the loop: there a uniform is read anew in every turn, for each invocation. Control flow has to be uniform where
    // invocations broadcast, so the loop runs by numbers that follow from that of the workgroup.
    let stride_a = p.stride_a;
    let stride_b = p.stride_b;
    let bounds = bounds_of(index % tiles_of_product() / (p.tiles_m * p.tiles_n));

    var sums = Tile();
    var column_sum = vec4<f32>();
    for (var k = bounds.x; k < bounds.y; k += 4u) {
        let at_a = k * stride_a + at_row;
        let at_b = k * stride_b + column;
        let a_0 = load_a(at_a);
        let a_1 = load_a(at_a + stride_a);
        let a_2 = load_a(at_a + 2u * stride_a);
        let a_3 = load_a(at_a + 3u * stride_a);
        let b_0 = load_b(at_b);
        let b_1 = load_b(at_b + stride_b);
        let b_2 = load_b(at_b + 2u * stride_b);
        let b_3 = load_b(at_b + 3u * stride_b);
        if is_encoder() { column_sum += (a_0 + a_1) + (a_2 + a_3); } else { column_sum += (b_0 + b_1) + (b_2 + b_3); }
        multiply(&sums, a_0, a_1, a_2, a_3, b_0, b_1, b_2, b_3);
    }
    if index >= all_tiles() { return; }
    prepare();
    store_tile(&sums, 32u * tile.x, column);
    put_sum(place_of_sum(tile, at_row, column), column_sum);
}

// Adds four k to a tile. Vector k of A in invocation l is rows 4l to 4l + 3, one a component: the invocation that has
// loaded four rows gives them to all.
fn multiply(
    t: ptr<function, Tile>,
    a0: vec4<f32>, a1: vec4<f32>, a2: vec4<f32>, a3: vec4<f32>,
    b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>,
) {
    let x0_0 = subgroupBroadcast(a0, 0u);
    let x0_1 = subgroupBroadcast(a1, 0u);
    let x0_2 = subgroupBroadcast(a2, 0u);
    let x0_3 = subgroupBroadcast(a3, 0u);
    (*t).c0 += x0_0.x * b0; (*t).c0 += x0_1.x * b1; (*t).c0 += x0_2.x * b2; (*t).c0 += x0_3.x * b3;
    (*t).c1 += x0_0.y * b0; (*t).c1 += x0_1.y * b1; (*t).c1 += x0_2.y * b2; (*t).c1 += x0_3.y * b3;
    (*t).c2 += x0_0.z * b0; (*t).c2 += x0_1.z * b1; (*t).c2 += x0_2.z * b2; (*t).c2 += x0_3.z * b3;
    (*t).c3 += x0_0.w * b0; (*t).c3 += x0_1.w * b1; (*t).c3 += x0_2.w * b2; (*t).c3 += x0_3.w * b3;
    let x1_0 = subgroupBroadcast(a0, 1u);
    let x1_1 = subgroupBroadcast(a1, 1u);
    let x1_2 = subgroupBroadcast(a2, 1u);
    let x1_3 = subgroupBroadcast(a3, 1u);
    (*t).c4 += x1_0.x * b0; (*t).c4 += x1_1.x * b1; (*t).c4 += x1_2.x * b2; (*t).c4 += x1_3.x * b3;
    (*t).c5 += x1_0.y * b0; (*t).c5 += x1_1.y * b1; (*t).c5 += x1_2.y * b2; (*t).c5 += x1_3.y * b3;
    (*t).c6 += x1_0.z * b0; (*t).c6 += x1_1.z * b1; (*t).c6 += x1_2.z * b2; (*t).c6 += x1_3.z * b3;
    (*t).c7 += x1_0.w * b0; (*t).c7 += x1_1.w * b1; (*t).c7 += x1_2.w * b2; (*t).c7 += x1_3.w * b3;
    let x2_0 = subgroupBroadcast(a0, 2u);
    let x2_1 = subgroupBroadcast(a1, 2u);
    let x2_2 = subgroupBroadcast(a2, 2u);
    let x2_3 = subgroupBroadcast(a3, 2u);
    (*t).c8 += x2_0.x * b0; (*t).c8 += x2_1.x * b1; (*t).c8 += x2_2.x * b2; (*t).c8 += x2_3.x * b3;
    (*t).c9 += x2_0.y * b0; (*t).c9 += x2_1.y * b1; (*t).c9 += x2_2.y * b2; (*t).c9 += x2_3.y * b3;
    (*t).c10 += x2_0.z * b0; (*t).c10 += x2_1.z * b1; (*t).c10 += x2_2.z * b2; (*t).c10 += x2_3.z * b3;
    (*t).c11 += x2_0.w * b0; (*t).c11 += x2_1.w * b1; (*t).c11 += x2_2.w * b2; (*t).c11 += x2_3.w * b3;
    let x3_0 = subgroupBroadcast(a0, 3u);
    let x3_1 = subgroupBroadcast(a1, 3u);
    let x3_2 = subgroupBroadcast(a2, 3u);
    let x3_3 = subgroupBroadcast(a3, 3u);
    (*t).c12 += x3_0.x * b0; (*t).c12 += x3_1.x * b1; (*t).c12 += x3_2.x * b2; (*t).c12 += x3_3.x * b3;
    (*t).c13 += x3_0.y * b0; (*t).c13 += x3_1.y * b1; (*t).c13 += x3_2.y * b2; (*t).c13 += x3_3.y * b3;
    (*t).c14 += x3_0.z * b0; (*t).c14 += x3_1.z * b1; (*t).c14 += x3_2.z * b2; (*t).c14 += x3_3.z * b3;
    (*t).c15 += x3_0.w * b0; (*t).c15 += x3_1.w * b1; (*t).c15 += x3_2.w * b2; (*t).c15 += x3_3.w * b3;
    let x4_0 = subgroupBroadcast(a0, 4u);
    let x4_1 = subgroupBroadcast(a1, 4u);
    let x4_2 = subgroupBroadcast(a2, 4u);
    let x4_3 = subgroupBroadcast(a3, 4u);
    (*t).c16 += x4_0.x * b0; (*t).c16 += x4_1.x * b1; (*t).c16 += x4_2.x * b2; (*t).c16 += x4_3.x * b3;
    (*t).c17 += x4_0.y * b0; (*t).c17 += x4_1.y * b1; (*t).c17 += x4_2.y * b2; (*t).c17 += x4_3.y * b3;
    (*t).c18 += x4_0.z * b0; (*t).c18 += x4_1.z * b1; (*t).c18 += x4_2.z * b2; (*t).c18 += x4_3.z * b3;
    (*t).c19 += x4_0.w * b0; (*t).c19 += x4_1.w * b1; (*t).c19 += x4_2.w * b2; (*t).c19 += x4_3.w * b3;
    let x5_0 = subgroupBroadcast(a0, 5u);
    let x5_1 = subgroupBroadcast(a1, 5u);
    let x5_2 = subgroupBroadcast(a2, 5u);
    let x5_3 = subgroupBroadcast(a3, 5u);
    (*t).c20 += x5_0.x * b0; (*t).c20 += x5_1.x * b1; (*t).c20 += x5_2.x * b2; (*t).c20 += x5_3.x * b3;
    (*t).c21 += x5_0.y * b0; (*t).c21 += x5_1.y * b1; (*t).c21 += x5_2.y * b2; (*t).c21 += x5_3.y * b3;
    (*t).c22 += x5_0.z * b0; (*t).c22 += x5_1.z * b1; (*t).c22 += x5_2.z * b2; (*t).c22 += x5_3.z * b3;
    (*t).c23 += x5_0.w * b0; (*t).c23 += x5_1.w * b1; (*t).c23 += x5_2.w * b2; (*t).c23 += x5_3.w * b3;
    let x6_0 = subgroupBroadcast(a0, 6u);
    let x6_1 = subgroupBroadcast(a1, 6u);
    let x6_2 = subgroupBroadcast(a2, 6u);
    let x6_3 = subgroupBroadcast(a3, 6u);
    (*t).c24 += x6_0.x * b0; (*t).c24 += x6_1.x * b1; (*t).c24 += x6_2.x * b2; (*t).c24 += x6_3.x * b3;
    (*t).c25 += x6_0.y * b0; (*t).c25 += x6_1.y * b1; (*t).c25 += x6_2.y * b2; (*t).c25 += x6_3.y * b3;
    (*t).c26 += x6_0.z * b0; (*t).c26 += x6_1.z * b1; (*t).c26 += x6_2.z * b2; (*t).c26 += x6_3.z * b3;
    (*t).c27 += x6_0.w * b0; (*t).c27 += x6_1.w * b1; (*t).c27 += x6_2.w * b2; (*t).c27 += x6_3.w * b3;
    let x7_0 = subgroupBroadcast(a0, 7u);
    let x7_1 = subgroupBroadcast(a1, 7u);
    let x7_2 = subgroupBroadcast(a2, 7u);
    let x7_3 = subgroupBroadcast(a3, 7u);
    (*t).c28 += x7_0.x * b0; (*t).c28 += x7_1.x * b1; (*t).c28 += x7_2.x * b2; (*t).c28 += x7_3.x * b3;
    (*t).c29 += x7_0.y * b0; (*t).c29 += x7_1.y * b1; (*t).c29 += x7_2.y * b2; (*t).c29 += x7_3.y * b3;
    (*t).c30 += x7_0.z * b0; (*t).c30 += x7_1.z * b1; (*t).c30 += x7_2.z * b2; (*t).c30 += x7_3.z * b3;
    (*t).c31 += x7_0.w * b0; (*t).c31 += x7_1.w * b1; (*t).c31 += x7_2.w * b2; (*t).c31 += x7_3.w * b3;
}
