// Shared part: the largest z and the sum of exp(z − largest) of each row of Z [rows, classes], of which eight
// invocations next to each other take one vec4 in eight; all of them get both. Without the difference an exponential
// could overflow. The kernel binds Z; its uniform has `rows`, `padded_rows`, `classes` and the stride in vec4.

const SHARES: u32 = 8u;
const LOWEST: f32 = -3.4028234e38;

override WORKGROUP: u32 = 64u;

var<workgroup> shares: array<f32, 64>;  // [rows of the workgroup, SHARES]

struct ClassSums {
    largest: f32,
    total: f32,    // of the exponentials
}

// Which numbers of a vec4 of a row are classes; the others are padding.
fn are_classes(column: u32) -> vec4<bool> {
    let first = 4u * column;
    return vec4<u32>(first, first + 1u, first + 2u, first + 3u) < vec4<u32>(p.classes);
}

fn class_sums(row: u32, share: u32, local: u32) -> ClassSums {
    let of_row = local - share;
    var most = vec4<f32>(LOWEST);
    if row < p.rows {
        for (var column = share; column < p.stride; column += SHARES) {
            most = max(most, select(vec4<f32>(LOWEST), z[row * p.stride + column], are_classes(column)));
        }
    }
    shares[local] = max(max(most.x, most.y), max(most.z, most.w));
    workgroupBarrier();
    var largest = LOWEST;
    for (var other = 0u; other < SHARES; other++) { largest = max(largest, shares[of_row + other]); }
    workgroupBarrier();
    var sum = vec4<f32>();
    if row < p.rows {
        for (var column = share; column < p.stride; column += SHARES) {
            sum += select(vec4<f32>(), exp(z[row * p.stride + column] - largest), are_classes(column));
        }
    }
    shares[local] = (sum.x + sum.y) + (sum.z + sum.w);
    workgroupBarrier();
    var total = 0.0;
    for (var other = 0u; other < SHARES; other++) { total += shares[of_row + other]; }
    return ClassSums(largest, total);
}
