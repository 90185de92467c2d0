// z = Σ_t c_t v_t over listed vectors of one stack: the direction of L-BFGS from its history and the gradient;
// _linear_combination.wgsl has the sum. Reads a texture.

@group(0) @binding(0) var<uniform> p: LinearCombination;
@group(0) @binding(1) var stack: texture_storage_2d<rgba32float, read>;  // [vectors, count]
@group(0) @binding(2) var<storage, read_write> z: array<vec4<f32>>;      // [count]

fn load(i: u32) -> vec4<f32> {
    return textureLoad(stack, texel(i));
}
