// C = A Bᵀ, for GPUs: the shared part says how. Both factors lie along k. Differs from the reference in nothing but slices.
// The joined part says what becomes of C: one of _put*.wgsl.
// Index legend: i row of A and C, j row of B and column of C, k summed. Strides in vec4.

fn fetch_a(corner: Corner, part: u32, k: u32) -> vec4<f32> { return a_along_k(corner, part, k); }
fn fetch_b(corner: Corner, part: u32, k: u32) -> vec4<f32> { return b_along_k(corner, part, k); }
fn keep_a(part: u32, x: vec4<f32>) { keep_a_turned(part, x); }
fn keep_b(part: u32, x: vec4<f32>) { keep_b_turned(part, x); }
