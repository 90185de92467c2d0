// C = A Bᵀ through workgroup memory, for GPUs: _tiled.wgsl says how. Both factors lie along k.
// Differs from the reference in nothing but the slices of split-K.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.
// Index legend: i row of A and C, j row of B and column of C, k summed. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;        // [m, k]
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;        // [n, k]

fn fetch_a(corner: Corner, part: u32, k: u32) -> vec4<f32> { return a_along_k(corner, part, k); }
fn fetch_b(corner: Corner, part: u32, k: u32) -> vec4<f32> { return b_along_k(corner, part, k); }
fn keep_a(part: u32, x: vec4<f32>) { keep_a_turned(part, x); }
fn keep_b(part: u32, x: vec4<f32>) { keep_b_turned(part, x); }
