// Epilogue: the delta of the output layer, (A3 − X) ⊙ g′ with A3 = g(A B + b), and sums of (A3 − X)²; _output_delta.wgsl has
// the formula. Reads storage buffers.

@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;            // [n]
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;               // [m, n]
@group(0) @binding(6) var<storage, read_write> squared_errors: array<f32>;  // [first_sum + sums]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if !is_stored(row, column) { return; }
    put_output_delta(row, column, value, bias[column], x[row * p.stride_c + column]);
}
