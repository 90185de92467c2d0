// C = A B for the decoder A2 D.
//
// Register tiles: one invocation computes an 8×8 tile of C in registers: 16 vec4 loads for 256 multiply-adds, no shared memory, no
// barrier. Rows and columns of all three matrices are padded with zeros to multiples of 8, so that no tile has an
// edge. Differs from the reference in summing four k before adding them to the tile.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;        // [m, k]
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;        // [k, n]

override WORKGROUP: u32 = 64u;

fn weighted_sum(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return x.x * b0 + x.y * b1 + x.z * b2 + x.w * b3;
}

// An invocation has its sum to itself.
fn sum_of_tile(invocation: u32, sum: f32) -> TileSum { return TileSum(invocation, true, sum); }

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
        let b0l = b[row_b]; let b0h = b[row_b + 1u];
        let b1l = b[row_b + p.stride_b]; let b1h = b[row_b + p.stride_b + 1u];
        let b2l = b[row_b + 2u * p.stride_b]; let b2h = b[row_b + 2u * p.stride_b + 1u];
        let b3l = b[row_b + 3u * p.stride_b]; let b3h = b[row_b + 3u * p.stride_b + 1u];
        let a0 = a[row_a + k];
        c0l += weighted_sum(a0, b0l, b1l, b2l, b3l); c0h += weighted_sum(a0, b0h, b1h, b2h, b3h);
        let a1 = a[row_a + p.stride_a + k];
        c1l += weighted_sum(a1, b0l, b1l, b2l, b3l); c1h += weighted_sum(a1, b0h, b1h, b2h, b3h);
        let a2 = a[row_a + 2u * p.stride_a + k];
        c2l += weighted_sum(a2, b0l, b1l, b2l, b3l); c2h += weighted_sum(a2, b0h, b1h, b2h, b3h);
        let a3 = a[row_a + 3u * p.stride_a + k];
        c3l += weighted_sum(a3, b0l, b1l, b2l, b3l); c3h += weighted_sum(a3, b0h, b1h, b2h, b3h);
        let a4 = a[row_a + 4u * p.stride_a + k];
        c4l += weighted_sum(a4, b0l, b1l, b2l, b3l); c4h += weighted_sum(a4, b0h, b1h, b2h, b3h);
        let a5 = a[row_a + 5u * p.stride_a + k];
        c5l += weighted_sum(a5, b0l, b1l, b2l, b3l); c5h += weighted_sum(a5, b0h, b1h, b2h, b3h);
        let a6 = a[row_a + 6u * p.stride_a + k];
        c6l += weighted_sum(a6, b0l, b1l, b2l, b3l); c6h += weighted_sum(a6, b0h, b1h, b2h, b3h);
        let a7 = a[row_a + 7u * p.stride_a + k];
        c7l += weighted_sum(a7, b0l, b1l, b2l, b3l); c7h += weighted_sum(a7, b0h, b1h, b2h, b3h);
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
