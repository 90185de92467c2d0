// Shared part: four elements of a layer, C = f(A B + b), or f(C + A B + b) if asked. Padding rows and columns become 0,
// whatever f(0) is.

fn put_layer(row: u32, column: u32, value: vec4<f32>, b: vec4<f32>) {
    let at = row * p.stride_c + column;
    var z = value;
    if ACCUMULATE { z += c[at]; }
    c[at] = select(vec4<f32>(), activation(z + b), is_inside(row, column));
}

fn finish(invocation: u32) {}
