// Mean activations out of the sums that the tiles of the hidden layer leave, times `scale` = 1/m: where an update is computed in
// several chunks, and adds to the means of the chunks before. _column_totals.wgsl has the sum.

struct ColumnMean {
    parts: u32,
    stride: u32,
    scale: f32,       // 1 / rows of the whole update
}

@group(0) @binding(0) var<uniform> p: ColumnMean;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;        // [parts, cols]
@group(0) @binding(2) var<storage, read_write> mean: array<vec4<f32>>;  // [cols]

override ACCUMULATE: bool = false;  // add to the means of earlier chunks

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let total = column_total(linear_index(group, groups, 0u) / WORKGROUP, local);
    if !total.is_whole { return; }
    var sum = p.scale * total.sum;
    if ACCUMULATE { sum += mean[total.column]; }
    mean[total.column] = sum;
}
