// Block sums of x·y: ‖W‖², and the slope along the search direction; _dot.wgsl has the loop. The host adds the blocks up in
// f64. Reads storage buffers.

@group(0) @binding(0) var<uniform> p: Dot;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;     // [count]
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;     // [count]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;  // [first + blocks]

fn load_x(i: u32) -> vec4<f32> {
    return x[i];
}

fn load_y(i: u32) -> vec4<f32> {
    return y[i];
}
