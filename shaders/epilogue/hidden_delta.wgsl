// Epilogue: the delta of the hidden layer, (A B + s) ⊙ f′(A2); _hidden_delta.wgsl has the formula. Reads storage buffers.

@group(0) @binding(4) var<storage, read> slope: array<vec4<f32>>;  // [n]
@group(0) @binding(5) var<storage, read> a2: array<vec4<f32>>;     // [m, n]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if !is_stored(row, column) { return; }
    put_hidden_delta(row, column, value, slope[column], a2[row * p.stride_c + column]);
}
