//! Cases of the products A Bᵀ and A B; AᵀB is a part of [`super::gradients`].

use std::sync::{Arc, OnceLock};

use super::case::Case;
use super::{gradients, layers};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::{self, Kernel};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::tune::candidate::{Candidate, Fault};
use crate::engine::variant::{Product, Variant};
use crate::math::transpose::Transpose;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::{CaseNumbers, NumberKind};
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::kernels::product;
use crate::verify::running_error::{Approx, exact};

/// m, n, k: 1, the tile ± 1, primes, sums that the tiled kernels cut into slices, rows above 65 535, and sums longer than an invocation
/// of lavapipe may loop.
const SHAPES: &[(usize, usize, usize)] = &[
    (1, 1, 1),
    (7, 9, 13),
    (8, 8, 8),
    (9, 7, 8),
    (63, 65, 64),
    (65, 63, 127),
    (131, 67, 257),
    (65, 130, 1_031),
    (65_537, 3, 5),
    (2, 3, 80_021),
    (2, 3, 262_147),
];

/// One product with its operands, for any engine.
#[derive(Clone, Copy, Debug)]
pub struct ProductCase {
    /// Which product.
    pub transpose: Transpose,
    /// m, n and k.
    pub shape: (usize, usize, usize),
    /// On what.
    pub kind: NumberKind,
    seed: u64,
}

impl ProductCase {
    /// All of one kind of product.
    pub fn all(transpose: Transpose, seed: u64) -> impl Iterator<Item = Self> {
        let kinds =
            move |&shape| NumberKind::ALL.into_iter().map(move |kind| Self { transpose, shape, kind, seed });
        SHAPES.iter().flat_map(kinds)
    }

    /// Shape and kind.
    pub fn name(&self) -> String {
        let (m, n, k) = self.shape;
        format!("{m}×{n}, k = {k}, {}", self.kind.name())
    }

    /// A and B.
    pub fn operands(&self) -> [Vec<f32>; 2] {
        let (m, n, k) = self.shape;
        let mut numbers = CaseNumbers::new(self.seed, &format!("{:?} {}", self.transpose, self.name()));
        self.transpose.operands(m, n, k).map(|(rows, cols)| numbers.draw(self.kind, rows * cols))
    }

    fn product(&self, a: &[f32], b: &[f32]) -> Vec<Approx> {
        let (m, n, k) = self.shape;
        product(self.transpose, &exact(a), &exact(b), m, n, k)
    }

    /// The product that any engine has to find.
    pub fn expected(&self, a: &[f32], b: &[f32]) -> Expected {
        self.bounded(self.product(a, b))
    }

    /// No bound but 0 on integers.
    fn bounded(&self, numbers: Vec<Approx>) -> Expected {
        match self.kind {
            NumberKind::Integers => Expected::exact(numbers.iter().map(|x| x.value).collect()),
            NumberKind::Reals => numbers.into(),
        }
    }
}

/// A case with its operands and their product, which are found once for all kernels.
#[derive(Clone, Debug)]
struct SharedCase {
    case: ProductCase,
    numbers: Arc<OnceLock<Computed>>,
}

/// Operands and their product.
#[derive(Debug)]
struct Computed {
    operands: [Vec<f32>; 2],
    product: Vec<Approx>,
}

impl SharedCase {
    fn new(case: ProductCase) -> Self {
        Self { case, numbers: Arc::default() }
    }

    fn numbers(&self) -> &Computed {
        self.numbers.get_or_init(|| {
            let [a, b] = self.case.operands();
            let product = self.case.product(&a, &b);
            Computed { operands: [a, b], product }
        })
    }
}

/// Longest sum that is tried with `tiled`: already one of two dispatches, and seconds on a software adapter.
const LONGEST_TILED: usize = 100_000;
/// Longest side that is tried with other tiles: `tiled` has shown what depends on no tile.
const LONGEST_OTHER: usize = 2_000;

/// Sums of so many k and more are cut where there is room.
const CUT: usize = 512;

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let all = [Transpose::Nt, Transpose::Nn].map(|transpose| ProductCase::all(transpose, seed));
    let all: Vec<SharedCase> = all.into_iter().flatten().map(SharedCase::new).collect();
    let tried = |product| all.iter().filter(move |shared| is_tried(&shared.case, product));
    let adding = |shared: &SharedCase| [false, true].map(|adds| (shared.clone(), adds));
    let mut cases = Vec::new();
    for product in Product::ALL {
        let whole = tried(product).flat_map(adding);
        cases.extend(whole.map(|(shared, adds)| whole_case(shared, product, adds)));
    }
    for product in Product::TILED {
        let long = tried(product).filter(|shared| shared.case.shape.2 >= CUT).flat_map(adding);
        cases.extend(long.map(|(shared, adds)| cut_case(shared, product, adds)));
    }
    cases
}

fn is_tried(case: &ProductCase, product: Product) -> bool {
    let (m, n, k) = case.shape;
    match product {
        Product::Tiled => k <= LONGEST_TILED,
        product if product.is_tiled() => m.max(n).max(k) <= LONGEST_OTHER,
        _ => true,
    }
}

/// Whether a kernel computes a product within its bounds, with the ends that it has in a step of an autoencoder and of a
/// classifier, and for layers of several blocks as it is: on those cases that have several tiles each way and take milliseconds.
///
/// # Errors
/// The first case that fails.
pub fn check_products(
    gpu: &Gpu,
    transpose: Transpose,
    product: Product,
    blocks: usize,
) -> Result<(), Failure> {
    for case in checked(transpose, product, blocks) {
        case.check(gpu).map_err(|failure| match failure {
            Failure::Wrong(why) => Failure::Wrong(format!("{}: {why}", case.what)),
            device => device,
        })?;
    }
    Ok(())
}

/// The cases of [`check_products`].
fn checked(transpose: Transpose, product: Product, blocks: usize) -> Vec<Case> {
    const ROWS: std::ops::RangeInclusive<usize> = 65..=131;
    let products = ProductCase::all(transpose, 0).filter(|case| ROWS.contains(&case.shape.0));
    let mut cases: Vec<Case> = match transpose {
        Transpose::Tn => gradients::in_a_step(product),
        Transpose::Nn if blocks > 1 => {
            products.map(|case| whole_case(SharedCase::new(case), product, false)).collect()
        }
        Transpose::Nt | Transpose::Nn => Vec::new(),
    };
    cases.extend(layers::in_a_step(transpose, product));
    cases
}

/// [`check_products`] for the choice of kernels.
///
/// # Errors
/// The first case that fails.
pub fn check_candidate(gpu: &Gpu, candidate: Candidate, blocks: usize) -> Result<(), Fault> {
    check_products(gpu, candidate.transpose, candidate.product, blocks).map_err(|failure| match failure {
        Failure::Wrong(why) => Fault::Wrong(why),
        Failure::Device(error) => Fault::Refused(error.to_string()),
    })
}

/// The kernel of a product.
fn kernel_of(transpose: Transpose, product: Product) -> &'static Kernel {
    match transpose {
        Transpose::Nt => kernel::matmul_nt(product),
        Transpose::Nn => kernel::matmul_nn(product),
        Transpose::Tn => unreachable!("AᵀB is a part of a gradient"),
    }
}

/// C = AB, or C += AB with ones in C before.
fn whole_case(shared: SharedCase, product: Product, adds: bool) -> Case {
    let case = shared.case;
    let name = format!("{}{}", case.name(), if adds { ", added" } else { "" });
    let kernel = kernel_of(case.transpose, product);
    Case::new(kernel, name, move |rig| check_whole(rig, &shared, product, adds, None))
}

/// The same with room for slices.
fn cut_case(shared: SharedCase, product: Product, adds: bool) -> Case {
    let case = shared.case;
    let of_slices = kernel::split_k_of(case.transpose, product).filter(|_| !adds);
    let kernel = of_slices.unwrap_or(&kernel::SPLIT_K_SUM);
    let name = format!("{:?} {product} {}{}", case.transpose, case.name(), if adds { ", added" } else { "" });
    Case::new(kernel, name, move |rig| {
        let scratch = rig.scratch()?;
        check_whole(rig, &shared, product, adds, Some(scratch))
    })
}

fn check_whole(
    rig: Rig<'_>,
    shared: &SharedCase,
    product: Product,
    adds: bool,
    scratch: Option<Tensor>,
) -> Result<Closeness, Failure> {
    let case = shared.case;
    let (m, n, k) = case.shape;
    let Computed { operands: [a, b], product: expected } = shared.numbers();
    let mut expected = expected.clone();
    let c = if adds {
        expected.iter_mut().for_each(|c| *c = *c + Approx::exact(1.0));
        rig.matrix(m, n, &vec![1.0; m * n])?
    } else {
        rig.empty_matrix(m, n)?
    };
    let [of_a, of_b] = case.transpose.operands(m, n, k);
    let (a, b) = (rig.matrix(of_a.0, of_a.1, a)?, rig.matrix(of_b.0, of_b.1, b)?);
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.scratch = scratch;
        match case.transpose {
            Transpose::Nt => recorder.matmul_nt(&a, &b, &c, adds),
            _ => recorder.matmul_nn(&a, &b, &c, adds),
        }
    })?;
    Ok(case.bounded(expected).compare(&rig.read(&c)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::device::adapter::inert;
    use crate::engine::gpu::network::NetworkGpu;
    use crate::engine::network::{NetworkCut, NetworkEngine};
    use crate::engine::variant::Memory;
    use crate::verify::networks::NetworkProblem;

    #[test]
    fn every_layer_and_delta_that_a_classifier_computes_is_checked_before_its_kernel_is_taken() {
        let problems = NetworkProblem::all(0);
        let deep = problems.iter().find(|problem| problem.network.layers.len() > 2);
        let NetworkProblem { objective, network, data } = deep.expect("one has two hidden layers");
        let mut seen = Vec::new();
        for product in Product::ALL {
            let gpu = Arc::new(Gpu::open(inert().unwrap()).unwrap());
            let variant = Variant::of(product, Memory::Buffers);
            if gpu.force(variant).is_err() {
                continue;
            }
            let cut = NetworkCut::default();
            let mut engine = NetworkGpu::new(gpu.clone(), objective.clone(), network, data, cut).unwrap();
            engine.gradient().unwrap();
            let taken = Transpose::ALL.map(|transpose| checked(transpose, product, 1));
            let names: Vec<&str> = taken.iter().flatten().map(|case| case.kernel.name).collect();
            let of_product = |name: &&&str| {
                let kernel = kernel::ALL.iter().find(|kernel| kernel.name == **name);
                // The ends of gradients share one product.
                kernel.and_then(|kernel| kernel.product).is_some_and(|(_, form)| form != Transpose::Tn)
            };
            let compiled = gpu.compiled();
            let recorded: Vec<&str> = compiled.iter().filter(of_product).copied().collect();
            assert!(recorded.len() > 1, "{variant}: {compiled:?}");
            for name in recorded {
                assert!(names.contains(&name), "{variant}: {name} is none of {names:?}");
                seen.push(name);
            }
        }
        for name in ["dense_nt", "hidden_delta_nn"] {
            assert!(seen.iter().filter(|seen| seen.starts_with(name)).count() > 1, "{name}: {seen:?}");
        }
    }
}
