//! Cases of the products that end in a layer or in its delta.

mod output;

use super::case::{Case, CaseRun, SHAPES};
use crate::engine::gpu::kernel;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::ops::{Gemm, HiddenEpilogue, HiddenLayerEpilogue, LayerEpilogue};
use crate::engine::variant::{Product, Variant};
use crate::math::objective::Activation;
use crate::math::transpose::Transpose;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::CaseNumbers;
use crate::verify::rig::{Failure, Rig, WORKGROUPS};
use crate::verify::running_error::kernels as bounds;
use crate::verify::running_error::{Approx, exact, sum};
use output::{output_delta, output_layer};

/// Arguments where activations turn, saturate, overflow their exponential or lose their last digits.
const EDGES: &[f32] = &[
    0.0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, 9.1, -9.1, 17.0, -17.0, 87.0, -87.0, 88.5, -88.5, 103.0, -103.0,
    1000.0, -1000.0, 1e30, -1e30,
];

/// A sum that takes two dispatches, only the last of which may apply f.
const LONG: usize = 80_021;
/// Sums of output layers: a short one, and one that the tiled kernels cut into slices.
const OUTPUT_SUMS: [usize; 2] = [13, 1_031];

#[derive(Clone, Copy)]
struct LayerCase {
    rows: usize,
    cols: usize,
    f: Activation,
    seed: u64,
}

impl LayerCase {
    fn name(&self) -> String {
        format!("{}×{}, {}", self.rows, self.cols, self.f.name())
    }

    fn numbers(&self, kernel: &str) -> CaseNumbers {
        CaseNumbers::new(self.seed, &format!("{kernel} {}", self.name()))
    }

    /// Values of a layer of this activation, its extremes included.
    fn activations(&self, numbers: &mut CaseNumbers) -> Vec<f32> {
        let (low, high) = self.f.range();
        let (low, high) = (low.max(-10.0), high.min(10.0));
        numbers.with_edges(&[low as f32, high as f32, 0.0], low, high, self.rows * self.cols)
    }
}

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &(rows, cols) in SHAPES {
        for f in Activation::ALL {
            let case = LayerCase { rows, cols, f, seed };
            for product in Product::ALL.into_iter().filter(|&product| is_tried(&case, product)) {
                let hidden = move |rig: Rig<'_>| hidden_layer(rig, &case, product, 1);
                cases.push(Case::new(kernel::layer_nt(product), case.name(), hidden));
                let dense = move |rig: Rig<'_>| dense_layer(rig, &case, product, 1);
                cases.push(Case::new(kernel::dense_nt(product), case.name(), dense));
                for k in OUTPUT_SUMS.into_iter().filter(|&k| k < 100 || rows * cols < 10_000) {
                    let name = format!("{}, k = {k}", case.name());
                    let output = move |rig: Rig<'_>| output_layer(rig, &case, product, k);
                    let sliced = product.is_tiled() && k > 1_000;
                    let [layer, end] = if sliced {
                        [&kernel::LAYER_SPLIT_K_SUM, &kernel::OUTPUT_DELTA_SPLIT_K_SUM]
                    } else {
                        [kernel::layer_nn(product), kernel::output_delta_nn(product)]
                    };
                    cases.push(Case::new(layer, name.clone(), output));
                    let delta = move |rig: Rig<'_>| output_delta(rig, &case, product, k, true);
                    cases.push(Case::new(end, name, delta));
                }
                if f.suits_hidden_layers() {
                    let delta = move |rig: Rig<'_>| hidden_delta(rig, &case, product, (Transpose::Nt, 1));
                    cases.push(Case::new(kernel::hidden_delta_nt(product), case.name(), delta));
                    let delta = move |rig: Rig<'_>| hidden_delta(rig, &case, product, (Transpose::Nn, 1));
                    cases.push(Case::new(kernel::hidden_delta_nn(product), case.name(), delta));
                }
            }
        }
    }
    for product in Product::ALL {
        for (rows, cols, k) in [(2, 3, LONG), (65, 63, OUTPUT_SUMS[1])] {
            if k == LONG && is_other_tile(product) {
                continue;
            }
            let case = LayerCase { rows, cols, f: Activation::Sigmoid, seed };
            let name = format!("{}, k = {k}", case.name());
            let layer = move |rig: Rig<'_>| hidden_layer(rig, &case, product, k);
            let dense = move |rig: Rig<'_>| dense_layer(rig, &case, product, k);
            let delta = move |rig: Rig<'_>| hidden_delta(rig, &case, product, (Transpose::Nt, k));
            let delta_nn = move |rig: Rig<'_>| hidden_delta(rig, &case, product, (Transpose::Nn, k));
            let [of_layer, of_dense, of_delta, of_delta_nn] = if product.is_tiled() {
                let delta = &kernel::HIDDEN_DELTA_SPLIT_K_SUM;
                [&kernel::HIDDEN_LAYER_SPLIT_K_SUM, &kernel::LAYER_SPLIT_K_SUM, delta, delta]
            } else {
                let deltas = [kernel::hidden_delta_nt(product), kernel::hidden_delta_nn(product)];
                [kernel::layer_nt(product), kernel::dense_nt(product), deltas[0], deltas[1]]
            };
            cases.push(Case::new(of_layer, format!("NT {name}"), layer));
            cases.push(Case::new(of_dense, format!("NT {name}, dense"), dense));
            cases.push(Case::new(of_delta, format!("NT {name}"), delta));
            cases.push(Case::new(of_delta_nn, format!("NN {name}"), delta_nn));
        }
    }
    cases
}

/// Whether `tiled` has shown what does not depend on the tile.
fn is_other_tile(product: Product) -> bool {
    product.is_tiled() && product != Product::Tiled
}

/// Other tiles than those of `tiled` are tried with one activation, and on results of several tiles each way and of less
/// than one.
fn is_tried(case: &LayerCase, product: Product) -> bool {
    let is_small = case.rows.max(case.cols) < 1_000;
    !is_other_tile(product) || is_small && case.f == Activation::Sigmoid
}

/// The layers and deltas that products of this kind end in during a step of an autoencoder or a classifier, on several tiles
/// each way.
pub(super) fn in_a_step(transpose: Transpose, product: Product) -> Vec<Case> {
    let case = LayerCase { rows: 131, cols: 257, f: Activation::Sigmoid, seed: 0 };
    let named = |kernel, run: CaseRun| Case::new(kernel, format!("{} {}", kernel.name, case.name()), run);
    match transpose {
        Transpose::Nt => vec![
            named(kernel::layer_nt(product), Box::new(move |rig| hidden_layer(rig, &case, product, 33))),
            named(kernel::dense_nt(product), Box::new(move |rig| dense_layer(rig, &case, product, 33))),
            named(
                kernel::hidden_delta_nt(product),
                Box::new(move |rig| hidden_delta(rig, &case, product, (Transpose::Nt, 33))),
            ),
        ],
        Transpose::Nn => {
            let of = |k| {
                named(
                    kernel::output_delta_nn(product),
                    Box::new(move |rig: Rig<'_>| output_delta(rig, &case, product, k, false)),
                )
            };
            let delta = named(
                kernel::hidden_delta_nn(product),
                Box::new(move |rig| hidden_delta(rig, &case, product, (Transpose::Nn, 33))),
            );
            OUTPUT_SUMS.map(of).into_iter().chain([delta]).collect()
        }
        Transpose::Tn => Vec::new(),
    }
}

/// Inputs of a layer f(A Bᵀ + b), what is expected of it, and where it goes. With k = 1 and B = 1 what f is applied
/// to are the edges and b.
struct Layer {
    a: Tensor,
    b: Tensor,
    bias: Tensor,
    c: Tensor,
    expected: Vec<Approx>,
}

impl Layer {
    fn new(rig: Rig<'_>, case: &LayerCase, k: usize) -> Result<Self, Failure> {
        let &LayerCase { rows, cols, f, .. } = case;
        let mut numbers = case.numbers("layer_nt");
        let a = if k == 1 {
            numbers.with_edges(EDGES, -8.0, 8.0, rows)
        } else {
            numbers.between(-0.1, 0.1, rows * k)
        };
        let b = if k == 1 { vec![1.0; cols] } else { numbers.between(-0.1, 0.1, cols * k) };
        let bias = numbers.between(-1.0, 1.0, cols);
        let z = bounds::product(Transpose::Nt, &exact(&a), &exact(&b), rows, cols, k);
        let expected = bounds::bias_activation(&z, &exact(&bias), f);
        let (a, b) = (rig.matrix(rows, k, &a)?, rig.matrix(cols, k, &b)?);
        Ok(Self { a, b, bias: rig.vector(&bias)?, c: rig.empty_matrix(rows, cols)?, expected })
    }
}

/// The layer without sums.
fn dense_layer(rig: Rig<'_>, case: &LayerCase, product: Product, k: usize) -> Result<Closeness, Failure> {
    let Layer { a, b, bias, c, expected } = Layer::new(rig, case, k)?;
    let scratch = rig.scratch()?;
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.scratch = Some(scratch);
        recorder.dense_nt(&a, &b, LayerEpilogue { bias: &bias, f: case.f }, &c)
    })?;
    Ok(Expected::from(expected).compare(&rig.read(&c)?)?)
}

/// The layer and the sums of its columns.
fn hidden_layer(rig: Rig<'_>, case: &LayerCase, product: Product, k: usize) -> Result<Closeness, Failure> {
    let &LayerCase { rows, cols, f, .. } = case;
    let Layer { a, b, bias, c, expected: layer } = Layer::new(rig, case, k)?;
    let scratch = rig.scratch()?;
    let gemm = Gemm { product, workgroups: WORKGROUPS, rows, cols, k, room: scratch.bound };
    let parts = gemm.column_parts();
    let sums = rig.empty_rows(parts, cols)?;
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.scratch = Some(scratch);
        let layer = LayerEpilogue { bias: &bias, f };
        recorder.layer_nt(&a, &b, HiddenLayerEpilogue { layer, sums: &sums }, &c)
    })?;
    let numbers_of_part = gemm.rows_of_part() * cols;
    let mut totals: Vec<Approx> =
        layer.chunks(numbers_of_part).flat_map(|rows| column_totals(rows, cols)).collect();
    totals.resize(parts * cols, Approx::default());
    let of_sums = Expected::from(totals).compare(&rig.read(&sums)?)?;
    Ok(Expected::from(layer).compare(&rig.read(&c)?)?.worse(of_sums))
}

/// The sums of the columns of some rows.
fn column_totals(rows: &[Approx], cols: usize) -> impl Iterator<Item = Approx> {
    (0..cols).map(move |col| sum(rows.iter().skip(col).step_by(cols).copied()))
}

/// (A Bᵀ + s) ⊙ f′(A2), or that of A B. With k = 1 and B = 1 what s is added to is A.
fn hidden_delta(
    rig: Rig<'_>,
    case: &LayerCase,
    product: Product,
    (transpose, k): (Transpose, usize),
) -> Result<Closeness, Failure> {
    let &LayerCase { rows, cols, f, .. } = case;
    let mut numbers = case.numbers("hidden_delta");
    let a2 = case.activations(&mut numbers);
    let reach = if k == 1 { 1.0 } else { 0.1 };
    let a = numbers.between(-reach, reach, rows * k);
    let b = if k == 1 { vec![1.0; cols] } else { numbers.between(-reach, reach, cols * k) };
    let slope = numbers.with_edges(&[-1.5e5, 3.0, 0.0], -3.0, 3.0, cols);
    let error = bounds::product(transpose, &exact(&a), &exact(&b), rows, cols, k);
    let expected: Expected = bounds::hidden_delta(&error, &exact(&slope), &exact(&a2), f).into();

    let [(a_rows, a_cols), (b_rows, b_cols)] = transpose.operands(rows, cols, k);
    let (a, b) = (rig.matrix(a_rows, a_cols, &a)?, rig.matrix(b_rows, b_cols, &b)?);
    let (slope, a2) = (rig.vector(&slope)?, rig.matrix(rows, cols, &a2)?);
    let (c, scratch) = (rig.empty_matrix(rows, cols)?, rig.scratch()?);
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.scratch = Some(scratch);
        let end = HiddenEpilogue { slope: &slope, a2: &a2, f };
        match transpose {
            Transpose::Nt => recorder.hidden_delta(&a, &b, end, &c),
            _ => recorder.hidden_delta_nn(&a, &b, end, &c),
        }
    })?;
    Ok(expected.compare(&rig.read(&c)?)?)
}
