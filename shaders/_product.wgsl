// Shared part: the uniform of a product A B or A Bᵀ, and the constant of every epilogue.

struct Product {
    tiles_m: u32,     // tiles down C
    tiles_n: u32,     // tiles across C
    k_first: u32,     // first vec4 of k
    k_end: u32,       // end of k, vec4
    stride_a: u32,
    stride_b: u32,
    stride_c: u32,
    rows: u32,        // of C, padding included
    examples: u32,    // rows of C without padding
    units: u32,       // columns of C without padding
    sums: u32,        // invocations that leave a sum, for the output's delta
    first_sum: u32,   // where the first sum goes
    slice: u32,       // vec4s of k a slice
    slices: u32,      // into which k is split; their products are added up afterwards
}

override ACCUMULATE: bool = false;  // add to C

// Whether four neighbouring elements of C are stored: tiles may lie across its edge.
fn is_stored(row: u32, column: u32) -> bool {
    return row < p.rows && column < p.stride_c;
}

// Which of four neighbouring elements of C are no padding.
fn is_inside(row: u32, column: u32) -> vec4<bool> {
    let first = 4u * column;
    let columns = vec4<u32>(first, first + 1u, first + 2u, first + 3u) < vec4<u32>(p.units);
    return columns & vec4<bool>(row < p.examples);
}

// First k of a slice and the end of its k.
fn bounds_of(slice: u32) -> vec2<u32> {
    let first = p.k_first + slice * p.slice;
    return 4u * vec2<u32>(first, min(first + p.slice, p.k_end));
}

// The sum of a number of each invocation, or of all that share a tile: those that have it leave it as number `index`.
struct TileSum {
    index: u32,
    is_whole: bool,
    sum: f32,
}

// Sums over the rows of a tile: of `count` times four columns, from vec4 `column` on, in the part `part` of all rows.
struct ColumnTotals {
    part: u32,
    column: u32,
    count: u32,
    first: vec4<f32>,
    second: vec4<f32>,
}
