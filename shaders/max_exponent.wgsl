// The largest exponent in each block of a vector, as a number from 0 to 255: 255 stands for infinity and NaN alone. The
// vector is read as integers, since a shader may assume that no float is either of them. One invocation, one block.

struct MaxExponent {
    count: u32,         // vec4s of the vector
    block: u32,         // vec4s a block
    blocks: u32,
    first: u32,         // where the first block's goes
}

@group(0) @binding(0) var<uniform> p: MaxExponent;
@group(0) @binding(1) var<storage, read> bits: array<vec4<u32>>;     // [count]
@group(0) @binding(2) var<storage, read_write> largest: array<f32>;  // [first + blocks]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    if index >= p.blocks { return; }
    let begin = index * p.block;
    let end = min(begin + p.block, p.count);
    var most = vec4<u32>();
    for (var at = begin; at < end; at++) {
        most = max(most, (bits[at] >> vec4<u32>(23u)) & vec4<u32>(0xffu));
    }
    let pair = max(most.xy, most.zw);
    largest[p.first + index] = f32(max(pair.x, pair.y));
}
