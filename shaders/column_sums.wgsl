// Sums down the columns of A over blocks of rows: first half of the mean activations ρ̂ and of the bias gradients;
// _column_sums.wgsl has the loop. Reads a storage buffer.

@group(0) @binding(0) var<uniform> p: ColumnSums;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;           // [rows, cols]
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<f32>>;  // [blocks, cols]

fn load(i: u32) -> vec4<f32> {
    return a[i];
}
