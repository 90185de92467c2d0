// Shared part: the sums down the columns of a matrix of few rows, `sums` [parts, cols], four columns for each of four
// invocations next to each other, of whose parts sixteen of them take one in sixteen. The kernel binds the tensors; its uniform
// has `parts` and the stride in vec4.

const SHARES: u32 = 16u;

override WORKGROUP: u32 = 64u;

var<workgroup> shares: array<vec4<f32>, 64>;  // [SHARES, 4]

struct ColumnTotal {
    column: u32,       // vec4
    is_whole: bool,    // whether the invocation has the sum of all parts
    sum: vec4<f32>,
}

fn column_total(group: u32, local: u32) -> ColumnTotal {
    let column = 4u * group + local % 4u;
    let share = local / 4u;
    var sum = vec4<f32>();
    if column < p.stride {
        for (var part = share; part < p.parts; part += SHARES) { sum += sums[part * p.stride + column]; }
    }
    shares[local] = sum;
    workgroupBarrier();
    let is_whole = share == 0u && column < p.stride;
    if is_whole {
        for (var other = 1u; other < SHARES; other++) { sum += shares[4u * other + local]; }
    }
    return ColumnTotal(column, is_whole, sum);
}
