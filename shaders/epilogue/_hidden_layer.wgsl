// Shared part: four elements of the hidden layer, C = f(A B + b), or f(C + A B + b) if asked, and their sums over the rows of a
// tile, of which ρ̂ is made. Padding rows and columns become 0, whatever f(0) is.

var<private> first_total: vec4<f32>;
var<private> second_total: vec4<f32>;

fn put_hidden_layer(row: u32, column: u32, value: vec4<f32>, b: vec4<f32>) {
    let at = row * p.stride_c + column;
    var z = value;
    if ACCUMULATE { z += c[at]; }
    let a = select(vec4<f32>(), activation(z + b), is_inside(row, column));
    c[at] = a;
    if is_second(column) { second_total += a; } else { first_total += a; }
}

fn finish(invocation: u32) {
    let totals = totals_of_tile(invocation, first_total, second_total);
    let at = totals.part * p.stride_c + totals.column;
    if totals.count > 0u && totals.column < p.stride_c { sums[at] = totals.first; }
    if totals.count > 1u && totals.column + 1u < p.stride_c { sums[at + 1u] = totals.second; }
}
