// Block sums of x·y for a list of pairs of vectors: ‖W‖², the slope along the search direction, and all inner products
// of an L-BFGS iteration in one dispatch; _dot.wgsl has the loop. The host adds the blocks up in f64. Reads storage buffers.

@group(0) @binding(0) var<uniform> p: Dots;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;     // [vectors, count]
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;     // [vectors, count]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;  // [first + pairs·blocks]

fn load_x(i: u32) -> vec4<f32> {
    return x[i];
}

fn load_y(i: u32) -> vec4<f32> {
    return y[i];
}
