// C = A Bᵀ (+ C if asked): forward product X W1ᵀ and back-propagation δ3 Dᵀ.
//
// One invocation computes an 8×8 tile of C in registers: 16 vec4 loads for 256 multiply-adds, no shared memory, no
// barrier. Rows and columns of all three matrices are padded with zeros to multiples of 8, so that no tile has an
// edge. Differs from the reference in summing four interleaved k at a time.
// Index legend: i row of A and C, j row of B and column of C, k summed. Strides in vec4.

struct Product {
    tiles_m: u32,     // tiles down C
    tiles_n: u32,     // tiles across C
    k_first: u32,     // first vec4 of k
    k_end: u32,       // end of k, vec4
    stride_a: u32,
    stride_b: u32,
    stride_c: u32,
    rows: u32,        // of C, padding included
}

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]

override WORKGROUP: u32 = 64u;
override ACCUMULATE: bool = false;  // add to C

fn store(at: u32, low: vec4<f32>, high: vec4<f32>) {
    if ACCUMULATE {
        c[at] += low;
        c[at + 1u] += high;
    } else {
        c[at] = low;
        c[at + 1u] = high;
    }
}

fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
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
    let row_b = j * p.stride_b;

    var c0l = vec4<f32>(); var c0h = vec4<f32>();
    var c1l = vec4<f32>(); var c1h = vec4<f32>();
    var c2l = vec4<f32>(); var c2h = vec4<f32>();
    var c3l = vec4<f32>(); var c3h = vec4<f32>();
    var c4l = vec4<f32>(); var c4h = vec4<f32>();
    var c5l = vec4<f32>(); var c5h = vec4<f32>();
    var c6l = vec4<f32>(); var c6h = vec4<f32>();
    var c7l = vec4<f32>(); var c7h = vec4<f32>();

    for (var k = p.k_first; k < p.k_end; k++) {
        let b0 = b_at(row_b + k);
        let b1 = b_at(row_b + p.stride_b + k);
        let b2 = b_at(row_b + 2u * p.stride_b + k);
        let b3 = b_at(row_b + 3u * p.stride_b + k);
        let b4 = b_at(row_b + 4u * p.stride_b + k);
        let b5 = b_at(row_b + 5u * p.stride_b + k);
        let b6 = b_at(row_b + 6u * p.stride_b + k);
        let b7 = b_at(row_b + 7u * p.stride_b + k);
        let a0 = a_at(row_a + k);
        c0l += dots(a0, b0, b1, b2, b3); c0h += dots(a0, b4, b5, b6, b7);
        let a1 = a_at(row_a + p.stride_a + k);
        c1l += dots(a1, b0, b1, b2, b3); c1h += dots(a1, b4, b5, b6, b7);
        let a2 = a_at(row_a + 2u * p.stride_a + k);
        c2l += dots(a2, b0, b1, b2, b3); c2h += dots(a2, b4, b5, b6, b7);
        let a3 = a_at(row_a + 3u * p.stride_a + k);
        c3l += dots(a3, b0, b1, b2, b3); c3h += dots(a3, b4, b5, b6, b7);
        let a4 = a_at(row_a + 4u * p.stride_a + k);
        c4l += dots(a4, b0, b1, b2, b3); c4h += dots(a4, b4, b5, b6, b7);
        let a5 = a_at(row_a + 5u * p.stride_a + k);
        c5l += dots(a5, b0, b1, b2, b3); c5h += dots(a5, b4, b5, b6, b7);
        let a6 = a_at(row_a + 6u * p.stride_a + k);
        c6l += dots(a6, b0, b1, b2, b3); c6h += dots(a6, b4, b5, b6, b7);
        let a7 = a_at(row_a + 7u * p.stride_a + k);
        c7l += dots(a7, b0, b1, b2, b3); c7h += dots(a7, b4, b5, b6, b7);
    }

    let at = i * p.stride_c + j / 4u;
    store(at, c0l, c0h);
    store(at + p.stride_c, c1l, c1h);
    store(at + 2u * p.stride_c, c2l, c2h);
    store(at + 3u * p.stride_c, c3l, c3h);
    store(at + 4u * p.stride_c, c4l, c4h);
    store(at + 5u * p.stride_c, c5l, c5h);
    store(at + 6u * p.stride_c, c6l, c6h);
    store(at + 7u * p.stride_c, c7l, c7h);
}
