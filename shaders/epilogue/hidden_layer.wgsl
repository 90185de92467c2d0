// Epilogue: the hidden layer, f(A B + b), and sums of it over the rows of a tile; _hidden_layer.wgsl has the formula. Reads a
// storage buffer.

@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;        // [n]
@group(0) @binding(5) var<storage, read_write> sums: array<vec4<f32>>;  // [parts, n]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if is_stored(row, column) { put_hidden_layer(row, column, value, bias[column]); }
}
