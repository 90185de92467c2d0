//! The rows of the products: every text with every end that it may have.

use crate::engine::gpu::kernel::Access::{self, Read, Write};
use crate::engine::gpu::kernel::tile::{Generated, Left};
use crate::engine::gpu::kernel::variant::Product;
use crate::engine::gpu::kernel::{Kernel, Uniform};
use crate::engine::gpu::memory::uniform;

/// A text of a product, the part that its kind shares, and what is generated for it.
#[derive(Clone, Copy)]
struct Text {
    source: &'static str,
    shared: &'static str,
    tile: Option<Generated>,
}

impl Text {
    const fn direct(source: &'static str) -> Self {
        Self { source, shared: "", tile: None }
    }

    const fn tiled(source: &'static str) -> Self {
        let shared = include_str!("../../../../../shaders/_tiled.wgsl");
        Self { source, shared, tile: Some(Generated::Shared) }
    }

    const fn broadcast(source: &'static str, left: Left) -> Self {
        Self { source, shared: "", tile: Some(Generated::Broadcast(left)) }
    }
}

/// The texts of a product, in the order of [`Product::ALL`].
const NT: [Text; 3] = [
    Text::direct(include_str!("../../../../../shaders/matmul_nt.wgsl")),
    Text::tiled(include_str!("../../../../../shaders/matmul_nt_tiled.wgsl")),
    Text::broadcast(include_str!("../../../../../shaders/matmul_nt_broadcast.wgsl"), Left::Rows),
];
const NN: [Text; 3] = [
    Text::direct(include_str!("../../../../../shaders/matmul_nn.wgsl")),
    Text::tiled(include_str!("../../../../../shaders/matmul_nn_tiled.wgsl")),
    Text::broadcast(include_str!("../../../../../shaders/matmul_nn_broadcast.wgsl"), Left::Rows),
];
const TN: [Text; 3] = [
    Text::direct(include_str!("../../../../../shaders/matmul_tn.wgsl")),
    Text::tiled(include_str!("../../../../../shaders/matmul_tn_tiled.wgsl")),
    Text::broadcast(include_str!("../../../../../shaders/matmul_tn_broadcast.wgsl"), Left::Columns),
];
/// Adds up slices that `tiled` has left.
const SLICES: Text = Text::direct(include_str!("../../../../../shaders/matmul_slices.wgsl"));

/// What becomes of a product: the part that is joined, and what it takes.
struct End {
    part: &'static str,
    activates: bool,
    accumulates: bool,
}

const PRODUCT_PART: &str = include_str!("../../../../../shaders/_product.wgsl");
const PLAIN: End =
    End { part: include_str!("../../../../../shaders/_put.wgsl"), activates: false, accumulates: true };
const SLICE: End = End {
    part: include_str!("../../../../../shaders/_put_slice.wgsl"),
    activates: false,
    accumulates: false,
};
const LAYER: End =
    End { part: include_str!("../../../../../shaders/_put_layer.wgsl"), activates: true, accumulates: true };
const OUTPUT_DELTA: End = End {
    part: include_str!("../../../../../shaders/_put_output_delta.wgsl"),
    activates: true,
    accumulates: true,
};
const HIDDEN_DELTA: End = End {
    part: include_str!("../../../../../shaders/_put_hidden_delta.wgsl"),
    activates: true,
    accumulates: true,
};

// C first, then what the end takes, then the factors: so that the parts of the ends know their bindings.
const A: Access = Read("a", "[m, k]");
const B_OF_NT: Access = Read("b", "[n, k]");
const B_OF_NN: Access = Read("b", "[k, n]");
const BIAS: Access = Read("bias", "[n]");
const SLOPE: Access = Read("slope", "[n]");
const A2: Access = Read("a2", "[m, n]");
const X: Access = Read("x", "[m, n]");
/// What the slices of a product are read as.
const PRODUCTS: Access = Read("a", "[slices, m, n]");

const fn row(name: &'static str, text: Text, end: &'static End, bindings: &'static [Access]) -> Kernel {
    Kernel {
        name,
        source: text.source,
        activates: end.activates,
        accumulates: end.accumulates,
        bindings,
        parts: [PRODUCT_PART, text.shared, end.part],
        tile: text.tile,
        uniform: Uniform::of::<uniform::Product>(),
    }
}
/// The three kernels of a product with one end.
const fn product(
    names: [&'static str; 3],
    [direct, tiled, broadcast]: [Text; 3],
    end: &'static End,
    bindings: &'static [Access],
) -> [Kernel; 3] {
    [
        row(names[0], direct, end, bindings),
        row(names[1], tiled, end, bindings),
        row(names[2], broadcast, end, bindings),
    ]
}

/// The product of a weight gradient, which is written slice by slice.
const fn sliced(name: &'static str, text: Text) -> Kernel {
    Kernel {
        name,
        source: text.source,
        activates: false,
        accumulates: false,
        bindings: &[Read("a", "[k, m]"), Read("b", "[k, n]"), Write],
        parts: [text.shared, "", ""],
        tile: text.tile,
        uniform: Uniform::of::<uniform::SlicedProduct>(),
    }
}

/// `matmul_nt*.wgsl` as they are.
pub(crate) static MATMUL_NT: [Kernel; 3] =
    product(["matmul_nt", "matmul_nt_tiled", "matmul_nt_broadcast"], NT, &PLAIN, &[Write, A, B_OF_NT]);

/// `matmul_nt*.wgsl` with bias and activation.
pub(crate) static LAYER_NT: [Kernel; 3] =
    product(["layer_nt", "layer_nt_tiled", "layer_nt_broadcast"], NT, &LAYER, &[Write, BIAS, A, B_OF_NT]);

/// `matmul_nt*.wgsl` with the KL slope and f′.
pub(crate) static HIDDEN_DELTA_NT: [Kernel; 3] = product(
    ["hidden_delta_nt", "hidden_delta_nt_tiled", "hidden_delta_nt_broadcast"],
    NT,
    &HIDDEN_DELTA,
    &[Write, SLOPE, A2, A, B_OF_NT],
);

/// `matmul_nn*.wgsl` as they are.
pub(crate) static MATMUL_NN: [Kernel; 3] =
    product(["matmul_nn", "matmul_nn_tiled", "matmul_nn_broadcast"], NN, &PLAIN, &[Write, A, B_OF_NN]);

/// `matmul_nn*.wgsl` with bias and activation.
pub(crate) static LAYER_NN: [Kernel; 3] =
    product(["layer_nn", "layer_nn_tiled", "layer_nn_broadcast"], NN, &LAYER, &[Write, BIAS, A, B_OF_NN]);

/// `matmul_nn*.wgsl` with bias, activation, difference from X, g′ and sums of squares.
pub(crate) static OUTPUT_DELTA_NN: [Kernel; 3] = product(
    ["output_delta_nn", "output_delta_nn_tiled", "output_delta_nn_broadcast"],
    NN,
    &OUTPUT_DELTA,
    &[Write, BIAS, X, Write, A, B_OF_NN],
);

/// `matmul_tn*.wgsl`.
pub(crate) static MATMUL_TN: [Kernel; 3] =
    [sliced("matmul_tn", TN[0]), sliced("matmul_tn_tiled", TN[1]), sliced("matmul_tn_broadcast", TN[2])];

/// `matmul_nt_tiled.wgsl`, slice by slice.
pub static SLICED_NT: Kernel = row("matmul_nt_sliced_tiled", NT[1], &SLICE, &[Write, A, B_OF_NT]);

/// `matmul_nn_tiled.wgsl`, slice by slice.
pub static SLICED_NN: Kernel = row("matmul_nn_sliced_tiled", NN[1], &SLICE, &[Write, A, B_OF_NN]);

/// C = Σ_z P_z.
pub static MATMUL_SLICES: Kernel = row("matmul_nn_slices", SLICES, &PLAIN, &[Write, PRODUCTS]);

/// C = f(Σ_z P_z + b).
pub static LAYER_SLICES: Kernel = row("layer_nn_slices", SLICES, &LAYER, &[Write, BIAS, PRODUCTS]);

/// C = (Σ_z P_z + s) ⊙ f′(A2).
pub static HIDDEN_DELTA_SLICES: Kernel =
    row("hidden_delta_nt_slices", SLICES, &HIDDEN_DELTA, &[Write, SLOPE, A2, PRODUCTS]);

/// C = (A3 − X) ⊙ g′ with A3 = g(Σ_z P_z + b).
pub static OUTPUT_DELTA_SLICES: Kernel =
    row("output_delta_nn_slices", SLICES, &OUTPUT_DELTA, &[Write, BIAS, X, Write, PRODUCTS]);

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
