// C = A B through workgroup memory, for GPUs: _tiled.wgsl says how. A lies along k, B across.
// Differs from the reference in nothing but the slices of split-K.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;        // [m, k]
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;        // [k, n]

fn fetch_a(corner: Corner, part: u32, k: u32) -> vec4<f32> { return a_along_k(corner, part, k); }
fn fetch_b(corner: Corner, part: u32, k: u32) -> vec4<f32> { return b_across_k(corner, part, k); }
fn keep_a(part: u32, x: vec4<f32>) { keep_a_turned(part, x); }
fn keep_b(part: u32, x: vec4<f32>) { piece_b[part / 16u * LINE_B + part % 16u] = x; }
