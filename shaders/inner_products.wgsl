// Block sums of the inner products of three vectors with those of a list: what an iteration of L-BFGS adds to its Gram matrix;
// _inner_products.wgsl has the loop. The host adds the blocks up in f64. Reads a storage buffer.

@group(0) @binding(0) var<uniform> p: InnerProducts;
@group(0) @binding(1) var<storage, read> stack: array<vec4<f32>>;  // [vectors, count]
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;   // [3·listed, blocks]

fn load(i: u32) -> vec4<f32> {
    return stack[i];
}
