// A = f(Z + b), in place: hidden layer and output layer. Padding rows and columns become 0, whatever f(0) is.
// One invocation, one vec4. Strides in vec4.

struct Layer {
    rows: u32,         // rows of examples
    padded_rows: u32,
    cols: u32,         // units
    stride: u32,
}

@group(0) @binding(0) var<uniform> p: Layer;
@group(0) @binding(2) var<storage, read_write> z: array<vec4<f32>>;  // [rows, cols]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.padded_rows * p.stride { return; }
    let row = at / p.stride;
    let column = at % p.stride;
    let first = 4u * column;
    let inside = (vec4<u32>(first, first + 1u, first + 2u, first + 3u) < vec4<u32>(p.cols)) & vec4<bool>(row < p.rows);
    z[at] = select(vec4<f32>(), activation(z_at(at) + bias_at(column)), inside);
}
