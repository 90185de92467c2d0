// Shared part: the factors of a gradient where they are read from storage buffers; A is A2 or δ2, B is δ3 or X.

@group(0) @binding(0) var<uniform> p: Gradients;
@group(0) @binding(1) var<storage, read> a2: array<vec4<f32>>;      // [m, h]
@group(0) @binding(2) var<storage, read> delta3: array<vec4<f32>>;  // [m, n]
@group(0) @binding(3) var<storage, read> delta2: array<vec4<f32>>;  // [m, h]
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;       // [m, n]

fn load_a(i: u32) -> vec4<f32> {
    if is_encoder() { return delta2[i]; }
    return a2[i];
}

fn load_b(i: u32) -> vec4<f32> {
    if is_encoder() { return x[i]; }
    return delta3[i];
}
