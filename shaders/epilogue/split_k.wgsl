// Epilogue: one of several slices of a product, P_z = A B over the z-th slice of k. C is [slices, m, n] here.

fn put(row: u32, column: u32, value: vec4<f32>) {
    if is_stored(row, column) { c[(slice * p.rows + row) * p.stride_c + column] = value; }
}

fn finish(invocation: u32) {}
