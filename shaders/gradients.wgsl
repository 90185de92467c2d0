// The gradient of a hidden block from its factors: A2ᵀ δ3 for D, δ2ᵀ X for W1, and the sums of δ2 and δ3 over the rows for b1
// and b2; _gradient_tiles.wgsl has the order of the tiles,
// _gradient_buffers.wgsl binds the factors.
//
// One invocation computes an 8×8 tile in registers over one slice of k: 4 vec4 loads for 64 multiply-adds. The
// examples are the summed index, there may be many and the result small: then they are split into slices that run side by side.
// Rows and columns are padded with zeros to multiples of 8.
// Index legend: A is A2 or δ2, B is δ3 or X; i column of A and row of the product, j column of B, k summed row. Strides in vec4.

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    if index >= all_tiles() { return; }
    let tile = take_tile(index);
    let i = 8u * tile.x;
    let j = 8u * tile.y;

    var c0l = vec4<f32>(); var c0h = vec4<f32>();
    var c1l = vec4<f32>(); var c1h = vec4<f32>();
    var c2l = vec4<f32>(); var c2h = vec4<f32>();
    var c3l = vec4<f32>(); var c3h = vec4<f32>();
    var c4l = vec4<f32>(); var c4h = vec4<f32>();
    var c5l = vec4<f32>(); var c5h = vec4<f32>();
    var c6l = vec4<f32>(); var c6h = vec4<f32>();
    var c7l = vec4<f32>(); var c7h = vec4<f32>();
    var sum_l = vec4<f32>(); var sum_h = vec4<f32>();

    let bounds = bounds_of(slice);
    for (var k = bounds.x; k < bounds.y; k++) {
        let at_a = k * p.stride_a + i / 4u;
        let at_b = k * p.stride_b + j / 4u;
        let al = load_a(at_a); let ah = load_a(at_a + 1u);
        let bl = load_b(at_b); let bh = load_b(at_b + 1u);
        c0l += al.x * bl; c0h += al.x * bh;
        c1l += al.y * bl; c1h += al.y * bh;
        c2l += al.z * bl; c2h += al.z * bh;
        c3l += al.w * bl; c3h += al.w * bh;
        c4l += ah.x * bl; c4h += ah.x * bh;
        c5l += ah.y * bl; c5h += ah.y * bh;
        c6l += ah.z * bl; c6h += ah.z * bh;
        c7l += ah.w * bl; c7h += ah.w * bh;
        sum_l += select(bl, al, is_encoder());
        sum_h += select(bh, ah, is_encoder());
    }

    prepare();
    put(i, j / 4u, c0l); put(i, j / 4u + 1u, c0h);
    put(i + 1u, j / 4u, c1l); put(i + 1u, j / 4u + 1u, c1h);
    put(i + 2u, j / 4u, c2l); put(i + 2u, j / 4u + 1u, c2h);
    put(i + 3u, j / 4u, c3l); put(i + 3u, j / 4u + 1u, c3h);
    put(i + 4u, j / 4u, c4l); put(i + 4u, j / 4u + 1u, c4h);
    put(i + 5u, j / 4u, c5l); put(i + 5u, j / 4u + 1u, c5h);
    put(i + 6u, j / 4u, c6l); put(i + 6u, j / 4u + 1u, c6h);
    put(i + 7u, j / 4u, c7l); put(i + 7u, j / 4u + 1u, c7h);
    put_sum(place_of_sum(tile, i / 4u, j / 4u), sum_l);
    put_sum(place_of_sum(tile, i / 4u + 1u, j / 4u + 1u), sum_h);
}
