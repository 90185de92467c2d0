// Adam, bias-corrected, ε outside the root (Kingma & Ba, Algorithm 1). The host takes the powers of β1 and β2. One
// invocation, one vec4.

struct Adam {
    count: u32,         // vec4s
    lr: f32,            // η
    beta1: f32,
    beta2: f32,
    rest1: f32,         // 1 − β1 and 1 − β2 as the host rounds them: 1 − f32(0.999) is off by 1e-5
    rest2: f32,
    epsilon: f32,
    correction1: f32,   // 1 / (1 − β1^step)
    correction2: f32,   // 1 / (1 − β2^step)
}

@group(0) @binding(0) var<uniform> p: Adam;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;      // [count]
@group(0) @binding(2) var<storage, read_write> w: array<vec4<f32>>;       // [count]
@group(0) @binding(3) var<storage, read_write> first: array<vec4<f32>>;   // [count]
@group(0) @binding(4) var<storage, read_write> second: array<vec4<f32>>;  // [count]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    let g = gradient[at];
    let m = p.beta1 * first[at] + p.rest1 * g;
    let v = p.beta2 * second[at] + p.rest2 * g * g;
    first[at] = m;
    second[at] = v;
    w[at] = w[at] - p.lr * (m * p.correction1) / (sqrt(v * p.correction2) + p.epsilon);
}
