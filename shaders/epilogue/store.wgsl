// Epilogue: a product as it is, C = A B (+ C if asked).

fn put(row: u32, column: u32, value: vec4<f32>) {
    if !is_stored(row, column) { return; }
    let at = row * p.stride_c + column;
    if ACCUMULATE { c[at] += value; } else { c[at] = value; }
}

fn finish(invocation: u32) {}
