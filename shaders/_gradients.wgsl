// Shared part: the uniform of the gradient of a hidden block, of its products and of their sum, and where its numbers lie:
// the vectors of a block are [W1 | D | b1 | b2], b2 in the first block alone. Strides and places in vec4.

struct Gradients {
    tiles_m: u32,     // tiles down W1, and down D
    tiles_n: u32,     // tiles across them
    k: u32,           // rows of the factors, padding included
    slice: u32,       // rows a slice
    slices: u32,      // into which the rows are split (split-K); their sums are added up afterwards
    stride_a: u32,    // of A2 and δ2: h
    stride_b: u32,    // of δ3 and X, and of W1 and D: n
    d: u32,           // where D begins; W1 begins at 0
    b1: u32,          // where b1 begins
    b2: u32,          // where b2 begins
    b2_len: u32,      // of b2, 0 in all blocks but the first
    length: u32,      // of the vectors, and from one slice of sums to the next
    scale: f32,       // 1 / rows of the whole update
    lambda: f32,
}
