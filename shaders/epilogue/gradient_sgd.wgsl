// End of a gradient: SGD with momentum, v = μv + ∇, w = w − ηv with ∇ = Σ/m + λw, which is stored nowhere.

@group(0) @binding(5) var<storage, read_write> w: array<vec4<f32>>;         // [length]
@group(0) @binding(6) var<storage, read_write> velocity: array<vec4<f32>>;  // [length]
@group(0) @binding(7) var<storage, read> rates: array<f32>;                 // [η, μ]

var<private> eta: f32;
var<private> momentum: f32;

fn prepare() {
    eta = rates[0];
    momentum = rates[1];
}

fn apply(at: u32, sum: vec4<f32>, lambda: f32) {
    let before = w[at];
    let v = momentum * velocity[at] + (p.scale * sum + lambda * before);
    velocity[at] = v;
    w[at] = before - eta * v;
}
