// Ceiling: multiply-adds in registers. Twelve sums an invocation, each turn adds to every one of them four times; no
// memory but one number at the end, without which the loop would be left out. Measures only, has no reference.

struct MultiplyAdd {
    turns: u32,  // at most 60 000: lavapipe ends loops after 65 535
}

@group(0) @binding(0) var<uniform> p: MultiplyAdd;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;  // [invocations]

// Literals, because an adapter that keeps uniforms in registers would lack them for the sums. Below 1, so that sums
// stay finite.
const FACTOR = 0.999;
const TERM = 0.001;

override WORKGROUP: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    var s0 = f32(local);
    var s1 = s0 + 1.0;
    var s2 = s0 + 2.0;
    var s3 = s0 + 3.0;
    var s4 = s0 + 4.0;
    var s5 = s0 + 5.0;
    var s6 = s0 + 6.0;
    var s7 = s0 + 7.0;
    var s8 = s0 + 8.0;
    var s9 = s0 + 9.0;
    var s10 = s0 + 10.0;
    var s11 = s0 + 11.0;
    for (var turn = 0u; turn < p.turns; turn++) {
        s0 = fma(s0, FACTOR, TERM); s1 = fma(s1, FACTOR, TERM); s2 = fma(s2, FACTOR, TERM);
        s3 = fma(s3, FACTOR, TERM); s4 = fma(s4, FACTOR, TERM); s5 = fma(s5, FACTOR, TERM);
        s6 = fma(s6, FACTOR, TERM); s7 = fma(s7, FACTOR, TERM); s8 = fma(s8, FACTOR, TERM);
        s9 = fma(s9, FACTOR, TERM); s10 = fma(s10, FACTOR, TERM); s11 = fma(s11, FACTOR, TERM);
        s0 = fma(s0, FACTOR, TERM); s1 = fma(s1, FACTOR, TERM); s2 = fma(s2, FACTOR, TERM);
        s3 = fma(s3, FACTOR, TERM); s4 = fma(s4, FACTOR, TERM); s5 = fma(s5, FACTOR, TERM);
        s6 = fma(s6, FACTOR, TERM); s7 = fma(s7, FACTOR, TERM); s8 = fma(s8, FACTOR, TERM);
        s9 = fma(s9, FACTOR, TERM); s10 = fma(s10, FACTOR, TERM); s11 = fma(s11, FACTOR, TERM);
        s0 = fma(s0, FACTOR, TERM); s1 = fma(s1, FACTOR, TERM); s2 = fma(s2, FACTOR, TERM);
        s3 = fma(s3, FACTOR, TERM); s4 = fma(s4, FACTOR, TERM); s5 = fma(s5, FACTOR, TERM);
        s6 = fma(s6, FACTOR, TERM); s7 = fma(s7, FACTOR, TERM); s8 = fma(s8, FACTOR, TERM);
        s9 = fma(s9, FACTOR, TERM); s10 = fma(s10, FACTOR, TERM); s11 = fma(s11, FACTOR, TERM);
        s0 = fma(s0, FACTOR, TERM); s1 = fma(s1, FACTOR, TERM); s2 = fma(s2, FACTOR, TERM);
        s3 = fma(s3, FACTOR, TERM); s4 = fma(s4, FACTOR, TERM); s5 = fma(s5, FACTOR, TERM);
        s6 = fma(s6, FACTOR, TERM); s7 = fma(s7, FACTOR, TERM); s8 = fma(s8, FACTOR, TERM);
        s9 = fma(s9, FACTOR, TERM); s10 = fma(s10, FACTOR, TERM); s11 = fma(s11, FACTOR, TERM);
    }
    sums[at] = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;
}
