// From mean activations to ρ̂ and the KL slope s = β(−ρ/ρ̂ + (1−ρ)/(1−ρ̂)), with the factor ½ for tanh, whose active
// fraction is (1 + mean)/2. With `decay` μ > 0, ρ̂ ← μρ̂ + (1−μ)·mean and s is taken at that ρ̂. One invocation, one
// hidden unit; padding units get s = 0.

struct Penalty {
    units: u32,
    padded: u32,
    rho: f32,
    beta: f32,
    decay: f32,   // μ of the moving average, 0 for none
    least: f32,   // ρ̂ is clamped to [least, 1 − least]
    tanh: u32,    // 1: tanh units
}

@group(0) @binding(0) var<uniform> p: Penalty;
@group(0) @binding(1) var<storage, read> mean: array<f32>;           // [units]
@group(0) @binding(2) var<storage, read_write> rho_hat: array<f32>;  // [units]
@group(0) @binding(3) var<storage, read_write> slope: array<f32>;    // [units]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let j = linear_index(group, groups, local);
    if j >= p.padded { return; }
    if j >= p.units {
        rho_hat[j] = 0.0;
        slope[j] = 0.0;
        return;
    }
    var fraction = mean[j];
    var factor = p.beta;
    if p.tanh == 1u {
        fraction = 0.5 * (1.0 + fraction);
        factor = 0.5 * p.beta;
    }
    if p.decay > 0.0 { fraction = p.decay * rho_hat[j] + (1.0 - p.decay) * fraction; }
    rho_hat[j] = fraction;
    let at = clamp(fraction, p.least, 1.0 - p.least);
    slope[j] = factor * ((1.0 - p.rho) / (1.0 - at) - p.rho / at);
}
