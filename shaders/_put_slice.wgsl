// Shared part: one of several slices of a product, P_z = A B over the z-th slice of k.

fn put(row: u32, column: u32, value: vec4<f32>) {
    if row < p.rows && column < p.stride_c { c[(slice * p.rows + row) * p.stride_c + column] = value; }
}

fn finish(invocation: u32) {}
