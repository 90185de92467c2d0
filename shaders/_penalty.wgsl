// Shared part: the derivative of a unit's sparsity penalty by its active fraction. 0 KL(rho ‖ at).
fn penalty_grad(penalty: u32, rho: f32, at: f32) -> f32 {
    switch penalty {
        case 0u: { return (1.0 - rho) / (1.0 - at) - rho / at; }
        // NaN, so that a penalty without an arm is seen.
        default: { return bitcast<f32>(bitcast<u32>(at) | 0x7fc00000u); }
    }
}
