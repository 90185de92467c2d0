// Shared part: what a product A B or A Bᵀ in tiles of _tiled.wgsl is made of: its factors, and its tiles slice by slice of k.

// The slice that the workgroup computes.
var<private> slice: u32;

fn load_a(i: u32) -> vec4<f32> { return a[i]; }
fn load_b(i: u32) -> vec4<f32> { return b[i]; }

fn tiles_of_product() -> u32 { return p.tiles_m * p.tiles_n * p.slices; }
fn all_tiles() -> u32 { return tiles_of_product(); }

// Takes up tile `index` of all: its row and its column.
fn take_tile(index: u32) -> vec2<u32> {
    let tiles = p.tiles_m * p.tiles_n;
    slice = index / tiles;
    return vec2<u32>(index % tiles / p.tiles_n, index % p.tiles_n);
}

// Its rows are added up by nobody.
fn begin(corner: Corner, local: u32) {}
fn sum_piece(local: u32) {}
fn prepare() {}
