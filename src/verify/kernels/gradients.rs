//! Cases of the gradient of a hidden block and of a layer alone, with everything that becomes of it: slices, the
//! gradient itself, SGD and Adam.

mod vectors;

use super::case::Case;
use crate::engine::gpu::kernel::{self, Kernel};
use crate::engine::gpu::memory::buffer::padded;
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::ops::{GradientFactors, GradientScale, SplitK};
use crate::engine::variant::{Product, Variant};
use crate::math::transpose::Transpose;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::{CaseNumbers, NumberKind};
use crate::verify::rig::{Failure, Rig, WORKGROUPS};
use crate::verify::running_error::kernels as bounds;
use crate::verify::running_error::{Approx, exact, sum};
use vectors::{OnDevice, Vectors, decays, draw, lay};

/// h, n, m: 1, the tiles ± 1, several tiles each way, many rows.
const SHAPES: &[(usize, usize, usize)] =
    &[(1, 1, 1), (9, 7, 13), (33, 31, 64), (63, 65, 65), (131, 67, 257), (65, 130, 1_031)];

/// Sums longer than an invocation of lavapipe may loop, which have to be sliced.
const LONG: [(usize, usize, usize); 2] = [(2, 3, 80_021), (2, 3, 262_147)];

/// Longest sum that is tried with `tiled`: it takes seconds on a software adapter.
const LONGEST_TILED: usize = 100_000;

/// Gradients that are kept, as the only slice of a sum: none, tiny, and large.
const EDGES: &[f32] = &[0.0, 1e-12, -1e-6, 1e4, -1e4];

/// What becomes of a gradient.
#[derive(Clone, Copy, Debug)]
enum End {
    Slices,
    Kept { adds: bool },
    Sgd { lr: f64, momentum: f64 },
    Adam { step: u64 },
}

const SGD: End = End::Sgd { lr: 0.1, momentum: 0.9 };
const LR: f64 = 0.01;

impl End {
    const ALL: [Self; 5] =
        [Self::Slices, Self::Kept { adds: false }, Self::Kept { adds: true }, SGD, Self::Adam { step: 2 }];

    fn kernel(self, product: Product) -> &'static Kernel {
        match self {
            Self::Slices => kernel::gradient_slices(product),
            Self::Kept { .. } => kernel::gradient(product),
            Self::Sgd { .. } => kernel::gradient_sgd(product),
            Self::Adam { .. } => kernel::gradient_adam(product),
        }
    }

    fn kernel_of_sum(self) -> &'static Kernel {
        match self {
            Self::Slices | Self::Kept { .. } => &kernel::GRADIENT_SUM,
            Self::Sgd { .. } => &kernel::GRADIENT_SUM_SGD,
            Self::Adam { .. } => &kernel::GRADIENT_SUM_ADAM,
        }
    }
}

/// Whose gradient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// A block that has the output bias.
    First,
    /// Another block.
    Later,
    /// A layer alone, which has no decoder.
    Alone,
}

impl Block {
    const ALL: [Self; 3] = [Self::First, Self::Later, Self::Alone];
}

#[derive(Clone, Copy, Debug)]
struct GradientCase {
    hidden: usize,
    visible: usize,
    rows: usize,
    kind: NumberKind,
    block: Block,
    end: End,
    seed: u64,
}

impl GradientCase {
    fn name(&self) -> String {
        let Self { hidden, visible, rows, kind, block, end, .. } = self;
        format!("{hidden}×{visible}, {rows} rows, {}, {block:?}, {end:?}", kind.name())
    }

    fn layout(&self) -> SegmentLayout {
        let units = |first: usize| first..first + self.hidden;
        match self.block {
            Block::First => SegmentLayout::new(self.visible, &units(0)),
            Block::Later => SegmentLayout::new(self.visible, &units(self.hidden)),
            Block::Alone => SegmentLayout::of_layer(self.visible, self.hidden),
        }
    }

    /// Rows of the whole update, of which these are a part; the inverse is exact for integers.
    fn examples(&self) -> usize {
        if self.kind == NumberKind::Integers { 4_096 } else { 10_000 }
    }

    fn lambda(&self) -> f64 {
        if self.kind == NumberKind::Integers { 0.5 } else { 1e-4 }
    }

    /// No bound but 0 on integers, which SGD and Adam do not keep.
    fn expected(&self, numbers: Vec<Approx>) -> Expected {
        match (self.kind, self.end) {
            (NumberKind::Integers, End::Slices | End::Kept { .. }) => {
                Expected::exact(numbers.iter().map(|x| x.value).collect())
            }
            _ => numbers.into(),
        }
    }
}

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for product in Product::ALL {
        for kind in NumberKind::ALL {
            for (&(hidden, visible, rows), end) in SHAPES.iter().flat_map(|s| End::ALL.map(|end| (s, end))) {
                for block in [if rows % 2 == 1 { Block::First } else { Block::Later }, Block::Alone] {
                    let case = GradientCase { hidden, visible, rows, kind, block, end, seed };
                    cases.push(whole_case(case, product));
                }
            }
            for (hidden, visible, rows) in LONG {
                let (block, end) = (Block::First, End::Slices);
                let case = GradientCase { hidden, visible, rows, kind, block, end, seed };
                if !product.is_tiled() || (product == Product::Tiled && rows <= LONGEST_TILED) {
                    cases.push(sliced_case(case, product));
                }
            }
        }
    }
    for kind in NumberKind::ALL {
        let (hidden, visible, rows) = (65, 63, 1_031);
        for end in End::ALL.into_iter().skip(1) {
            for block in Block::ALL {
                let case = GradientCase { hidden, visible, rows, kind, block, end, seed };
                let run =
                    move |rig: Rig<'_>| check(rig, &case, Product::Direct, slices(&case, Product::Direct));
                cases.push(Case::new(case.end.kernel_of_sum(), case.name(), run));
            }
        }
    }
    for (hidden, visible) in [(1, 1), (7, 9), (63, 65), (257, 255)] {
        let updates = [SGD, End::Sgd { lr: 1.0, momentum: 0.0 }].into_iter();
        for end in updates.chain([1, 2, 1_000_000].map(|step| End::Adam { step })) {
            let first = if visible % 2 == 1 { Block::First } else { Block::Later };
            for block in [first, Block::Alone] {
                let kind = NumberKind::Reals;
                let case = GradientCase { hidden, visible, rows: 1, kind, block, end, seed };
                let name = format!("{}, kept before", case.name());
                cases.push(Case::new(end.kernel_of_sum(), name, move |rig| check_kept(rig, &case)));
            }
        }
    }
    cases
}

/// The gradient as a step has it, on several tiles each way, as a whole and in slices.
pub(super) fn in_a_step(product: Product) -> Vec<Case> {
    let case = GradientCase {
        hidden: 67,
        visible: 131,
        rows: 515,
        kind: NumberKind::Reals,
        block: Block::First,
        end: SGD,
        seed: 0,
    };
    vec![whole_case(case, product), sliced_case(GradientCase { end: End::Slices, ..case }, product)]
}

fn whole_case(case: GradientCase, product: Product) -> Case {
    let run = move |rig: Rig<'_>| check(rig, &case, product, SplitK::whole(case.rows));
    Case::new(case.end.kernel(product), case.name(), run)
}

/// Sliced as the engine slices.
fn sliced_case(case: GradientCase, product: Product) -> Case {
    let name = format!("{}, sliced", case.name());
    Case::new(case.end.kernel(product), name, move |rig| check(rig, &case, product, slices(&case, product)))
}

fn slices(case: &GradientCase, product: Product) -> SplitK {
    SplitK::of_gradient(product, WORKGROUPS, case.rows, padded(case.hidden), padded(case.visible))
}

/// Sums over the rows of a slice, in the order of the layout.
fn sums(case: &GradientCase, [a2, delta3, delta2, x]: [&[f32]; 4]) -> Vec<Approx> {
    let (h, n) = (case.hidden, case.visible);
    let m = x.len() / n;
    let product = |a: &[f32], b: &[f32]| bounds::product(Transpose::Tn, &exact(a), &exact(b), h, n, m);
    let columns = |a: &[f32], cols: usize| -> Vec<Approx> {
        let a = exact(a);
        (0..cols).map(|j| sum(a.iter().skip(j).step_by(cols).copied())).collect()
    };
    let b2 = if case.block == Block::First { columns(delta3, n) } else { Vec::new() };
    let d = if case.block == Block::Alone { Vec::new() } else { product(a2, delta3) };
    let mut sums = lay(case.layout(), [product(delta2, x), d, columns(delta2, h), b2], Approx::default());
    if case.kind == NumberKind::Integers {
        // Nothing is rounded. A bound of Adam's step cannot be had where a sum of 0 may be something else.
        sums.iter_mut().for_each(|sum| *sum = Approx::exact(sum.value));
    }
    sums
}

/// The factors of a gradient, its slices, and its end.
fn check(rig: Rig<'_>, case: &GradientCase, product: Product, slices: SplitK) -> Result<Closeness, Failure> {
    let &GradientCase { hidden, visible, rows, kind, end, .. } = case;
    let mut numbers = CaseNumbers::new(case.seed, &format!("gradient {}", case.name()));
    let [a2, delta2] = [0; 2].map(|_| numbers.draw(kind, rows * hidden));
    let [delta3, x] = [0; 2].map(|_| numbers.draw(kind, rows * visible));
    let vectors = Vectors::new(case, &mut numbers);
    let layout = case.layout();

    let on = OnDevice::new(rig, case, &vectors)?;
    let tensors = [
        rig.matrix(rows, hidden, &a2)?,
        rig.matrix(rows, visible, &delta3)?,
        rig.matrix(rows, hidden, &delta2)?,
        rig.matrix(rows, visible, &x)?,
    ];
    let [of_a2, of_delta3, of_delta2, of_x] = &tensors;
    let factors = GradientFactors { a2: of_a2, delta3: of_delta3, delta2: of_delta2, x: of_x };
    let products = rig.vector(&vec![0.0; slices.count * layout.len])?;
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        match end {
            End::Slices => recorder.gradient_slices(factors, layout, slices, &products),
            _ => {
                let scale = GradientScale::new(case.examples(), case.lambda());
                recorder.gradient(factors, layout, (slices, &products), scale, on.end(end))
            }
        }
    })?;
    if let End::Slices = end {
        let parts = a2.chunks(slices.depth * hidden).zip(delta3.chunks(slices.depth * visible));
        let others = delta2.chunks(slices.depth * hidden).zip(x.chunks(slices.depth * visible));
        let expected =
            parts.zip(others).flat_map(|((a2, delta3), (delta2, x))| sums(case, [a2, delta3, delta2, x]));
        return Ok(case.expected(expected.collect()).compare(&rig.read(&products)?)?);
    }
    let sums = sums(case, [&a2, &delta3, &delta2, &x]);
    on.compare(rig, case, vectors.expected(case, &sums, case.examples(), &decays(case)))
}

/// An end that takes a gradient as it is.
fn check_kept(rig: Rig<'_>, case: &GradientCase) -> Result<Closeness, Failure> {
    let mut numbers = CaseNumbers::new(case.seed, &format!("kept gradient {}", case.name()));
    let vectors = Vectors::new(case, &mut numbers);
    let edges = |numbers: &mut CaseNumbers, len| numbers.with_edges(EDGES, -1.0, 1.0, len);
    let gradient = draw(case, &mut numbers, edges);

    let on = OnDevice::new(rig, case, &vectors)?;
    let kept = rig.vector(&gradient)?;
    rig.run(|recorder| {
        let end = on.applied(case.end).expect("an optimiser takes it");
        recorder.apply_gradient(&kept, case.layout(), end)
    })?;
    let none = vec![0.0; case.layout().len];
    on.compare(rig, case, vectors.expected(case, &exact(&gradient), 1, &none))
}
