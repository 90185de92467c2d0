// Block sums of x·y: ‖W‖², and the slope along the search direction; _dot.wgsl has the loop. The host adds the blocks up in
// f64. Reads textures.

@group(0) @binding(0) var<uniform> p: Dot;
@group(0) @binding(1) var x: texture_storage_2d<rgba32float, read>;  // [count]
@group(0) @binding(2) var y: texture_storage_2d<rgba32float, read>;  // [count]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;     // [first + blocks]

fn load_x(i: u32) -> vec4<f32> {
    return textureLoad(x, texel(i));
}

fn load_y(i: u32) -> vec4<f32> {
    return textureLoad(y, texel(i));
}
