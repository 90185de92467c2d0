// C = Σ_z P_z: adds up the slices of a product A B or A Bᵀ whose sum over k was split (split-K), where tiles were few.
//
// An invocation has four columns of four rows, so that rows of C next to each other are read by invocations next to each
// other. Slices are added from the first to the last.
// The joined epilogue says what becomes of C and what else is bound: one of epilogue/.

@group(0) @binding(0) var<uniform> p: Product;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;   // [m, n]
@group(0) @binding(2) var<storage, read> products: array<vec4<f32>>;  // [slices, m, n]

override WORKGROUP: u32 = 64u;

// An invocation has its rows to itself.
fn is_second(column: u32) -> bool { return false; }

fn totals_of_tile(invocation: u32, first: vec4<f32>, second: vec4<f32>) -> ColumnTotals {
    return ColumnTotals(invocation / p.stride_c, invocation % p.stride_c, 1u, first, second);
}

// An invocation has its sum to itself.
fn sum_of_tile(invocation: u32, sum: f32) -> TileSum { return TileSum(invocation, true, sum); }

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
        for (var z = 0u; z < p.slices; z++) { sum += products[(z * p.rows + row) * p.stride_c + column]; }
        put(row, column, sum);
    }
    finish(index);
}
