//! The rows of the table of shaders. `tests/shaders.rs` checks every one against its WGSL without a GPU.

use super::Access::{Read, Scalars, Update, Write};
use super::tile::Left;
use super::{Access, Kernel, PRODUCT_PART, PUT_LAYER_PART, PUT_PART, Uniform};
use crate::gpu::uniform;
use crate::gpu::variant::Product;

const NT: &[Access] = &[Read("a", "[m, k]"), Read("b", "[n, k]"), Write];
const NN: &[Access] = &[Read("a", "[m, k]"), Read("b", "[k, n]"), Write];
const NT_LAYER: &[Access] = &[Read("a", "[m, k]"), Read("b", "[n, k]"), Write, Read("bias", "[n]")];
const NN_LAYER: &[Access] = &[Read("a", "[m, k]"), Read("b", "[k, n]"), Write, Read("bias", "[n]")];

/// A product that is written as it is, or added to what is there.
const fn product(
    name: &'static str,
    source: &'static str,
    bindings: &'static [Access],
    tile: Option<Left>,
) -> Kernel {
    Kernel {
        name,
        source,
        activates: false,
        accumulates: true,
        bindings,
        parts: &[PRODUCT_PART, PUT_PART],
        tile,
        uniform: Uniform::of::<uniform::Product>(),
    }
}

/// The same text with bias and activation before it writes.
const fn layer(
    name: &'static str,
    source: &'static str,
    bindings: &'static [Access],
    tile: Option<Left>,
) -> Kernel {
    let parts = &[PRODUCT_PART, PUT_LAYER_PART];
    Kernel { activates: true, parts, ..product(name, source, bindings, tile) }
}

/// `shaders/matmul_nt.wgsl`.
pub static MATMUL_NT: Kernel =
    product("matmul_nt", include_str!("../../../shaders/matmul_nt.wgsl"), NT, None);

/// `shaders/matmul_nt.wgsl` with bias and activation.
pub static LAYER_NT: Kernel =
    layer("layer_nt", include_str!("../../../shaders/matmul_nt.wgsl"), NT_LAYER, None);

/// `shaders/matmul_nn.wgsl`.
pub static MATMUL_NN: Kernel =
    product("matmul_nn", include_str!("../../../shaders/matmul_nn.wgsl"), NN, None);

/// `shaders/matmul_nn.wgsl` with bias and activation.
pub static LAYER_NN: Kernel =
    layer("layer_nn", include_str!("../../../shaders/matmul_nn.wgsl"), NN_LAYER, None);

/// `shaders/matmul_tn.wgsl`.
pub static MATMUL_TN: Kernel = Kernel {
    name: "matmul_tn",
    source: include_str!("../../../shaders/matmul_tn.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("a", "[k, m]"), Read("b", "[k, n]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::SlicedProduct>(),
};

/// `shaders/matmul_nt_tiled.wgsl`.
pub static MATMUL_NT_TILED: Kernel =
    product("matmul_nt_tiled", include_str!("../../../shaders/matmul_nt_tiled.wgsl"), NT, None);

/// `shaders/matmul_nt_tiled.wgsl` with bias and activation.
pub static LAYER_NT_TILED: Kernel =
    layer("layer_nt_tiled", include_str!("../../../shaders/matmul_nt_tiled.wgsl"), NT_LAYER, None);

/// `shaders/matmul_nn_tiled.wgsl`.
pub static MATMUL_NN_TILED: Kernel =
    product("matmul_nn_tiled", include_str!("../../../shaders/matmul_nn_tiled.wgsl"), NN, None);

/// `shaders/matmul_nn_tiled.wgsl` with bias and activation.
pub static LAYER_NN_TILED: Kernel =
    layer("layer_nn_tiled", include_str!("../../../shaders/matmul_nn_tiled.wgsl"), NN_LAYER, None);

/// `shaders/matmul_tn_tiled.wgsl`.
pub static MATMUL_TN_TILED: Kernel = Kernel {
    name: "matmul_tn_tiled",
    source: include_str!("../../../shaders/matmul_tn_tiled.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("a", "[k, m]"), Read("b", "[k, n]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::SlicedProduct>(),
};

/// `shaders/matmul_nt_broadcast.wgsl`.
pub static MATMUL_NT_BROADCAST: Kernel = product(
    "matmul_nt_broadcast",
    include_str!("../../../shaders/matmul_nt_broadcast.wgsl"),
    NT,
    Some(Left::Rows),
);

/// `shaders/matmul_nt_broadcast.wgsl` with bias and activation.
pub static LAYER_NT_BROADCAST: Kernel = layer(
    "layer_nt_broadcast",
    include_str!("../../../shaders/matmul_nt_broadcast.wgsl"),
    NT_LAYER,
    Some(Left::Rows),
);

/// `shaders/matmul_nn_broadcast.wgsl`.
pub static MATMUL_NN_BROADCAST: Kernel = product(
    "matmul_nn_broadcast",
    include_str!("../../../shaders/matmul_nn_broadcast.wgsl"),
    NN,
    Some(Left::Rows),
);

/// `shaders/matmul_nn_broadcast.wgsl` with bias and activation.
pub static LAYER_NN_BROADCAST: Kernel = layer(
    "layer_nn_broadcast",
    include_str!("../../../shaders/matmul_nn_broadcast.wgsl"),
    NN_LAYER,
    Some(Left::Rows),
);

/// `shaders/matmul_tn_broadcast.wgsl`.
pub static MATMUL_TN_BROADCAST: Kernel = Kernel {
    name: "matmul_tn_broadcast",
    source: include_str!("../../../shaders/matmul_tn_broadcast.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("a", "[k, m]"), Read("b", "[k, n]"), Write],
    parts: &[],
    tile: Some(Left::Columns),
    uniform: Uniform::of::<uniform::SlicedProduct>(),
};

/// `shaders/column_sums.wgsl`.
pub static COLUMN_SUMS: Kernel = Kernel {
    name: "column_sums",
    source: include_str!("../../../shaders/column_sums.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("a", "[rows, cols]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::ColumnSums>(),
};

/// `shaders/column_mean.wgsl`.
pub static COLUMN_MEAN: Kernel = Kernel {
    name: "column_mean",
    source: include_str!("../../../shaders/column_mean.wgsl"),
    activates: false,
    accumulates: true,
    bindings: &[Read("sums", "[blocks, cols]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::ColumnMean>(),
};

/// `shaders/kl_slope.wgsl`.
pub static KL_SLOPE: Kernel = Kernel {
    name: "kl_slope",
    source: include_str!("../../../shaders/kl_slope.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Scalars, Write, Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Penalty>(),
};

/// `shaders/output_delta.wgsl`.
pub static OUTPUT_DELTA: Kernel = Kernel {
    name: "output_delta",
    source: include_str!("../../../shaders/output_delta.wgsl"),
    activates: true,
    accumulates: false,
    bindings: &[Read("x", "[m, n]"), Update("a3")],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Elements>(),
};

/// `shaders/hidden_delta.wgsl`.
pub static HIDDEN_DELTA: Kernel = Kernel {
    name: "hidden_delta",
    source: include_str!("../../../shaders/hidden_delta.wgsl"),
    activates: true,
    accumulates: false,
    bindings: &[Read("slope", "[h]"), Read("a2", "[m, h]"), Update("error")],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::HiddenDelta>(),
};

/// `shaders/weight_gradient.wgsl`.
pub static WEIGHT_GRADIENT: Kernel = Kernel {
    name: "weight_gradient",
    source: include_str!("../../../shaders/weight_gradient.wgsl"),
    activates: false,
    accumulates: true,
    bindings: &[Read("products", "[slices, h, n]"), Read("w", "[h, n]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::WeightGradient>(),
};

/// `shaders/squared_error.wgsl`.
pub static SQUARED_ERROR: Kernel = Kernel {
    name: "squared_error",
    source: include_str!("../../../shaders/squared_error.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("a3", "[m, n]"), Read("x", "[m, n]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::BlockSums>(),
};

/// `shaders/dot.wgsl`.
pub static DOT: Kernel = Kernel {
    name: "dot",
    source: include_str!("../../../shaders/dot.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("x", "[vectors, count]"), Read("y", "[vectors, count]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Dots>(),
};

/// `shaders/axpy.wgsl`.
pub static AXPY: Kernel = Kernel {
    name: "axpy",
    source: include_str!("../../../shaders/axpy.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("x", "[count]"), Read("y", "[count]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Axpy>(),
};

/// `shaders/combine.wgsl`.
pub static COMBINE: Kernel = Kernel {
    name: "combine",
    source: include_str!("../../../shaders/combine.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("stack", "[vectors, count]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Combination>(),
};

/// `shaders/sgd.wgsl`.
pub static SGD: Kernel = Kernel {
    name: "sgd",
    source: include_str!("../../../shaders/sgd.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("gradient", "[count]"), Update("w"), Update("velocity")],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Sgd>(),
};

/// `shaders/adam.wgsl`.
pub static ADAM: Kernel = Kernel {
    name: "adam",
    source: include_str!("../../../shaders/adam.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("gradient", "[count]"), Update("w"), Update("first"), Update("second")],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Adam>(),
};

/// `shaders/gather.wgsl`.
pub static GATHER: Kernel = Kernel {
    name: "gather",
    source: include_str!("../../../shaders/gather.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Scalars, Read("part", "[part_rows, n]"), Write],
    parts: &[],
    tile: None,
    uniform: Uniform::of::<uniform::Gather>(),
};

/// `shaders/matmul_nt*.wgsl`.
pub fn matmul_nt(product: Product) -> &'static Kernel {
    match product {
        Product::Direct => &MATMUL_NT,
        Product::Tiled => &MATMUL_NT_TILED,
        Product::Broadcast => &MATMUL_NT_BROADCAST,
    }
}

/// The same with bias and activation.
pub fn layer_nt(product: Product) -> &'static Kernel {
    match product {
        Product::Direct => &LAYER_NT,
        Product::Tiled => &LAYER_NT_TILED,
        Product::Broadcast => &LAYER_NT_BROADCAST,
    }
}

/// `shaders/matmul_nn*.wgsl`.
pub fn matmul_nn(product: Product) -> &'static Kernel {
    match product {
        Product::Direct => &MATMUL_NN,
        Product::Tiled => &MATMUL_NN_TILED,
        Product::Broadcast => &MATMUL_NN_BROADCAST,
    }
}

/// The same with bias and activation.
pub fn layer_nn(product: Product) -> &'static Kernel {
    match product {
        Product::Direct => &LAYER_NN,
        Product::Tiled => &LAYER_NN_TILED,
        Product::Broadcast => &LAYER_NN_BROADCAST,
    }
}

/// `shaders/matmul_tn*.wgsl`.
pub fn matmul_tn(product: Product) -> &'static Kernel {
    match product {
        Product::Direct => &MATMUL_TN,
        Product::Tiled => &MATMUL_TN_TILED,
        Product::Broadcast => &MATMUL_TN_BROADCAST,
    }
}

/// Every kernel, in the order of a training step.
pub static ALL: &[&Kernel] = &[
    &MATMUL_NT,
    &LAYER_NT,
    &MATMUL_NN,
    &LAYER_NN,
    &MATMUL_TN,
    &MATMUL_NT_TILED,
    &LAYER_NT_TILED,
    &MATMUL_NN_TILED,
    &LAYER_NN_TILED,
    &MATMUL_TN_TILED,
    &MATMUL_NT_BROADCAST,
    &LAYER_NT_BROADCAST,
    &MATMUL_NN_BROADCAST,
    &LAYER_NN_BROADCAST,
    &MATMUL_TN_BROADCAST,
    &COLUMN_SUMS,
    &COLUMN_MEAN,
    &KL_SLOPE,
    &OUTPUT_DELTA,
    &HIDDEN_DELTA,
    &WEIGHT_GRADIENT,
    &SQUARED_ERROR,
    &DOT,
    &AXPY,
    &COMBINE,
    &SGD,
    &ADAM,
    &GATHER,
];
