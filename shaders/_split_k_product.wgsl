// Shared part: the uniform of a product Aᵀ B, whose sum over k is split (split-K): products over slices of k stand one
// below the other and are added up afterwards.

struct SlicedProduct {
    tiles_m: u32,      // tiles down P
    tiles_n: u32,      // tiles across P
    k: u32,            // rows of A and B, padding included
    slice: u32,        // rows a slice
    slices: u32,
    stride_a: u32,
    stride_b: u32,
    stride_c: u32,
}
