// P_z = Aᵀ B over the z-th slice of rows: the weight gradients A2ᵀ δ3 and δ2ᵀ X before their sum.
//
// One invocation computes an 8×8 tile in registers over one slice of k: 4 vec4 loads for 64 multiply-adds. The
// examples are the summed index, there may be many and the result small, so they are cut into slices that run side
// by side; weight_gradient.wgsl adds the slices up. Rows and columns are padded with zeros to multiples of 8.
// Index legend: i column of A and row of P, j column of B and P, k summed row. Strides in vec4.

@group(0) @binding(0) var<uniform> p: SlicedProduct;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;        // [k, m]
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;        // [k, n]
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;  // [slices, m, n]

override WORKGROUP: u32 = 64u;

fn store(at: u32, low: vec4<f32>, high: vec4<f32>) {
    c[at] = low;
    c[at + 1u] = high;
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    let tiles = p.tiles_m * p.tiles_n;
    if index >= tiles * p.slices { return; }
    let slice = index / tiles;
    let tile = index % tiles;
    let i = (tile / p.tiles_n) * 8u;
    let j = (tile % p.tiles_n) * 8u;

    var c0l = vec4<f32>(); var c0h = vec4<f32>();
    var c1l = vec4<f32>(); var c1h = vec4<f32>();
    var c2l = vec4<f32>(); var c2h = vec4<f32>();
    var c3l = vec4<f32>(); var c3h = vec4<f32>();
    var c4l = vec4<f32>(); var c4h = vec4<f32>();
    var c5l = vec4<f32>(); var c5h = vec4<f32>();
    var c6l = vec4<f32>(); var c6h = vec4<f32>();
    var c7l = vec4<f32>(); var c7h = vec4<f32>();


    let end = min((slice + 1u) * p.slice, p.k);
    for (var k = slice * p.slice; k < end; k++) {
        let at_a = k * p.stride_a + i / 4u;
        let at_b = k * p.stride_b + j / 4u;
        let al = a[at_a]; let ah = a[at_a + 1u];
        let bl = b[at_b]; let bh = b[at_b + 1u];
        c0l += al.x * bl; c0h += al.x * bh;
        c1l += al.y * bl; c1h += al.y * bh;
        c2l += al.z * bl; c2h += al.z * bh;
        c3l += al.w * bl; c3h += al.w * bh;
        c4l += ah.x * bl; c4h += ah.x * bh;
        c5l += ah.y * bl; c5h += ah.y * bh;
        c6l += ah.z * bl; c6h += ah.z * bh;
        c7l += ah.w * bl; c7h += ah.w * bh;
    }

    let at = (slice * 8u * p.tiles_m + i) * p.stride_c + j / 4u;
    store(at, c0l, c0h);
    store(at + p.stride_c, c1l, c1h);
    store(at + 2u * p.stride_c, c2l, c2h);
    store(at + 3u * p.stride_c, c3l, c3h);
    store(at + 4u * p.stride_c, c4l, c4h);
    store(at + 5u * p.stride_c, c5l, c5h);
    store(at + 6u * p.stride_c, c6l, c6h);
    store(at + 7u * p.stride_c, c7l, c7h);
}
