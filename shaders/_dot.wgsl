// Shared part: block sums of x·y of two vectors. One workgroup, one block: its invocations lie side by side, each sums up one
// vec4 in 64, then the workgroup their sums. The kernel binds the tensors and says in `load_x` and `load_y` where it reads.

struct Dot {
    count: u32,   // vec4s a vector
    turns: u32,   // vec4s of an invocation in a block
    blocks: u32,
    first: u32,   // where the first sum goes
}

override WORKGROUP: u32 = 64u;

var<workgroup> shares: array<f32, 64>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let block = linear_index(group, groups, 0u) / WORKGROUP;
    let count = p.count;
    var at = block * p.turns * WORKGROUP + local;
    var sum = vec4<f32>();
    for (var turn = 0u; turn < p.turns; turn++) {
        if at < count { sum += load_x(at) * load_y(at); }
        at += WORKGROUP;
    }
    shares[local] = (sum.x + sum.y) + (sum.z + sum.w);
    workgroupBarrier();
    // Eight sums of eight; each place is read by the invocation alone that writes it.
    if local < 8u {
        var total = 0.0;
        for (var i = local; i < 64u; i += 8u) { total += shares[i]; }
        shares[local] = total;
    }
    workgroupBarrier();
    if local == 0u && block < p.blocks {
        var total = 0.0;
        for (var i = 0u; i < 8u; i++) { total += shares[i]; }
        sums[p.first + block] = total;
    }
}
