// δ = P − Y in the place of Z, with P = exp(Z) / Σ exp(Z) over each row and Y 1 for the label, 0 elsewhere; and −log
// P of the label, log Σ exp(z − largest) − (z of the label − largest), which the host adds up in f64. _softmax.wgsl
// has the sums. Padding rows and columns become 0 and have no loss.

struct SoftmaxLosses {
    rows: u32,
    padded_rows: u32,
    classes: u32,
    stride: u32,
    first: u32,  // the first row's label, and where its loss goes
}

@group(0) @binding(0) var<uniform> p: SoftmaxLosses;
@group(0) @binding(1) var<storage, read_write> z: array<vec4<f32>>;  // [rows, classes]
@group(0) @binding(2) var<storage, read> labels: array<u32>;         // [first + rows]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;   // [first + rows]

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
    let is_example = row < p.rows;
    var label = p.classes;
    if is_example { label = labels[p.first + row]; }
    for (var column = share; column < p.stride; column += SHARES) {
        let at = row * p.stride + column;
        let difference = z[at] - sums.largest;
        let first = 4u * column;
        let is_label = vec4<u32>(first, first + 1u, first + 2u, first + 3u) == vec4<u32>(label);
        let delta = exp(difference) / sums.total - select(vec4<f32>(), vec4<f32>(1.0), is_label);
        z[at] = select(vec4<f32>(), delta, are_classes(column) & vec4<bool>(is_example));
        // Of all invocations the one that has the label writes the loss.
        if is_example && any(is_label) {
            let of_label = select(vec4<f32>(), difference, is_label);
            losses[p.first + row] = log(sums.total) - ((of_label.x + of_label.y) + (of_label.z + of_label.w));
        }
    }
}
