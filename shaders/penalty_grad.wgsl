// From mean activations to ρ̂, the mean active fraction (offset + mean) · factor, and s, the derivative of β times the
// penalty by the mean activation. With `decay` μ > 0, ρ̂ ← μρ̂ + (1−μ)·fraction and s is taken at that ρ̂. One invocation,
// one hidden unit; padding units get s = 0.

struct PenaltyGrad {
    units: u32,
    padded: u32,
    penalty: u32,  // which, see _penalty.wgsl
    rho: f32,      // the active fraction that it holds units to
    beta: f32,
    decay: f32,    // μ of the moving average, 0 for none
    least: f32,    // ρ̂ is clamped to [least, 1 − least]
    offset: f32,   // of the active fraction
    factor: f32,
}

@group(0) @binding(0) var<uniform> p: PenaltyGrad;
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
    var fraction = (p.offset + mean[j]) * p.factor;
    if p.decay > 0.0 { fraction = p.decay * rho_hat[j] + (1.0 - p.decay) * fraction; }
    rho_hat[j] = fraction;
    let at = clamp(fraction, p.least, 1.0 - p.least);
    slope[j] = p.beta * p.factor * penalty_grad(p.penalty, p.rho, at);
}
