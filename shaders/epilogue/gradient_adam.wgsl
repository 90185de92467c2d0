// End of a gradient: Adam, bias-corrected, ε outside the root (Kingma & Ba, Algorithm 1), with ∇ = Σ/m + λw, which is stored
// nowhere. The host takes the powers of β1 and β2.

@group(0) @binding(5) var<storage, read_write> w: array<vec4<f32>>;       // [length]
@group(0) @binding(6) var<storage, read_write> first: array<vec4<f32>>;   // [length]
@group(0) @binding(7) var<storage, read_write> second: array<vec4<f32>>;  // [length]
@group(0) @binding(8) var<storage, read> rates: array<f32>;               // [η, β1, β2, 1 − β1, 1 − β2, ε, both corrections]

var<private> eta: f32;
var<private> beta1: f32;
var<private> beta2: f32;
var<private> rest1: f32;        // as the host rounds it: 1 − f32(0.999) is off by 1e-5
var<private> rest2: f32;
var<private> epsilon: f32;
var<private> correction1: f32;  // 1 / (1 − β1^step)
var<private> correction2: f32;  // 1 / (1 − β2^step)

fn prepare() {
    eta = rates[0];
    beta1 = rates[1];
    beta2 = rates[2];
    rest1 = rates[3];
    rest2 = rates[4];
    epsilon = rates[5];
    correction1 = rates[6];
    correction2 = rates[7];
}

fn apply(at: u32, sum: vec4<f32>, lambda: f32) {
    let before = w[at];
    let g = p.scale * sum + lambda * before;
    let m = beta1 * first[at] + rest1 * g;
    let v = beta2 * second[at] + rest2 * g * g;
    first[at] = m;
    second[at] = v;
    w[at] = before - eta * (m * correction1) / (sqrt(v * correction2) + epsilon);
}
