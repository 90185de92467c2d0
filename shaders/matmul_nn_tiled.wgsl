// C = A B, for GPUs: the shared part says how. A lies along k, B across. Differs from the reference in nothing but slices.
// The joined part says what becomes of C: one of _put*.wgsl.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

fn fetch_a(corner: Corner, part: u32, k: u32) -> vec4<f32> { return a_along_k(corner, part, k); }
fn fetch_b(corner: Corner, part: u32, k: u32) -> vec4<f32> { return b_across_k(corner, part, k); }
fn keep_a(part: u32, x: vec4<f32>) { keep_a_turned(part, x); }
fn keep_b(part: u32, x: vec4<f32>) { piece_b[part / 16u * LINE_B + part % 16u] = x; }
