// G = (Σ_z P_z)/m + λW from the slices of matmul_tn.wgsl, summed in order. Adds to what is there when a batch is
// computed in several chunks; λW then belongs to the first. One invocation, one vec4.

struct WeightGradient {
    count: u32,       // vec4s of one slice
    slices: u32,
    scale: f32,       // 1 / rows of the whole batch
    lambda: f32,
}

@group(0) @binding(0) var<uniform> p: WeightGradient;
@group(0) @binding(1) var<storage, read> products: array<vec4<f32>>;        // [slices, h, n]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;               // [h, n]
@group(0) @binding(3) var<storage, read_write> gradient: array<vec4<f32>>;  // [h, n]

override WORKGROUP: u32 = 64u;
override ACCUMULATE: bool = false;  // add to the gradient of earlier chunks

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = linear_index(group, groups, local);
    if at >= p.count { return; }
    var sum = vec4<f32>();
    for (var slice = 0u; slice < p.slices; slice++) {
        sum += products[slice * p.count + at];
    }
    if ACCUMULATE {
        gradient[at] += p.scale * sum;
    } else {
        gradient[at] = p.scale * sum + p.lambda * w[at];
    }
}
