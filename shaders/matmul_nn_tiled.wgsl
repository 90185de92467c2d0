// C = A B through workgroup memory, for GPUs: _tiled.wgsl says how. A lies along k, B across.
// Differs from the reference in nothing but the slices of split-K.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.
// Index legend: i row of A and C, j column of B and C, k summed. Strides in vec4.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;  // [m, n]
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;        // [m, k]
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;        // [k, n]

fn walk_a(corner: Corner, local: u32, k: u32) -> Walk {
    return along_k(corner.row, p.stride_a, local, k);
}

fn k_of_a(part: u32) -> u32 { return k_along(part); }
fn keep_a(part: u32, x: vec4<f32>) { keep_a_turned(part, x); }

fn walk_b(corner: Corner, local: u32, k: u32) -> Walk {
    return across_k(corner.column, WIDTH_B, p.stride_b, local, k);
}

fn k_of_b(part: u32) -> u32 { return part / WIDTH_B; }
fn keep_b(part: u32, x: vec4<f32>) { keep_b_straight(part, x); }
