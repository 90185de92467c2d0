// Shared part: how many k of a piece of `tiled` are written out one after the other, four in each turn of a loop: for the
// compilers of software adapters, which take several times as long for all sixteen.

const UNROLLED: u32 = 4u;

fn multiply(t: ptr<function, Tile>, at_a: u32, at_b: u32) {
    multiply_one(t, at_a, at_b);
    multiply_one(t, at_a + 1u * LINE_A, at_b + 1u * LINE_B);
    multiply_one(t, at_a + 2u * LINE_A, at_b + 2u * LINE_B);
    multiply_one(t, at_a + 3u * LINE_A, at_b + 3u * LINE_B);
}
