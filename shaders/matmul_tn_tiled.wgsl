// P_z = Aᵀ B over the z-th slice of rows, for GPUs.
//
// 64 invocations compute a tile of 64×64, 8×8 each, from pieces of both factors in workgroup memory, 16 k deep: a number
// that is loaded once serves 64 multiply-adds. Rows and columns of an invocation are two times four
// neighbours. What a tile reads beyond the edge of its
// factors it does not write. Written by
// the book; no GPU was at hand to measure it on.
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

override WORKGROUP: u32 = 64u;

var<workgroup> piece_a: array<vec4<f32>, 256>;  // [16, 16 of m]
var<workgroup> piece_b: array<vec4<f32>, 256>;  // [16, 16 of n]

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
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, 0u) / WORKGROUP;
    let tiles = p.tiles_m * p.tiles_n;
    slice = index / tiles;
    let first_a = (index % tiles) / p.tiles_n * 16u;
    let first_b = (index % p.tiles_n) * 16u;
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

    let end = min((slice + 1u) * p.slice, p.k);
    for (var k = slice * p.slice; k < end; k += 16u) {
        for (var part = local; part < 256u; part += 64u) {
            let row = k + part / 16u;
            piece_a[part] = select(vec4<f32>(), a_at(row * p.stride_a + first_a + part % 16u), row < end);
            piece_b[part] = select(vec4<f32>(), b_at(row * p.stride_b + first_b + part % 16u), row < end);
        }
        workgroupBarrier();
        for (var q = 0u; q < 16u; q++) {
            let al = piece_a[16u * q + down]; let ah = piece_a[16u * q + down + 8u];
            let bl = piece_b[16u * q + across]; let bh = piece_b[16u * q + across + 8u];
            c0l += al.x * bl; c0h += al.x * bh;
            c1l += al.y * bl; c1h += al.y * bh;
            c2l += al.z * bl; c2h += al.z * bh;
            c3l += al.w * bl; c3h += al.w * bh;
            c4l += ah.x * bl; c4h += ah.x * bh;
            c5l += ah.y * bl; c5h += ah.y * bh;
            c6l += ah.z * bl; c6h += ah.z * bh;
            c7l += ah.w * bl; c7h += ah.w * bh;
        }
        workgroupBarrier();
    }

    let row = 4u * (first_a + down);
    let column = first_b + across;
    put(row, column, c0l); put(row, column + 8u, c0h);
    put(row + 1u, column, c1l); put(row + 1u, column + 8u, c1h);
    put(row + 2u, column, c2l); put(row + 2u, column + 8u, c2h);
    put(row + 3u, column, c3l); put(row + 3u, column + 8u, c3h);
    put(row + 32u, column, c4l); put(row + 32u, column + 8u, c4h);
    put(row + 33u, column, c5l); put(row + 33u, column + 8u, c5h);
    put(row + 34u, column, c6l); put(row + 34u, column + 8u, c6h);
    put(row + 35u, column, c7l); put(row + 35u, column + 8u, c7h);
}
