// Epilogue: the delta of the output layer, (A3 − X) ⊙ g′ with A3 = g(A B + b), and sums of (A3 − X)²; _output_delta.wgsl has
// the formula. Reads textures.

@group(0) @binding(4) var bias: texture_storage_2d<rgba32float, read>;      // [n]
@group(0) @binding(5) var x: texture_storage_2d<rgba32float, read>;         // [m, n]
@group(0) @binding(6) var<storage, read_write> squared_errors: array<f32>;  // [first_sum + sums]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if !is_stored(row, column) { return; }
    let b = textureLoad(bias, texel(column));
    put_output_delta(row, column, value, b, textureLoad(x, texel(row * p.stride_c + column)));
}
