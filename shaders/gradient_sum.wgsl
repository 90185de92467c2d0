// The gradient of a hidden block as the sum of the slices that gradients*.wgsl leave, added up in order, or a gradient that
// earlier dispatches have kept, as the only slice; the joined end says what becomes of it. One invocation, one vec4 of W1, D, b1
// or b2, or of W1 and b1 where a layer alone has a gradient; what lies between them stays 0.

@group(0) @binding(0) var<uniform> p: Gradients;
@group(0) @binding(1) var<storage, read> products: array<vec4<f32>>;  // [slices, length]

override WORKGROUP: u32 = 64u;
// As in _gradient_tiles.wgsl: 1 is δ2ᵀ X alone, 2 is both products.
override LAYERS: u32 = 2u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    let matrix = 4u * p.stride_a * p.stride_b;
    let matrices = select(2u, 1u, LAYERS == 1u) * matrix;
    var at = index;
    var lambda = p.lambda;
    if index >= matrix { at = p.d + (index - matrix); }
    if index >= matrices {
        lambda = 0.0;
        let bias = index - matrices;
        at = p.b1 + bias;
        if bias >= p.stride_a {
            if bias - p.stride_a >= p.b2_len { return; }
            at = p.b2 + (bias - p.stride_a);
        }
    }
    var sum = vec4<f32>();
    for (var z = 0u; z < p.slices; z++) { sum += products[z * p.length + at]; }
    prepare();
    apply(at, sum, lambda);
}
