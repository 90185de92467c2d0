// From sums of activations to ρ̂, the mean active fraction (offset + mean) · factor, and s, the derivative of β times the
// penalty by the mean activation. With a decay μ > 0, ρ̂ ← μρ̂ + (1−μ)·fraction and s is taken at that ρ̂.
// _column_totals.wgsl has the sum; padding units get s = 0.

struct PenaltyGrad {
    parts: u32,    // of the sums; 1 where they are means already
    stride: u32,
    units: u32,
    penalty: u32,  // which, see _penalty.wgsl
    scale: f32,    // 1 / rows of the whole update; 1 where they are means
    rho: f32,      // the active fraction that it holds units to
    least: f32,    // ρ̂ is clamped to [least, 1 − least]
    offset: f32,   // of the active fraction
    factor: f32,
}

@group(0) @binding(0) var<uniform> p: PenaltyGrad;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;           // [parts, units]
@group(0) @binding(2) var<storage, read> rates: array<f32>;                // [β, μ]
@group(0) @binding(3) var<storage, read_write> rho_hat: array<vec4<f32>>;  // [units]
@group(0) @binding(4) var<storage, read_write> slope: array<vec4<f32>>;    // [units]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let total = column_total(linear_index(group, groups, 0u) / WORKGROUP, local);
    if !total.is_whole { return; }
    let beta = rates[0];
    let decay = rates[1];
    var fraction = (p.offset + p.scale * total.sum) * p.factor;
    if decay > 0.0 { fraction = decay * rho_hat[total.column] + (1.0 - decay) * fraction; }
    let first = 4u * total.column;
    let is_unit = vec4<u32>(first, first + 1u, first + 2u, first + 3u) < vec4<u32>(p.units);
    rho_hat[total.column] = select(vec4<f32>(), fraction, is_unit);
    let at = clamp(fraction, vec4<f32>(p.least), vec4<f32>(1.0 - p.least));
    let gradient = vec4<f32>(
        penalty_grad(p.penalty, p.rho, at.x),
        penalty_grad(p.penalty, p.rho, at.y),
        penalty_grad(p.penalty, p.rho, at.z),
        penalty_grad(p.penalty, p.rho, at.w),
    );
    slope[total.column] = select(vec4<f32>(), beta * p.factor * gradient, is_unit);
}
