// Epilogue: the delta of the hidden layer, (A B + s) ⊙ f′(A2); _hidden_delta.wgsl has the formula. Reads textures.

@group(0) @binding(4) var slope: texture_storage_2d<rgba32float, read>;  // [n]
@group(0) @binding(5) var a2: texture_storage_2d<rgba32float, read>;     // [m, n]

fn put(row: u32, column: u32, value: vec4<f32>) {
    if !is_stored(row, column) { return; }
    let of_unit = textureLoad(slope, texel(column));
    put_hidden_delta(row, column, value, of_unit, textureLoad(a2, texel(row * p.stride_c + column)));
}
