// P_z = Aᵀ B over the z-th slice of rows through workgroup memory, for GPUs: _tiled.wgsl says
// how. Both factors lie across k. Differs from the reference in nothing but slices.
// Index legend: i column of A and row of P, j column of B and P, k summed row. Strides in vec4.

@group(0) @binding(0) var<uniform> p: SlicedProduct;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;        // [k, m]
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;        // [k, n]
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;  // [slices, m, n]

fn bounds_of(slice: u32) -> vec2<u32> {
    return vec2<u32>(slice * p.slice, min((slice + 1u) * p.slice, p.k));
}

fn fetch_a(corner: Corner, part: u32, k: u32) -> vec4<f32> { return a_across_k(corner, part, k); }
fn fetch_b(corner: Corner, part: u32, k: u32) -> vec4<f32> { return b_across_k(corner, part, k); }
fn keep_a(part: u32, x: vec4<f32>) { piece_a[part / 32u * LINE_A + part % 32u] = x; }
fn keep_b(part: u32, x: vec4<f32>) { piece_b[part / 16u * LINE_B + part % 16u] = x; }

fn put(row: u32, column: u32, value: vec4<f32>) {
    let rows = 4u * p.stride_a;
    if row < rows && column < p.stride_c { c[(slice * rows + row) * p.stride_c + column] = value; }
}

fn finish(invocation: u32) {}
