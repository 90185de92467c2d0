// δ3 = (A3 − X) ⊙ g′, in place of A3. Padding is 0 in both and stays 0. One invocation, one vec4.

struct Elements {
    count: u32,  // vec4s
}

@group(0) @binding(0) var<uniform> p: Elements;
@group(0) @binding(2) var<storage, read_write> a3: array<vec4<f32>>;  // [m, n]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    let a = a3_at(at);
    a3[at] = (a - x_at(at)) * activation_slope(a);
}
