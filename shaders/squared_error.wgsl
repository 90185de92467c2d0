// Block sums of (A3 − X)², the reconstruction term of J; the host adds the blocks up in f64. Padding is 0 in both.
// One invocation, one block: four interleaved sums, then their sum.

struct BlockSums {
    count: u32,   // vec4s
    block: u32,   // vec4s a block
    blocks: u32,
    first: u32,   // where the first block's sum goes
}

@group(0) @binding(0) var<uniform> p: BlockSums;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;   // [first + blocks]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let block = linear_index(group, groups, local);
    if block >= p.blocks { return; }
    let end = min((block + 1u) * p.block, p.count);
    var sum = vec4<f32>();
    for (var at = block * p.block; at < end; at++) {
        let difference = a3_at(at) - x_at(at);
        sum += difference * difference;
    }
    sums[p.first + block] = (sum.x + sum.y) + (sum.z + sum.w);
}
