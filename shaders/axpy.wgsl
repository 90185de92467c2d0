// z = αx + γy: the trial point of the line search, and the differences s and y that L-BFGS keeps. One invocation, one
// vec4.

struct Axpy {
    count: u32,  // vec4s
    alpha: f32,
    gamma: f32,
}

@group(0) @binding(0) var<uniform> p: Axpy;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;        // [count]
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;        // [count]
@group(0) @binding(3) var<storage, read_write> z: array<vec4<f32>>;  // [count]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    z[at] = p.alpha * x[at] + p.gamma * y[at];
}
