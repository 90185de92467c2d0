// Shared part: four elements of the delta of the output layer, C = (A3 − X) ⊙ g′ with A3 = g(A B + b), or g(C + A B + b) if
// asked, and the reconstruction term of J: sums of (A3 − X)² over a tile, or over the part of it that an invocation has, which
// the host adds up in f64. Padding rows and columns become 0 and count nothing.

var<private> squares: vec4<f32>;

fn put_output_delta(row: u32, column: u32, value: vec4<f32>, b: vec4<f32>, x: vec4<f32>) {
    let at = row * p.stride_c + column;
    var z = value;
    if ACCUMULATE { z += c[at]; }
    let a3 = activation(z + b);
    let difference = select(vec4<f32>(), a3 - x, is_inside(row, column));
    squares += difference * difference;
    c[at] = difference * activation_slope(a3);
}

fn finish(invocation: u32) {
    let of_tile = sum_of_tile(invocation, (squares.x + squares.y) + (squares.z + squares.w));
    if of_tile.is_whole && of_tile.index < p.sums { squared_errors[p.first_sum + of_tile.index] = of_tile.sum; }
}
