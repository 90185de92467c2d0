// Shared part: four elements of the delta of the hidden layer, C = (A B + s) ⊙ f′(A2), or (C + A B + s) ⊙ f′(A2) if asked:
// where the KL penalty enters the gradient. Padding rows and columns become 0: tanh′(0) is 1, so s would leak into
// padding rows.

fn put_hidden_delta(row: u32, column: u32, value: vec4<f32>, s: vec4<f32>, a2: vec4<f32>) {
    let at = row * p.stride_c + column;
    var error = value;
    if ACCUMULATE { error += c[at]; }
    let delta = (error + s) * activation_slope(a2);
    c[at] = select(vec4<f32>(), delta, is_inside(row, column));
}

fn finish(invocation: u32) {}
