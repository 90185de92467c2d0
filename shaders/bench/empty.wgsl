// Ceiling: what a dispatch costs that does next to nothing. Like every kernel it binds a buffer that it may write, so
// that dispatches wait for each other. Measures only, has no reference.

struct Empty {
    value: f32,
}

@group(0) @binding(0) var<uniform> p: Empty;
@group(0) @binding(1) var<storage, read_write> word: array<f32>;  // [64]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    if local == 0u { word[0] = p.value; }
}
