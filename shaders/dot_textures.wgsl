// Block sums of x·y for a list of pairs of vectors: ‖W‖², the slope along the search direction, and all inner products
// of an L-BFGS iteration in one dispatch; _dot.wgsl has the loop. The host adds the blocks up in f64. Reads textures.

@group(0) @binding(0) var<uniform> p: Dots;
@group(0) @binding(1) var x: texture_storage_2d<rgba32float, read>;  // [vectors, count]
@group(0) @binding(2) var y: texture_storage_2d<rgba32float, read>;  // [vectors, count]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;     // [first + pairs·blocks]

fn load_x(i: u32) -> vec4<f32> {
    return textureLoad(x, texel(i));
}

fn load_y(i: u32) -> vec4<f32> {
    return textureLoad(y, texel(i));
}
