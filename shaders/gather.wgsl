// Rows of a mini-batch from one part of the resident examples. Rows that lie in other parts are left to their
// dispatches; padding rows become 0. One invocation, one vec4. Strides in vec4.

struct Gather {
    first: u32,         // first row of the list to take
    rows: u32,          // rows to take
    padded_rows: u32,
    part_first: u32,    // the part's first example
    part_rows: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> p: Gather;
@group(0) @binding(1) var<storage, read> list: array<u32>;               // [first + rows]
@group(0) @binding(2) var<storage, read> part: array<vec4<f32>>;         // [part_rows, n]
@group(0) @binding(3) var<storage, read_write> batch: array<vec4<f32>>;  // [rows, n]

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
    if row >= p.rows {
        batch[at] = vec4<f32>();
        return;
    }
    // An example before the part wraps around to a large number and is left alone too.
    let example = list[p.first + row] - p.part_first;
    if example < p.part_rows { batch[at] = part[example * p.stride + at % p.stride]; }
}
