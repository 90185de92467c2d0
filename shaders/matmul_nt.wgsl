// C = A Bᵀ for the encoder X W1ᵀ and for back-propagation δ3 Dᵀ.
//
// Register tiles: one invocation computes an 8×8 tile of C in registers: 16 vec4 loads for 256 multiply-adds, no shared memory, no
// barrier. Rows and columns of all three matrices are padded with zeros to multiples of 8, so that no tile has an
// edge. Differs from the reference in summing four interleaved k at a time.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.
// Index legend: i row of A and C, j row of B and column of C, k summed. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;        // [m, k]
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;        // [n, k]

override WORKGROUP: u32 = 64u;

fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
}

// An invocation has the rows of its tile to itself.
fn is_second(column: u32) -> bool { return column % 2u == 1u; }

fn totals_of_tile(invocation: u32, first: vec4<f32>, second: vec4<f32>) -> ColumnTotals {
    return ColumnTotals(invocation / p.tiles_n, invocation % p.tiles_n * 2u, 2u, first, second);
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
        let b0 = b[row_b + k];
        let b1 = b[row_b + p.stride_b + k];
        let b2 = b[row_b + 2u * p.stride_b + k];
        let b3 = b[row_b + 3u * p.stride_b + k];
        let b4 = b[row_b + 4u * p.stride_b + k];
        let b5 = b[row_b + 5u * p.stride_b + k];
        let b6 = b[row_b + 6u * p.stride_b + k];
        let b7 = b[row_b + 7u * p.stride_b + k];
        let a0 = a[row_a + k];
        c0l += dots(a0, b0, b1, b2, b3); c0h += dots(a0, b4, b5, b6, b7);
        let a1 = a[row_a + p.stride_a + k];
        c1l += dots(a1, b0, b1, b2, b3); c1h += dots(a1, b4, b5, b6, b7);
        let a2 = a[row_a + 2u * p.stride_a + k];
        c2l += dots(a2, b0, b1, b2, b3); c2h += dots(a2, b4, b5, b6, b7);
        let a3 = a[row_a + 3u * p.stride_a + k];
        c3l += dots(a3, b0, b1, b2, b3); c3h += dots(a3, b4, b5, b6, b7);
        let a4 = a[row_a + 4u * p.stride_a + k];
        c4l += dots(a4, b0, b1, b2, b3); c4h += dots(a4, b4, b5, b6, b7);
        let a5 = a[row_a + 5u * p.stride_a + k];
        c5l += dots(a5, b0, b1, b2, b3); c5h += dots(a5, b4, b5, b6, b7);
        let a6 = a[row_a + 6u * p.stride_a + k];
        c6l += dots(a6, b0, b1, b2, b3); c6h += dots(a6, b4, b5, b6, b7);
        let a7 = a[row_a + 7u * p.stride_a + k];
        c7l += dots(a7, b0, b1, b2, b3); c7h += dots(a7, b4, b5, b6, b7);
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
