// C = A B for the decoder A2 D.
//
// One invocation computes an 8×8 tile of C in registers: 16 vec4 loads for 256 multiply-adds, no shared memory, no
// barrier. Rows and columns of all three matrices are padded with zeros to multiples of 8, so that no tile has an
// edge. Differs from the reference in summing four k before adding them to the tile.
// The joined part says what becomes of C: one of _put*.wgsl.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

override WORKGROUP: u32 = 64u;

fn combine(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return x.x * b0 + x.y * b1 + x.z * b2 + x.w * b3;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tile = linear_index(group, groups, local);
    if tile >= p.tiles_m * p.tiles_n { return; }
    let i = (tile / p.tiles_n) * 8u;
    let j = (tile % p.tiles_n) * 8u;
    let row_a = i * p.stride_a;
    let column_b = j / 4u;

    var c0l = vec4<f32>(); var c0h = vec4<f32>();
    var c1l = vec4<f32>(); var c1h = vec4<f32>();
    var c2l = vec4<f32>(); var c2h = vec4<f32>();
    var c3l = vec4<f32>(); var c3h = vec4<f32>();
    var c4l = vec4<f32>(); var c4h = vec4<f32>();
    var c5l = vec4<f32>(); var c5h = vec4<f32>();
    var c6l = vec4<f32>(); var c6h = vec4<f32>();
    var c7l = vec4<f32>(); var c7h = vec4<f32>();

    for (var k = p.k_first; k < p.k_end; k++) {
        let row_b = 4u * k * p.stride_b + column_b;
        let b0l = b_at(row_b); let b0h = b_at(row_b + 1u);
        let b1l = b_at(row_b + p.stride_b); let b1h = b_at(row_b + p.stride_b + 1u);
        let b2l = b_at(row_b + 2u * p.stride_b); let b2h = b_at(row_b + 2u * p.stride_b + 1u);
        let b3l = b_at(row_b + 3u * p.stride_b); let b3h = b_at(row_b + 3u * p.stride_b + 1u);
        let a0 = a_at(row_a + k);
        c0l += combine(a0, b0l, b1l, b2l, b3l); c0h += combine(a0, b0h, b1h, b2h, b3h);
        let a1 = a_at(row_a + p.stride_a + k);
        c1l += combine(a1, b0l, b1l, b2l, b3l); c1h += combine(a1, b0h, b1h, b2h, b3h);
        let a2 = a_at(row_a + 2u * p.stride_a + k);
        c2l += combine(a2, b0l, b1l, b2l, b3l); c2h += combine(a2, b0h, b1h, b2h, b3h);
        let a3 = a_at(row_a + 3u * p.stride_a + k);
        c3l += combine(a3, b0l, b1l, b2l, b3l); c3h += combine(a3, b0h, b1h, b2h, b3h);
        let a4 = a_at(row_a + 4u * p.stride_a + k);
        c4l += combine(a4, b0l, b1l, b2l, b3l); c4h += combine(a4, b0h, b1h, b2h, b3h);
        let a5 = a_at(row_a + 5u * p.stride_a + k);
        c5l += combine(a5, b0l, b1l, b2l, b3l); c5h += combine(a5, b0h, b1h, b2h, b3h);
        let a6 = a_at(row_a + 6u * p.stride_a + k);
        c6l += combine(a6, b0l, b1l, b2l, b3l); c6h += combine(a6, b0h, b1h, b2h, b3h);
        let a7 = a_at(row_a + 7u * p.stride_a + k);
        c7l += combine(a7, b0l, b1l, b2l, b3l); c7h += combine(a7, b0h, b1h, b2h, b3h);
    }

    let column = j / 4u;
    put(i, column, c0l); put(i, column + 1u, c0h);
    put(i + 1u, column, c1l); put(i + 1u, column + 1u, c1h);
    put(i + 2u, column, c2l); put(i + 2u, column + 1u, c2h);
    put(i + 3u, column, c3l); put(i + 3u, column + 1u, c3h);
    put(i + 4u, column, c4l); put(i + 4u, column + 1u, c4h);
    put(i + 5u, column, c5l); put(i + 5u, column + 1u, c5h);
    put(i + 6u, column, c6l); put(i + 6u, column + 1u, c6h);
    put(i + 7u, column, c7l); put(i + 7u, column + 1u, c7h);
    finish(tile);
}
