// What L-BFGS keeps of a trial if it is accepted, into a stack of vectors: s = trial − parameters, y = trial gradient − gradient,
// and the trial gradient. One invocation, one vec4.

struct Keep {
    count: u32,     // vec4s a vector; 0 keeps nothing
    s: u32,         // vectors of the stack
    y: u32,
    gradient: u32,
}

@group(0) @binding(0) var<uniform> p: Keep;
@group(0) @binding(1) var<storage, read> trial: array<vec4<f32>>;           // [count]
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;      // [count]
@group(0) @binding(3) var<storage, read> trial_gradient: array<vec4<f32>>;  // [count]
@group(0) @binding(4) var<storage, read> gradient: array<vec4<f32>>;        // [count]
@group(0) @binding(5) var<storage, read_write> stack: array<vec4<f32>>;     // [vectors, count]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    let after = trial_gradient[at];
    stack[p.s * p.count + at] = trial[at] - parameters[at];
    stack[p.y * p.count + at] = after - gradient[at];
    stack[p.gradient * p.count + at] = after;
}
