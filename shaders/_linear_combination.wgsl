// Shared part: z = Σ_t c_t v_t over listed vectors of one stack, terms in the order of the list. One invocation, one vec4.
// The kernel binds the tensors and says in `load` where it reads.

struct LinearCombination {
    count: u32,                   // vec4s a vector
    terms: u32,
    pad0: u32,
    pad1: u32,
    term: array<vec4<u32>, 64>,   // (vector, bits of its coefficient, 0, 0)
}

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    var sum = vec4<f32>();
    for (var t = 0u; t < p.terms; t++) {
        sum += bitcast<f32>(p.term[t].y) * load(p.term[t].x * p.count + at);
    }
    z[at] = sum;
}
