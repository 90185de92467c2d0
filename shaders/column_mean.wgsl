// Column means from block sums, times `scale` = 1/m: second half of ρ̂ and of the bias gradients. Adds to what is
// there when a batch is computed in several chunks. One invocation, four columns. Strides in vec4.

struct ColumnMean {
    blocks: u32,
    stride: u32,
    scale: f32,       // 1 / rows of the whole batch
}

@group(0) @binding(0) var<uniform> p: ColumnMean;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;        // [blocks, cols]
@group(0) @binding(2) var<storage, read_write> mean: array<vec4<f32>>;  // [cols]

override WORKGROUP: u32 = 64u;
override ACCUMULATE: bool = false;  // add to the means of earlier chunks

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let column = linear_index(group, groups, local);
    if column >= p.stride { return; }
    var sum = vec4<f32>();
    for (var block = 0u; block < p.blocks; block++) {
        sum += sums[block * p.stride + column];
    }
    sum *= p.scale;
    if ACCUMULATE { sum += mean[column]; }
    mean[column] = sum;
}
