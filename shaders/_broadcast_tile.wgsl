// Shared part: a tile of 32 rows in named registers, four columns an invocation: sums in registers need names or constant
// indices, and no compiler of a software adapter unrolls a loop of this size.

struct Tile {
    c0: vec4<f32>,
    c1: vec4<f32>,
    c2: vec4<f32>,
    c3: vec4<f32>,
    c4: vec4<f32>,
    c5: vec4<f32>,
    c6: vec4<f32>,
    c7: vec4<f32>,
    c8: vec4<f32>,
    c9: vec4<f32>,
    c10: vec4<f32>,
    c11: vec4<f32>,
    c12: vec4<f32>,
    c13: vec4<f32>,
    c14: vec4<f32>,
    c15: vec4<f32>,
    c16: vec4<f32>,
    c17: vec4<f32>,
    c18: vec4<f32>,
    c19: vec4<f32>,
    c20: vec4<f32>,
    c21: vec4<f32>,
    c22: vec4<f32>,
    c23: vec4<f32>,
    c24: vec4<f32>,
    c25: vec4<f32>,
    c26: vec4<f32>,
    c27: vec4<f32>,
    c28: vec4<f32>,
    c29: vec4<f32>,
    c30: vec4<f32>,
    c31: vec4<f32>,
}

// Hands every row to `put`.
fn store_tile(t: ptr<function, Tile>, row: u32, column: u32) {
    put(row + 0u, column, (*t).c0);
    put(row + 1u, column, (*t).c1);
    put(row + 2u, column, (*t).c2);
    put(row + 3u, column, (*t).c3);
    put(row + 4u, column, (*t).c4);
    put(row + 5u, column, (*t).c5);
    put(row + 6u, column, (*t).c6);
    put(row + 7u, column, (*t).c7);
    put(row + 8u, column, (*t).c8);
    put(row + 9u, column, (*t).c9);
    put(row + 10u, column, (*t).c10);
    put(row + 11u, column, (*t).c11);
    put(row + 12u, column, (*t).c12);
    put(row + 13u, column, (*t).c13);
    put(row + 14u, column, (*t).c14);
    put(row + 15u, column, (*t).c15);
    put(row + 16u, column, (*t).c16);
    put(row + 17u, column, (*t).c17);
    put(row + 18u, column, (*t).c18);
    put(row + 19u, column, (*t).c19);
    put(row + 20u, column, (*t).c20);
    put(row + 21u, column, (*t).c21);
    put(row + 22u, column, (*t).c22);
    put(row + 23u, column, (*t).c23);
    put(row + 24u, column, (*t).c24);
    put(row + 25u, column, (*t).c25);
    put(row + 26u, column, (*t).c26);
    put(row + 27u, column, (*t).c27);
    put(row + 28u, column, (*t).c28);
    put(row + 29u, column, (*t).c29);
    put(row + 30u, column, (*t).c30);
    put(row + 31u, column, (*t).c31);
}
