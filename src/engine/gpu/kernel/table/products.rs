//! The rows of the products: every shader with every epilogue that it may have; and their uniforms.

use std::sync::OnceLock;

use bytemuck::{Pod, Zeroable};

use super::{PARTS, shader};
use crate::engine::gpu::kernel::{Kernel, Uniform, WORKGROUP};
use crate::engine::variant::Memory;
use crate::engine::variant::Product;
use crate::math::transpose::Transpose;

/// The shader of a product, with the parts that its kind shares.
#[derive(Clone, Copy)]
struct Shader {
    file: &'static str,
    source: &'static str,
    parts: [&'static str; 4],
    product: Option<(Product, Transpose)>,
    /// Whether it computes the gradient of a hidden block.
    is_gradient: bool,
}

macro_rules! product {
    ($file:literal, $product:ident, $transpose:ident, [$($part:expr),*]) => {
        Shader {
            file: $file,
            source: shader!($file),
            parts: [$($part),*],
            product: Some((Product::$product, Transpose::$transpose)),
            is_gradient: matches!(Transpose::$transpose, Transpose::Tn),
        }
    };
}

const PRODUCT: &str = shader!("_product");
const TILED_PRODUCT: &str = shader!("_tiled_product");
const GRADIENTS: &str = shader!("_gradients");
const GRADIENT_TILES: &str = shader!("_gradient_tiles");
const TILE: &str = shader!("_broadcast_tile");
const ROWS: &str = shader!("_broadcast_rows");
const TEXTURE: &str = shader!("_texture");
use super::super::TILED_PART as TILED;

/// The shaders of a product, in the order of [`Product::ALL`].
const NT: [Shader; 3] = [
    product!("matmul_nt", Direct, Nt, [PRODUCT, "", "", ""]),
    product!("matmul_nt_tiled", Tiled, Nt, [PRODUCT, TILED, TILED_PRODUCT, ""]),
    product!("matmul_nt_broadcast", Broadcast, Nt, [PRODUCT, TILE, ROWS, TEXTURE]),
];
const NN: [Shader; 3] = [
    product!("matmul_nn", Direct, Nn, [PRODUCT, "", "", ""]),
    product!("matmul_nn_tiled", Tiled, Nn, [PRODUCT, TILED, TILED_PRODUCT, ""]),
    product!("matmul_nn_broadcast", Broadcast, Nn, [PRODUCT, TILE, ROWS, TEXTURE]),
];
const TN: [Shader; 3] = [
    product!("gradients", Direct, Tn, [GRADIENTS, GRADIENT_TILES, "", ""]),
    product!("gradients_tiled", Tiled, Tn, [GRADIENTS, GRADIENT_TILES, TILED, ""]),
    product!("gradients_broadcast", Broadcast, Tn, [GRADIENTS, GRADIENT_TILES, TILE, TEXTURE]),
];
/// Adds up the slices of a gradient.
const GRADIENT_SUM_SHADER: Shader = Shader {
    file: "gradient_sum",
    source: shader!("gradient_sum"),
    parts: [GRADIENTS, "", "", ""],
    product: None,
    is_gradient: true,
};
/// Adds up the slices of split-K that `tiled` leaves.
const SUM: Shader = Shader {
    file: "split_k_sum",
    source: shader!("split_k_sum"),
    parts: [PRODUCT, "", "", ""],
    product: None,
    is_gradient: false,
};

/// What becomes of a product: the parts that are joined where it reads buffers, and where it reads textures.
#[derive(Clone, Copy)]
struct Epilogue {
    buffers: [&'static str; 3],
    textures: [&'static str; 3],
}

impl Epilogue {
    const fn of_both(part: &'static str) -> Self {
        Self { buffers: [part, "", ""], textures: [part, "", ""] }
    }
}

const ACTIVATION: &str = shader!("_activation");
const STORE: Epilogue = Epilogue::of_both(shader!("epilogue/store"));
const SPLIT_K: Epilogue = Epilogue::of_both(shader!("epilogue/split_k"));
const LAYER: Epilogue = Epilogue {
    buffers: [shader!("epilogue/layer"), shader!("epilogue/_layer"), ACTIVATION],
    textures: [shader!("epilogue/layer_textures"), shader!("epilogue/_layer"), ACTIVATION],
};
const HIDDEN_LAYER: Epilogue = Epilogue {
    buffers: [shader!("epilogue/hidden_layer"), shader!("epilogue/_hidden_layer"), ACTIVATION],
    textures: [shader!("epilogue/hidden_layer_textures"), shader!("epilogue/_hidden_layer"), ACTIVATION],
};
const OUTPUT_DELTA: Epilogue = Epilogue {
    buffers: [shader!("epilogue/output_delta"), shader!("epilogue/_output_delta"), ACTIVATION],
    textures: [shader!("epilogue/output_delta_textures"), shader!("epilogue/_output_delta"), ACTIVATION],
};
const HIDDEN_DELTA: Epilogue = Epilogue {
    buffers: [shader!("epilogue/hidden_delta"), shader!("epilogue/_hidden_delta"), ACTIVATION],
    textures: [shader!("epilogue/hidden_delta_textures"), shader!("epilogue/_hidden_delta"), ACTIVATION],
};
const SLICES: Epilogue = Epilogue::of_both(shader!("epilogue/gradient_slices"));
const KEPT: Epilogue = Epilogue::of_both(shader!("epilogue/gradient"));
const SGD: Epilogue = Epilogue::of_both(shader!("epilogue/gradient_sgd"));
const ADAM: Epilogue = Epilogue::of_both(shader!("epilogue/gradient_adam"));

/// Uniform of `matmul_nt` and `matmul_nn` with any epilogue.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ProductUniform {
    pub tiles_m: u32,
    pub tiles_n: u32,
    pub k_first: u32,
    pub k_end: u32,
    pub stride_a: u32,
    pub stride_b: u32,
    pub stride_c: u32,
    pub rows: u32,
    pub examples: u32,
    pub units: u32,
    pub sums: u32,
    pub first_sum: u32,
    pub slice: u32,
    pub slices: u32,
}

/// Uniform of `gradients` and `gradient_sum` with any end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct GradientsUniform {
    pub tiles_m: u32,
    pub tiles_n: u32,
    pub k: u32,
    pub slice: u32,
    pub slices: u32,
    pub stride_a: u32,
    pub stride_b: u32,
    pub d: u32,
    pub b1: u32,
    pub b2: u32,
    pub b2_len: u32,
    pub length: u32,
    pub scale: f32,
    pub lambda: f32,
}

/// A shader with an epilogue, checked against the reference of a name.
const fn row(name: &'static str, shader: Shader, epilogue: Epilogue, reference: &'static str) -> Kernel {
    let (memory, workgroup, feature) = match shader.product {
        Some((product, _)) => (product.memory(), product.tile().sharers as u32, product.feature()),
        None => (Memory::Buffers, WORKGROUP, None),
    };
    let workgroup = if workgroup == 1 { WORKGROUP } else { workgroup };
    let [p0, p1, p2, p3] = shader.parts;
    let [e0, e1, e2] = match memory {
        Memory::Buffers => epilogue.buffers,
        Memory::Textures => epilogue.textures,
    };
    let parts: [&'static str; PARTS] = [p0, p1, p2, p3, e0, e1, e2];
    let uniform =
        if shader.is_gradient { Uniform::of::<GradientsUniform>() } else { Uniform::of::<ProductUniform>() };
    let Shader { file, source, product, .. } = shader;
    Kernel {
        name,
        file,
        source,
        parts,
        reference: Some(reference),
        product,
        feature,
        workgroup,
        uniform,
        declared: OnceLock::new(),
    }
}

/// The three kernels of a product with one epilogue.
const fn rows(names: [&'static str; 3], shaders: [Shader; 3], epilogue: Epilogue) -> [Kernel; 3] {
    let reference = names[0];
    [
        row(names[0], shaders[0], epilogue, reference),
        row(names[1], shaders[1], epilogue, reference),
        row(names[2], shaders[2], epilogue, reference),
    ]
}

/// The three kernels of a gradient with one end.
const fn gradients(names: [&'static str; 3], end: Epilogue, reference: &'static str) -> [Kernel; 3] {
    [
        row(names[0], TN[0], end, reference),
        row(names[1], TN[1], end, reference),
        row(names[2], TN[2], end, reference),
    ]
}

/// C = A Bᵀ.
pub(crate) static MATMUL_NT: [Kernel; 3] =
    rows(["matmul_nt", "matmul_nt_tiled", "matmul_nt_broadcast"], NT, STORE);

/// C = f(A Bᵀ + b), and its sums over the rows of tiles.
pub(crate) static LAYER_NT: [Kernel; 3] =
    rows(["layer_nt", "layer_nt_tiled", "layer_nt_broadcast"], NT, HIDDEN_LAYER);

/// C = (A Bᵀ + s) ⊙ f′(A2).
pub(crate) static HIDDEN_DELTA_NT: [Kernel; 3] =
    rows(["hidden_delta_nt", "hidden_delta_nt_tiled", "hidden_delta_nt_broadcast"], NT, HIDDEN_DELTA);

/// C = A B.
pub(crate) static MATMUL_NN: [Kernel; 3] =
    rows(["matmul_nn", "matmul_nn_tiled", "matmul_nn_broadcast"], NN, STORE);

/// C = f(A B + b).
pub(crate) static LAYER_NN: [Kernel; 3] =
    rows(["layer_nn", "layer_nn_tiled", "layer_nn_broadcast"], NN, LAYER);

/// C = (A3 − X) ⊙ g′ with A3 = g(A B + b).
pub(crate) static OUTPUT_DELTA_NN: [Kernel; 3] =
    rows(["output_delta_nn", "output_delta_nn_tiled", "output_delta_nn_broadcast"], NN, OUTPUT_DELTA);

/// A2ᵀδ3, δ2ᵀX and the sums of δ2 and δ3 over slices of the rows.
pub(crate) static GRADIENT_SLICES: [Kernel; 3] =
    gradients(["gradient_slices", "gradient_slices_tiled", "gradient_slices_broadcast"], SLICES, "matmul_tn");

/// The gradient of a hidden block.
pub(crate) static GRADIENT: [Kernel; 3] =
    gradients(["gradient", "gradient_tiled", "gradient_broadcast"], KEPT, "weight_gradient");

/// SGD by the gradient of a hidden block.
pub(crate) static GRADIENT_SGD: [Kernel; 3] =
    gradients(["gradient_sgd", "gradient_sgd_tiled", "gradient_sgd_broadcast"], SGD, "sgd");

/// Adam by the gradient of a hidden block.
pub(crate) static GRADIENT_ADAM: [Kernel; 3] =
    gradients(["gradient_adam", "gradient_adam_tiled", "gradient_adam_broadcast"], ADAM, "adam");

/// The gradient of a hidden block from its slices.
pub static GRADIENT_SUM: Kernel = row("gradient_sum", GRADIENT_SUM_SHADER, KEPT, "weight_gradient");

/// SGD by the sum of slices.
pub static GRADIENT_SUM_SGD: Kernel = row("gradient_sum_sgd", GRADIENT_SUM_SHADER, SGD, "sgd");

/// Adam by the sum of slices.
pub static GRADIENT_SUM_ADAM: Kernel = row("gradient_sum_adam", GRADIENT_SUM_SHADER, ADAM, "adam");

/// P_z = A Bᵀ over the z-th slice of k.
pub static SPLIT_K_NT: Kernel = row("matmul_nt_tiled_split_k", NT[1], SPLIT_K, "matmul_nt");

/// P_z = A B over the z-th slice of k.
pub static SPLIT_K_NN: Kernel = row("matmul_nn_tiled_split_k", NN[1], SPLIT_K, "matmul_nn");

/// C = Σ_z P_z.
pub static SPLIT_K_SUM: Kernel = row("split_k_sum", SUM, STORE, "matmul_nn");

/// C = f(Σ_z P_z + b), and its sums over four rows each.
pub static HIDDEN_LAYER_SPLIT_K_SUM: Kernel = row("hidden_layer_split_k_sum", SUM, HIDDEN_LAYER, "layer_nt");

/// C = f(Σ_z P_z + b).
pub static LAYER_SPLIT_K_SUM: Kernel = row("layer_split_k_sum", SUM, LAYER, "layer_nn");

/// C = (Σ_z P_z + s) ⊙ f′(A2).
pub static HIDDEN_DELTA_SPLIT_K_SUM: Kernel =
    row("hidden_delta_split_k_sum", SUM, HIDDEN_DELTA, "hidden_delta_nt");

/// C = (A3 − X) ⊙ g′ with A3 = g(Σ_z P_z + b).
pub static OUTPUT_DELTA_SPLIT_K_SUM: Kernel =
    row("output_delta_split_k_sum", SUM, OUTPUT_DELTA, "output_delta_nn");

const fn of(product: Product, kernels: &'static [Kernel; 3]) -> &'static Kernel {
    &kernels[product as usize]
}

/// C = A Bᵀ.
pub fn matmul_nt(product: Product) -> &'static Kernel {
    of(product, &MATMUL_NT)
}

/// C = f(A Bᵀ + b), and its sums over the rows of tiles.
pub fn layer_nt(product: Product) -> &'static Kernel {
    of(product, &LAYER_NT)
}

/// C = (A Bᵀ + s) ⊙ f′(A2).
pub fn hidden_delta_nt(product: Product) -> &'static Kernel {
    of(product, &HIDDEN_DELTA_NT)
}

/// C = A B.
pub fn matmul_nn(product: Product) -> &'static Kernel {
    of(product, &MATMUL_NN)
}

/// C = f(A B + b).
pub fn layer_nn(product: Product) -> &'static Kernel {
    of(product, &LAYER_NN)
}

/// C = (A3 − X) ⊙ g′ with A3 = g(A B + b).
pub fn output_delta_nn(product: Product) -> &'static Kernel {
    of(product, &OUTPUT_DELTA_NN)
}

/// A2ᵀδ3, δ2ᵀX and the sums of δ2 and δ3 over slices of the rows.
pub fn gradient_slices(product: Product) -> &'static Kernel {
    of(product, &GRADIENT_SLICES)
}

/// The gradient of a hidden block.
pub fn gradient(product: Product) -> &'static Kernel {
    of(product, &GRADIENT)
}

/// SGD by the gradient of a hidden block.
pub fn gradient_sgd(product: Product) -> &'static Kernel {
    of(product, &GRADIENT_SGD)
}

/// Adam by the gradient of a hidden block.
pub fn gradient_adam(product: Product) -> &'static Kernel {
    of(product, &GRADIENT_ADAM)
}
