// C = A Bᵀ, for GPUs.
//
// 64 invocations compute a tile of 64×64, 8×8 each, from pieces of both factors in workgroup memory, 16 k deep: a number
// that is loaded once serves 64 multiply-adds. Rows of an invocation are eight apart, its columns two
// times four neighbours. What a tile reads beyond the edge of its
// factors it does not write. Differs from the reference in summing four k before adding them to the tile. Written by
// the book; no GPU was at hand to measure it on.
// The joined part says what becomes of C: one of _put*.wgsl.
// Index legend: i row of A and C, j row of B and column of C, k summed. Strides in vec4.

override WORKGROUP: u32 = 64u;

// Rows at five vec4s, so that rows of neighbouring invocations lie in different banks.
var<workgroup> piece_a: array<vec4<f32>, 320>;  // [64, 4 of k]
var<workgroup> piece_b: array<vec4<f32>, 320>;  // [64, 4 of k]

fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tile = linear_index(group, groups, 0u) / WORKGROUP;
    let i = (tile / p.tiles_n) * 64u;
    let j = (tile % p.tiles_n) * 64u;
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
            let to = row * 5u + part % 4u;
            piece_a[to] = select(vec4<f32>(), a_at((i + row) * p.stride_a + at_k), at_k < p.k_end);
            piece_b[to] = select(vec4<f32>(), b_at((j + row) * p.stride_b + at_k), at_k < p.k_end);
        }
        workgroupBarrier();
        for (var q = 0u; q < 4u; q++) {
            let at_b = across * 20u + q;
            let b0 = piece_b[at_b]; let b1 = piece_b[at_b + 5u];
            let b2 = piece_b[at_b + 10u]; let b3 = piece_b[at_b + 15u];
            let b4 = piece_b[at_b + 160u]; let b5 = piece_b[at_b + 165u];
            let b6 = piece_b[at_b + 170u]; let b7 = piece_b[at_b + 175u];
            let at_a = down * 5u + q;
            let a0 = piece_a[at_a];
            c0l += dots(a0, b0, b1, b2, b3); c0h += dots(a0, b4, b5, b6, b7);
            let a1 = piece_a[at_a + 40u];
            c1l += dots(a1, b0, b1, b2, b3); c1h += dots(a1, b4, b5, b6, b7);
            let a2 = piece_a[at_a + 80u];
            c2l += dots(a2, b0, b1, b2, b3); c2h += dots(a2, b4, b5, b6, b7);
            let a3 = piece_a[at_a + 120u];
            c3l += dots(a3, b0, b1, b2, b3); c3h += dots(a3, b4, b5, b6, b7);
            let a4 = piece_a[at_a + 160u];
            c4l += dots(a4, b0, b1, b2, b3); c4h += dots(a4, b4, b5, b6, b7);
            let a5 = piece_a[at_a + 200u];
            c5l += dots(a5, b0, b1, b2, b3); c5h += dots(a5, b4, b5, b6, b7);
            let a6 = piece_a[at_a + 240u];
            c6l += dots(a6, b0, b1, b2, b3); c6h += dots(a6, b4, b5, b6, b7);
            let a7 = piece_a[at_a + 280u];
            c7l += dots(a7, b0, b1, b2, b3); c7h += dots(a7, b4, b5, b6, b7);
        }
        workgroupBarrier();
    }

    let column = j / 4u + across;
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
