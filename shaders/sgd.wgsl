// SGD with momentum: v = μv + g, w = w − ηv. One invocation, one vec4.

struct Sgd {
    count: u32,     // vec4s
    lr: f32,        // η
    momentum: f32,  // μ
}

@group(0) @binding(0) var<uniform> p: Sgd;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;        // [count]
@group(0) @binding(2) var<storage, read_write> w: array<vec4<f32>>;         // [count]
@group(0) @binding(3) var<storage, read_write> velocity: array<vec4<f32>>;  // [count]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    let v = p.momentum * velocity[at] + gradient[at];
    velocity[at] = v;
    w[at] = w[at] - p.lr * v;
}
