// C = A B, for GPUs.
//
// 64 invocations compute a tile of 64×64, 8×8 each, from pieces of both factors in workgroup memory, 16 k deep: a number
// that is loaded once serves 64 multiply-adds. Rows of an invocation are eight apart, its columns two
// times four neighbours. What a tile reads beyond the edge of its
// factors it does not write. Differs from the reference in summing four k before adding them to the tile. Written by
// the book; no GPU was at hand to measure it on.
// The joined part says what becomes of C: one of _put*.wgsl.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

override WORKGROUP: u32 = 64u;

// Rows of A at five vec4s, so that rows of neighbouring invocations lie in different banks.
var<workgroup> piece_a: array<vec4<f32>, 320>;  // [64, 4 of k]
var<workgroup> piece_b: array<vec4<f32>, 256>;  // [16, 16 of n]

fn combine(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return x.x * b0 + x.y * b1 + x.z * b2 + x.w * b3;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tile = linear_index(group, groups, 0u) / WORKGROUP;
    let i = (tile / p.tiles_n) * 64u;
    let first = (tile % p.tiles_n) * 16u;
    let down = local / 8u;
    let across = local % 8u;

    var c0l = vec4<f32>(); var c0h = vec4<f32>();
    var c1l = vec4<f32>(); var c1h = vec4<f32>();
    var c2l = vec4<f32>(); var c2h = vec4<f32>();
    var c3l = vec4<f32>(); var c3h = vec4<f32>();
    var c4l = vec4<f32>(); var c4h = vec4<f32>();
    var c5l = vec4<f32>(); var c5h = vec4<f32>();
    var c6l = vec4<f32>(); var c6h = vec4<f32>();
    var c7l = vec4<f32>(); var c7h = vec4<f32>();

    for (var k = p.k_first; k < p.k_end; k += 4u) {
        for (var part = local; part < 256u; part += 64u) {
            let row = part / 4u;
            let at_k = k + part % 4u;
            piece_a[row * 5u + part % 4u] = select(vec4<f32>(), a_at((i + row) * p.stride_a + at_k), at_k < p.k_end);
            let row_b = 4u * k + part / 16u;
            piece_b[part] = select(vec4<f32>(), b_at(row_b * p.stride_b + first + part % 16u), row_b < 4u * p.k_end);
        }
        workgroupBarrier();
        for (var q = 0u; q < 4u; q++) {
            let at_b = 64u * q + across;
            let b0l = piece_b[at_b]; let b0h = piece_b[at_b + 8u];
            let b1l = piece_b[at_b + 16u]; let b1h = piece_b[at_b + 24u];
            let b2l = piece_b[at_b + 32u]; let b2h = piece_b[at_b + 40u];
            let b3l = piece_b[at_b + 48u]; let b3h = piece_b[at_b + 56u];
            let at_a = down * 5u + q;
            let a0 = piece_a[at_a];
            c0l += combine(a0, b0l, b1l, b2l, b3l); c0h += combine(a0, b0h, b1h, b2h, b3h);
            let a1 = piece_a[at_a + 40u];
            c1l += combine(a1, b0l, b1l, b2l, b3l); c1h += combine(a1, b0h, b1h, b2h, b3h);
            let a2 = piece_a[at_a + 80u];
            c2l += combine(a2, b0l, b1l, b2l, b3l); c2h += combine(a2, b0h, b1h, b2h, b3h);
            let a3 = piece_a[at_a + 120u];
            c3l += combine(a3, b0l, b1l, b2l, b3l); c3h += combine(a3, b0h, b1h, b2h, b3h);
            let a4 = piece_a[at_a + 160u];
            c4l += combine(a4, b0l, b1l, b2l, b3l); c4h += combine(a4, b0h, b1h, b2h, b3h);
            let a5 = piece_a[at_a + 200u];
            c5l += combine(a5, b0l, b1l, b2l, b3l); c5h += combine(a5, b0h, b1h, b2h, b3h);
            let a6 = piece_a[at_a + 240u];
            c6l += combine(a6, b0l, b1l, b2l, b3l); c6h += combine(a6, b0h, b1h, b2h, b3h);
            let a7 = piece_a[at_a + 280u];
            c7l += combine(a7, b0l, b1l, b2l, b3l); c7h += combine(a7, b0h, b1h, b2h, b3h);
        }
        workgroupBarrier();
    }

    let column = first + across;
    put(i + down, column, c0l); put(i + down, column + 8u, c0h);
    put(i + down + 8u, column, c1l); put(i + down + 8u, column + 8u, c1h);
    put(i + down + 16u, column, c2l); put(i + down + 16u, column + 8u, c2h);
    put(i + down + 24u, column, c3l); put(i + down + 24u, column + 8u, c3h);
    put(i + down + 32u, column, c4l); put(i + down + 32u, column + 8u, c4h);
    put(i + down + 40u, column, c5l); put(i + down + 40u, column + 8u, c5h);
    put(i + down + 48u, column, c6l); put(i + down + 48u, column + 8u, c6h);
    put(i + down + 56u, column, c7l); put(i + down + 56u, column + 8u, c7h);
    finish(tile * WORKGROUP + local);
}
