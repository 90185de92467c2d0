// Rows of examples from codes of one or two bytes, each code a place in a table. A row's codes take as many places as its
// numbers, padding included; padding columns and rows become 0. One invocation, one vec4. Strides in vec4.

struct Dequantize {
    rows: u32,
    padded_rows: u32,
    cols: u32,
    stride: u32,
    bytes: u32,   // 1 or 2 a code
}

@group(0) @binding(0) var<uniform> p: Dequantize;
@group(0) @binding(1) var<storage, read> codes: array<u32>;              // [rows, stride · bytes]
@group(0) @binding(2) var<storage, read> table: array<f32>;              // [256 or 65 536]
@group(0) @binding(3) var<storage, read_write> batch: array<vec4<f32>>;  // [rows, n]

override WORKGROUP: u32 = 64u;

// Four codes, the first in the lowest bits.
fn four_codes(at: u32) -> vec4<u32> {
    if p.bytes == 1u {
        return (vec4<u32>(codes[at]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu);
    }
    let words = vec4<u32>(vec2<u32>(codes[2u * at]), vec2<u32>(codes[2u * at + 1u]));
    return (words >> vec4<u32>(0u, 16u, 0u, 16u)) & vec4<u32>(0xffffu);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.padded_rows * p.stride { return; }
    if at / p.stride >= p.rows {
        batch[at] = vec4<f32>();
        return;
    }
    let code = four_codes(at);
    let numbers = vec4<f32>(table[code.x], table[code.y], table[code.z], table[code.w]);
    let first = 4u * (at % p.stride);
    let inside = vec4<u32>(first, first + 1u, first + 2u, first + 3u) < vec4<u32>(p.cols);
    batch[at] = select(vec4<f32>(), numbers, inside);
}
