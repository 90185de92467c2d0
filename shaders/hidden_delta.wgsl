// δ2 = (E + s) ⊙ f′ in place of the back-propagated error E = δ3 Dᵀ: where the KL penalty enters the gradient.
// Padding becomes 0: tanh′(0) is 1, so s would leak into padding rows. One invocation, one vec4. Strides in vec4.

struct HiddenDelta {
    rows: u32,
    padded_rows: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> p: HiddenDelta;
@group(0) @binding(3) var<storage, read_write> error: array<vec4<f32>>;  // [m, h]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.padded_rows * p.stride { return; }
    let delta = (error_at(at) + slope_at(at % p.stride)) * activation_slope(a2_at(at));
    error[at] = select(vec4<f32>(), delta, vec4<bool>(at / p.stride < p.rows));
}
