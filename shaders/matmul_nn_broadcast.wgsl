// C = A B, for adapters with subgroups whose registers are fast and whose loads are slow, as software
// adapters are.
//
// Eight invocations compute a tile of 32×32 in registers (the generated part): four columns each. For four k an
// invocation loads four vec4 of either factor, for 128 multiply-adds a vec4; rows of A go round by broadcast. Differs
// from the reference in summing four k before adding them to the tile. What a tile reads beyond the edge of its factors
// it does not write.
// The joined part says what becomes of C: one of _put*.wgsl.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

override WORKGROUP: u32 = 8u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
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
        let a0 = a_at(row_a + k);
        let a1 = a_at(row_a + 8u * stride_a + k);
        let a2 = a_at(row_a + 16u * stride_a + k);
        let a3 = a_at(row_a + 24u * stride_a + k);
        let row_b = 4u * k * stride_b + column_b;
        let b0 = b_at(row_b);
        let b1 = b_at(row_b + stride_b);
        let b2 = b_at(row_b + 2u * stride_b);
        let b3 = b_at(row_b + 3u * stride_b);
        multiply(&sums, a0, a1, a2, a3, b0, b1, b2, b3);
    }
    store_tile(&sums, i, column_b);
    finish(tile * WORKGROUP + lane);
}
