// Epilogue: the hidden layer, f(A B + b), and sums of it over the rows of a tile; _hidden_layer.wgsl has the formula. Reads a
// texture.

@group(0) @binding(4) var bias: texture_storage_2d<rgba32float, read>;  // [n]
@group(0) @binding(5) var<storage, read_write> sums: array<vec4<f32>>;  // [parts, n]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if is_stored(row, column) { put_hidden_layer(row, column, value, textureLoad(bias, texel(column))); }
}
