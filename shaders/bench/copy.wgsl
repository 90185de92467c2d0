// Ceiling: copying. Four vec4s an invocation; those of neighbouring invocations are neighbours. Measures only, has no
// reference.

struct Copy {
    count: u32,  // vec4s, a multiple of four workgroups
}

@group(0) @binding(0) var<uniform> p: Copy;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;        // [count]
@group(0) @binding(2) var<storage, read_write> copied: array<vec4<f32>>;  // [count]

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    // The number of the first invocation of the group, four times over, and the place in the group.
    let at = 4u * linear_index(group, groups, 0u) + local;
    if at >= p.count { return; }
    let v0 = source[at];
    let v1 = source[at + WORKGROUP];
    let v2 = source[at + 2u * WORKGROUP];
    let v3 = source[at + 3u * WORKGROUP];
    copied[at] = v0;
    copied[at + WORKGROUP] = v1;
    copied[at + 2u * WORKGROUP] = v2;
    copied[at + 3u * WORKGROUP] = v3;
}
