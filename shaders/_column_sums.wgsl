// Shared part: how sums down the columns of A are taken, over blocks of rows. One invocation, four columns of one block,
// rows in order. Strides in vec4. The kernel binds the tensors and says in `load` where it reads.

struct ColumnSums {
    rows: u32,
    block: u32,   // rows a block
    blocks: u32,
    stride: u32,
}

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.blocks * p.stride { return; }
    let first = (at / p.stride) * p.block;
    let end = min(first + p.block, p.rows);
    let column = at % p.stride;
    var sum = vec4<f32>();
    for (var row = first; row < end; row++) {
        sum += load(row * p.stride + column);
    }
    sums[at] = sum;
}
