// Shared part: block sums of x_i·y_j of three vectors x and a list of vectors y, all of one stack. One workgroup, one block and
// seven of the list: its invocations lie side by side, each sums up one vec4 in 64 of all products at once, so that every
// vector of the list is read once; then one invocation a product adds their sums up. The kernel binds the tensors and says in
// `load` where it reads.

struct InnerProducts {
    count: u32,               // vec4s a vector
    turns: u32,               // vec4s of an invocation in a block
    blocks: u32,
    listed: u32,              // length of the list
    x0: u32,
    x1: u32,
    x2: u32,
    pad0: u32,
    y: array<vec4<u32>, 6>,   // the list, four in each; all behind it as the first
}

const SEVEN: u32 = 7u;
/// Sums of a product lie apart by one more than there are, or all that are read at a time would lie in one bank.
const APART: u32 = 65u;

override WORKGROUP: u32 = 64u;

var<workgroup> shares: array<f32, 1365>;  // [3·SEVEN, APART]

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = linear_index(group, groups, 0u) / WORKGROUP;
    let parts = (p.listed + SEVEN - 1u) / SEVEN;
    let block = index / parts;
    let first = SEVEN * (index % parts);
    let count = p.count;
    let x = vec3<u32>(p.x0, p.x1, p.x2) * count;
    var y: array<u32, SEVEN>;
    var sums_of: array<vec3<f32>, SEVEN>;
    for (var j = 0u; j < SEVEN; j++) {
        let listed = min(first + j, 23u);
        y[j] = p.y[listed / 4u][listed % 4u] * count;
    }
    var at = block * p.turns * WORKGROUP + local;
    for (var turn = 0u; turn < p.turns; turn++) {
        if at < count {
            let x0 = load(x.x + at);
            let x1 = load(x.y + at);
            let x2 = load(x.z + at);
            for (var j = 0u; j < SEVEN; j++) {
                let of_list = load(y[j] + at);
                sums_of[j] += vec3<f32>(dot(x0, of_list), dot(x1, of_list), dot(x2, of_list));
            }
        }
        at += WORKGROUP;
    }
    for (var j = 0u; j < SEVEN; j++) {
        for (var i = 0u; i < 3u; i++) { shares[(3u * j + i) * APART + local] = sums_of[j][i]; }
    }
    workgroupBarrier();
    let product = 3u * first + local;
    if local < 3u * SEVEN && product < 3u * p.listed && block < p.blocks {
        var total = vec4<f32>();
        for (var i = local * APART; i < local * APART + 64u; i += 4u) {
            total += vec4<f32>(shares[i], shares[i + 1u], shares[i + 2u], shares[i + 3u]);
        }
        sums[product * p.blocks + block] = (total.x + total.y) + (total.z + total.w);
    }
}
