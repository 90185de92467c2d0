//! The rows of the products: every text with every end that it may have.

use super::super::Access::{self, Read, Write};
use super::super::tile::Left;
use super::super::{Kernel, Uniform};
use crate::gpu::uniform;
use crate::gpu::variant::Product;

/// The three texts of a product, in the order of [`Product::ALL`].
type Texts = [(&'static str, Option<Left>); 3];

const NT: Texts = [
    (include_str!("../../../../shaders/matmul_nt.wgsl"), None),
    (include_str!("../../../../shaders/matmul_nt_tiled.wgsl"), None),
    (include_str!("../../../../shaders/matmul_nt_broadcast.wgsl"), Some(Left::Rows)),
];
const NN: Texts = [
    (include_str!("../../../../shaders/matmul_nn.wgsl"), None),
    (include_str!("../../../../shaders/matmul_nn_tiled.wgsl"), None),
    (include_str!("../../../../shaders/matmul_nn_broadcast.wgsl"), Some(Left::Rows)),
];
const TN: Texts = [
    (include_str!("../../../../shaders/matmul_tn.wgsl"), None),
    (include_str!("../../../../shaders/matmul_tn_tiled.wgsl"), None),
    (include_str!("../../../../shaders/matmul_tn_broadcast.wgsl"), Some(Left::Columns)),
];

/// What becomes of a product.
struct End {
    /// What is joined to its text.
    parts: &'static [&'static str],
    activates: bool,
}

const PRODUCT_PART: &str = include_str!("../../../../shaders/_product.wgsl");
const PLAIN: End =
    End { parts: &[PRODUCT_PART, include_str!("../../../../shaders/_put.wgsl")], activates: false };
const LAYER: End =
    End { parts: &[PRODUCT_PART, include_str!("../../../../shaders/_put_layer.wgsl")], activates: true };
const OUTPUT_DELTA: End = End {
    parts: &[PRODUCT_PART, include_str!("../../../../shaders/_put_output_delta.wgsl")],
    activates: true,
};
const HIDDEN_DELTA: End = End {
    parts: &[PRODUCT_PART, include_str!("../../../../shaders/_put_hidden_delta.wgsl")],
    activates: true,
};

const A: Access = Read("a", "[m, k]");
const B_OF_NT: Access = Read("b", "[n, k]");
const B_OF_NN: Access = Read("b", "[k, n]");
const BIAS: Access = Read("bias", "[n]");

/// The three kernels of a product with one end.
const fn product(
    names: [&'static str; 3],
    texts: Texts,
    end: &End,
    bindings: &'static [Access],
) -> [Kernel; 3] {
    let [direct, tiled, broadcast] = texts;
    [
        row(names[0], direct, end, bindings),
        row(names[1], tiled, end, bindings),
        row(names[2], broadcast, end, bindings),
    ]
}

const fn row(
    name: &'static str,
    (source, tile): (&'static str, Option<Left>),
    end: &End,
    bindings: &'static [Access],
) -> Kernel {
    Kernel {
        name,
        source,
        activates: end.activates,
        accumulates: true,
        bindings,
        parts: end.parts,
        tile,
        uniform: Uniform::of::<uniform::Product>(),
    }
}

/// The product of a weight gradient, which is written slice by slice.
const fn sliced(name: &'static str, (source, tile): (&'static str, Option<Left>)) -> Kernel {
    Kernel {
        name,
        source,
        activates: false,
        accumulates: false,
        bindings: &[Read("a", "[k, m]"), Read("b", "[k, n]"), Write],
        parts: &[],
        tile,
        uniform: Uniform::of::<uniform::SlicedProduct>(),
    }
}

/// `matmul_nt*.wgsl` as they are.
pub(super) static MATMUL_NT: [Kernel; 3] =
    product(["matmul_nt", "matmul_nt_tiled", "matmul_nt_broadcast"], NT, &PLAIN, &[A, B_OF_NT, Write]);

/// `matmul_nt*.wgsl` with bias and activation.
pub(super) static LAYER_NT: [Kernel; 3] =
    product(["layer_nt", "layer_nt_tiled", "layer_nt_broadcast"], NT, &LAYER, &[A, B_OF_NT, Write, BIAS]);

/// `matmul_nt*.wgsl` with the KL slope and f′.
pub(super) static HIDDEN_DELTA_NT: [Kernel; 3] = product(
    ["hidden_delta_nt", "hidden_delta_nt_tiled", "hidden_delta_nt_broadcast"],
    NT,
    &HIDDEN_DELTA,
    &[A, B_OF_NT, Write, Read("slope", "[n]"), Read("a2", "[m, n]")],
);

/// `matmul_nn*.wgsl` as they are.
pub(super) static MATMUL_NN: [Kernel; 3] =
    product(["matmul_nn", "matmul_nn_tiled", "matmul_nn_broadcast"], NN, &PLAIN, &[A, B_OF_NN, Write]);

/// `matmul_nn*.wgsl` with bias and activation.
pub(super) static LAYER_NN: [Kernel; 3] =
    product(["layer_nn", "layer_nn_tiled", "layer_nn_broadcast"], NN, &LAYER, &[A, B_OF_NN, Write, BIAS]);

/// `matmul_nn*.wgsl` with bias, activation, difference from X, g′ and sums of squares.
pub(super) static OUTPUT_DELTA_NN: [Kernel; 3] = product(
    ["output_delta_nn", "output_delta_nn_tiled", "output_delta_nn_broadcast"],
    NN,
    &OUTPUT_DELTA,
    &[A, B_OF_NN, Write, BIAS, Read("x", "[m, n]"), Write],
);

/// `matmul_tn*.wgsl`.
pub(super) static MATMUL_TN: [Kernel; 3] =
    [sliced("matmul_tn", TN[0]), sliced("matmul_tn_tiled", TN[1]), sliced("matmul_tn_broadcast", TN[2])];

fn of(product: Product, kernels: &'static [Kernel; 3]) -> &'static Kernel {
    match product {
        Product::Direct => &kernels[0],
        Product::Tiled => &kernels[1],
        Product::Broadcast => &kernels[2],
    }
}

/// C = A Bᵀ.
pub fn matmul_nt(product: Product) -> &'static Kernel {
    of(product, &MATMUL_NT)
}

/// C = f(A Bᵀ + b).
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

/// C = Aᵀ B, slice by slice.
pub fn matmul_tn(product: Product) -> &'static Kernel {
    of(product, &MATMUL_TN)
}
