// C = Σ_z P_z: adds up the slices of a product A B or A Bᵀ, where tiles were so few that k was cut.
//
// An invocation has four columns of four rows, so that rows of C next to each other are read by invocations next to each
// other. Slices are added from the first to the last.
// The joined part says what becomes of C: one of _put*.wgsl.

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, local);
    let first = index / p.stride_c * 4u;
    let column = index % p.stride_c;
    if first >= p.rows { return; }
    for (var row = first; row < first + 4u; row++) {
        var sum = vec4<f32>();
        for (var z = 0u; z < p.slices; z++) { sum += a_at((z * p.rows + row) * p.stride_c + column); }
        put(row, column, sum);
    }
    finish(index);
}
