// Shared part: block sums of x·y for a list of pairs of vectors. One invocation, one block of one pair: four interleaved
// sums, then their sum. The kernel binds the tensors and says in `load_x` and `load_y` where it reads.

struct Dots {
    count: u32,                      // vec4s a vector
    block: u32,                      // vec4s a block
    blocks: u32,
    pairs: u32,
    first: u32,                      // where the first sum goes; pair by pair
    pad0: u32,
    pad1: u32,
    pad2: u32,
    pair: array<vec4<u32>, 64>,      // (vector of x, vector of y, 0, 0)
}

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    if index >= p.pairs * p.blocks { return; }
    let vectors = p.pair[index / p.blocks].xy * p.count;
    let first = (index % p.blocks) * p.block;
    let end = min(first + p.block, p.count);
    var sum = vec4<f32>();
    for (var at = first; at < end; at++) {
        sum += load_x(vectors.x + at) * load_y(vectors.y + at);
    }
    sums[p.first + index] = (sum.x + sum.y) + (sum.z + sum.w);
}
