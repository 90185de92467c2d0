// End of a gradient: it is kept, ∇ = Σ/m + λW. Adds to what is there when an update is computed in several chunks; λW then
// belongs to the first.

@group(0) @binding(5) var<storage, read> w: array<vec4<f32>>;               // [length]
@group(0) @binding(6) var<storage, read_write> gradient: array<vec4<f32>>;  // [length]

override ACCUMULATE: bool = false;  // add to the gradient of earlier chunks

fn prepare() {}

fn apply(at: u32, sum: vec4<f32>, lambda: f32) {
    if ACCUMULATE {
        gradient[at] += p.scale * sum;
    } else {
        gradient[at] = p.scale * sum + lambda * w[at];
    }
}
