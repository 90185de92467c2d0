// End of a gradient's products: the sums of one slice of rows as they are, in the order of the vectors.

@group(0) @binding(5) var<storage, read_write> products: array<vec4<f32>>;  // [slices, length]

fn prepare() {}

fn apply(at: u32, sum: vec4<f32>, lambda: f32) {
    products[slice * p.length + at] = sum;
}
