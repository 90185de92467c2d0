// Shared part: the tiles of both products of a gradient, those of D before those of W1, and the sums of δ3 and of δ2 over
// the rows, which the tiles of D's first row and of W1's first column add up on the way: the gradients of b2 and b1.
// The kernel binds the factors; the joined end says what becomes of a sum.

// The products of a dispatch: 0 is A2ᵀ δ3, 1 is δ2ᵀ X, 2 is both. Where one is chosen no loop asks which it is.
override LAYERS: u32 = 2u;

const NOWHERE: u32 = 0xffffffffu;

var<private> of_encoder: bool;
var<private> slice: u32;

fn is_encoder() -> bool {
    return LAYERS == 1u || (LAYERS == 2u && of_encoder);
}

// Tiles of all slices of a product.
fn tiles_of_product() -> u32 {
    return p.tiles_m * p.tiles_n * p.slices;
}

fn all_tiles() -> u32 {
    return tiles_of_product() * select(1u, 2u, LAYERS == 2u);
}

// Takes up tile `index` of all: row and column of the tile in its product.
fn take_tile(index: u32) -> vec2<u32> {
    of_encoder = index >= tiles_of_product();
    let at = index % tiles_of_product();
    let tiles = p.tiles_m * p.tiles_n;
    slice = at / tiles;
    return vec2<u32>(at % tiles / p.tiles_n, at % p.tiles_n);
}

// First row of a slice, and the end of its rows.
fn bounds_of(slice: u32) -> vec2<u32> {
    return vec2<u32>(slice * p.slice, min((slice + 1u) * p.slice, p.k));
}

// Four neighbouring elements of the product; tiles may lie across its edge.
fn put(row: u32, column: u32, value: vec4<f32>) {
    if row >= 4u * p.stride_a || column >= p.stride_b { return; }
    apply(select(p.d, 0u, is_encoder()) + row * p.stride_b + column, value, p.lambda);
}

// Where the sum of column `a` of A (δ2) or `b` of B (δ3) belongs, in vec4; a tile that adds up none has it nowhere.
fn place_of_sum(tile: vec2<u32>, a: u32, b: u32) -> u32 {
    if is_encoder() {
        return select(NOWHERE, p.b1 + a, tile.y == 0u && a < p.stride_a);
    }
    return select(NOWHERE, p.b2 + b, tile.x == 0u && b < p.b2_len);
}

fn put_sum(place: u32, value: vec4<f32>) {
    if place != NOWHERE { apply(place, value, 0.0); }
}
