// Shared part: a layer, C = f(A B + b), or f(C + A B + b) if asked: hidden layer and output layer. Padding rows and
// columns become 0, whatever f(0) is.

fn put(row: u32, column: u32, value: vec4<f32>) {
    if row >= p.rows || column >= p.stride_c { return; }
    let at = row * p.stride_c + column;
    var z = value;
    if ACCUMULATE { z += c[at]; }
    c[at] = select(vec4<f32>(), activation(z + bias_at(column)), is_inside(row, column));
}

fn finish(invocation: u32) {}
