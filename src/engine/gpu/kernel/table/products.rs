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

const PRODUCT: &str = shader!("_product");
const TILED_PRODUCT: &str = shader!("_tiled_product");
const GRADIENTS: &str = shader!("_gradients");
const GRADIENT_TILES: &str = shader!("_gradient_tiles");
const GRADIENT_BUFFERS: &str = shader!("_gradient_buffers");
const TILED: &str = shader!("_tiled");
const TILE: &str = shader!("_broadcast_tile");
const ROWS: &str = shader!("_broadcast_rows");
const TEXTURE: &str = shader!("_texture");

/// Kernels of a product, one of each of [`Product::ALL`].
pub(crate) type OfProduct = [Kernel; Product::ALL.len()];

/// The shaders of a product, in the order of [`Product::ALL`], with the parts of the direct, the tiled and the broadcast
/// ones. The tiled kernels share one: what their tiles make different is generated.
macro_rules! shaders {
    ($transpose:ident, [$direct:literal, $tiled:literal, $broadcast:literal], $parts:expr) => {{
        const fn of(product: Product) -> Shader {
            let parts: [[&str; 4]; 3] = $parts;
            let (file, source, parts) = match product {
                Product::Direct => ($direct, shader!($direct), parts[0]),
                Product::Broadcast => ($broadcast, shader!($broadcast), parts[2]),
                _ => ($tiled, shader!($tiled), parts[1]),
            };
            let is_gradient = matches!(Transpose::$transpose, Transpose::Tn);
            Shader { file, source, parts, product: Some((product, Transpose::$transpose)), is_gradient }
        }
        let [p0, p1, p2, p3, p4] = Product::ALL;
        [of(p0), of(p1), of(p2), of(p3), of(p4)]
    }};
}

type Shaders = [Shader; Product::ALL.len()];
const PRODUCT_PARTS: [[&str; 4]; 3] =
    [[PRODUCT, "", "", ""], [PRODUCT, TILED, TILED_PRODUCT, ""], [PRODUCT, TILE, ROWS, TEXTURE]];
const GRADIENT_PARTS: [[&str; 4]; 3] = [
    [GRADIENTS, GRADIENT_TILES, GRADIENT_BUFFERS, ""],
    [GRADIENTS, GRADIENT_TILES, GRADIENT_BUFFERS, TILED],
    [GRADIENTS, GRADIENT_TILES, TILE, TEXTURE],
];
const NT: Shaders = shaders!(Nt, ["matmul_nt", "matmul_nt_tiled", "matmul_nt_broadcast"], PRODUCT_PARTS);
const NN: Shaders = shaders!(Nn, ["matmul_nn", "matmul_nn_tiled", "matmul_nn_broadcast"], PRODUCT_PARTS);
const TN: Shaders = shaders!(Tn, ["gradients", "gradients_tiled", "gradients_broadcast"], GRADIENT_PARTS);
/// Adds up the slices of a gradient.
const GRADIENT_SUM_SHADER: Shader = Shader {
    file: "gradient_sum",
    source: shader!("gradient_sum"),
    parts: [GRADIENTS, "", "", ""],
    product: None,
    is_gradient: true,
};
/// Adds up the slices of split-K that the tiled kernels leave.
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

/// The names of the kernels of a product, in the order of [`Product::ALL`].
macro_rules! names {
    ($name:literal $(, $ending:literal)?) => {
        [
            concat!($name $(, $ending)?),
            concat!($name, "_tiled" $(, $ending)?),
            concat!($name, "_tiled64x64" $(, $ending)?),
            concat!($name, "_tiled32x32" $(, $ending)?),
            concat!($name, "_broadcast" $(, $ending)?),
        ]
    };
}

/// The kernels of a product with one epilogue.
const fn rows(names: [&'static str; Product::ALL.len()], shaders: Shaders, epilogue: Epilogue) -> OfProduct {
    checked(names, shaders, epilogue, names[0])
}

/// The same, checked against the reference of another name.
const fn checked(
    names: [&'static str; Product::ALL.len()],
    shaders: Shaders,
    epilogue: Epilogue,
    reference: &'static str,
) -> OfProduct {
    let [n0, n1, n2, n3, n4] = names;
    let [s0, s1, s2, s3, s4] = shaders;
    [
        row(n0, s0, epilogue, reference),
        row(n1, s1, epilogue, reference),
        row(n2, s2, epilogue, reference),
        row(n3, s3, epilogue, reference),
        row(n4, s4, epilogue, reference),
    ]
}

/// Those that leave slices of k: of the tiled kernels alone, in the order of [`Product::TILED`].
const fn split_k(
    names: [&'static str; Product::ALL.len()],
    shaders: Shaders,
    reference: &'static str,
) -> [Kernel; Product::TILED.len()] {
    let [_, n0, n1, n2, _] = names;
    let [_, s0, s1, s2, _] = shaders;
    [row(n0, s0, SPLIT_K, reference), row(n1, s1, SPLIT_K, reference), row(n2, s2, SPLIT_K, reference)]
}

/// C = A Bᵀ.
pub(crate) static MATMUL_NT: OfProduct = rows(names!("matmul_nt"), NT, STORE);

/// C = f(A Bᵀ + b), and its sums over the rows of tiles.
pub(crate) static LAYER_NT: OfProduct = rows(names!("layer_nt"), NT, HIDDEN_LAYER);

/// C = f(A Bᵀ + b), whose sums nobody asks for.
pub(crate) static DENSE_NT: OfProduct = checked(names!("dense_nt"), NT, LAYER, "layer_nt");

/// C = (A Bᵀ + s) ⊙ f′(A2).
pub(crate) static HIDDEN_DELTA_NT: OfProduct = rows(names!("hidden_delta_nt"), NT, HIDDEN_DELTA);

/// C = A B.
pub(crate) static MATMUL_NN: OfProduct = rows(names!("matmul_nn"), NN, STORE);

/// C = f(A B + b).
pub(crate) static LAYER_NN: OfProduct = rows(names!("layer_nn"), NN, LAYER);

/// C = (A B + s) ⊙ f′(A2).
pub(crate) static HIDDEN_DELTA_NN: OfProduct = rows(names!("hidden_delta_nn"), NN, HIDDEN_DELTA);

/// C = (A3 − X) ⊙ g′ with A3 = g(A B + b).
pub(crate) static OUTPUT_DELTA_NN: OfProduct = rows(names!("output_delta_nn"), NN, OUTPUT_DELTA);

/// A2ᵀδ3, δ2ᵀX and the sums of δ2 and δ3 over slices of the rows.
pub(crate) static GRADIENT_SLICES: OfProduct = checked(names!("gradient_slices"), TN, SLICES, "matmul_tn");

/// The gradient of a hidden block.
pub(crate) static GRADIENT: OfProduct = checked(names!("gradient"), TN, KEPT, "weight_gradient");

/// SGD by the gradient of a hidden block.
pub(crate) static GRADIENT_SGD: OfProduct = checked(names!("gradient_sgd"), TN, SGD, "sgd");

/// Adam by the gradient of a hidden block.
pub(crate) static GRADIENT_ADAM: OfProduct = checked(names!("gradient_adam"), TN, ADAM, "adam");

/// The gradient of a hidden block from its slices.
pub static GRADIENT_SUM: Kernel = row("gradient_sum", GRADIENT_SUM_SHADER, KEPT, "weight_gradient");

/// SGD by the sum of slices.
pub static GRADIENT_SUM_SGD: Kernel = row("gradient_sum_sgd", GRADIENT_SUM_SHADER, SGD, "sgd");

/// Adam by the sum of slices.
pub static GRADIENT_SUM_ADAM: Kernel = row("gradient_sum_adam", GRADIENT_SUM_SHADER, ADAM, "adam");

/// P_z = A Bᵀ over the z-th slice of k.
pub(crate) static SPLIT_K_NT: [Kernel; Product::TILED.len()] =
    split_k(names!("matmul_nt", "_split_k"), NT, "matmul_nt");

/// P_z = A B over the z-th slice of k.
pub(crate) static SPLIT_K_NN: [Kernel; Product::TILED.len()] =
    split_k(names!("matmul_nn", "_split_k"), NN, "matmul_nn");

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

const fn of(product: Product, kernels: &'static OfProduct) -> &'static Kernel {
    &kernels[product as usize]
}

/// P_z = A Bᵀ over the z-th slice of k, or A B, where a kernel leaves slices.
pub fn split_k_of(transpose: Transpose, product: Product) -> Option<&'static Kernel> {
    let kernels = match transpose {
        Transpose::Nt => &SPLIT_K_NT,
        Transpose::Nn => &SPLIT_K_NN,
        Transpose::Tn => return None,
    };
    kernels.iter().find(|kernel| kernel.product.is_some_and(|(of, _)| of == product))
}

/// C = A Bᵀ.
pub fn matmul_nt(product: Product) -> &'static Kernel {
    of(product, &MATMUL_NT)
}

/// C = f(A Bᵀ + b), and its sums over the rows of tiles.
pub fn layer_nt(product: Product) -> &'static Kernel {
    of(product, &LAYER_NT)
}

/// C = f(A Bᵀ + b), without sums.
pub fn dense_nt(product: Product) -> &'static Kernel {
    of(product, &DENSE_NT)
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

/// C = (A B + s) ⊙ f′(A2).
pub fn hidden_delta_nn(product: Product) -> &'static Kernel {
    of(product, &HIDDEN_DELTA_NN)
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
