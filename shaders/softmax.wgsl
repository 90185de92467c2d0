// P = exp(Z) / Σ exp(Z) over each row of Z, in its place; _softmax.wgsl has the sums. Padding rows and columns become
// 0.

struct Softmax {
    rows: u32,
    padded_rows: u32,
    classes: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> p: Softmax;
@group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>;  // [rows, classes]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    let row = index / SHARES;
    let share = index % SHARES;
    let sums = class_sums(row, share, local);
    if row >= p.padded_rows { return; }
    for (var column = share; column < p.stride; column += SHARES) {
        let at = row * p.stride + column;
        let probability = exp(z[at] - sums.largest) / sums.total;
        z[at] = select(vec4<f32>(), probability, are_classes(column) & vec4<bool>(row < p.rows));
    }
}
