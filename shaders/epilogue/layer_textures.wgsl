// Epilogue: a layer, f(A B + b), hidden or output; _layer.wgsl has the formula. Reads a texture.

@group(0) @binding(4) var bias: texture_storage_2d<rgba32float, read>;  // [n]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if is_stored(row, column) { put_layer(row, column, value, textureLoad(bias, texel(column))); }
}
