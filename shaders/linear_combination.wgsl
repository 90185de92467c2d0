// z = Σ_t c_t v_t over listed vectors of one stack: the direction of L-BFGS from its history and the gradient;
// _linear_combination.wgsl has the sum. Reads a storage buffer.

@group(0) @binding(0) var<uniform> p: LinearCombination;
@group(0) @binding(1) var<storage, read> stack: array<vec4<f32>>;    // [vectors, count]
@group(0) @binding(2) var<storage, read_write> z: array<vec4<f32>>;  // [count]

fn load(i: u32) -> vec4<f32> {
    return stack[i];
}
