//! Cases of the reductions: column means, inner products, largest exponents.

use super::case::{Case, SHAPES};
use crate::engine::gpu::kernel::{self, InnerProductsUniform, MAX_LISTED};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::ops::{
    EXPONENT_BLOCK, exponent_blocks, inner_products_uniform, sum_block, sum_blocks,
};
use crate::engine::gpu::recording::LiveUniform;
use crate::engine::reference::kernels as reference;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::{CaseNumbers, NumberKind};
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::{Approx, exact, kernels as bounds};

#[derive(Clone, Copy)]
struct SumCase {
    rows: usize,
    cols: usize,
    kind: NumberKind,
    seed: u64,
}

impl SumCase {
    fn name(&self) -> String {
        format!("{}×{}, {}", self.rows, self.cols, self.kind.name())
    }

    fn numbers(&self, kernel: &str) -> CaseNumbers {
        CaseNumbers::new(self.seed, &format!("{kernel} {}", self.name()))
    }

    /// No bound but 0 on integers.
    fn expected(&self, numbers: Vec<Approx>) -> Expected {
        match self.kind {
            NumberKind::Integers => Expected::exact(numbers.iter().map(|x| x.value).collect()),
            NumberKind::Reals => numbers.into(),
        }
    }
}

/// Lengths of vectors: a multiple of the section, as the engine's are; within a block, one block, and many; of one vec4 an
/// invocation, several, and most.
const LENGTHS: &[usize] = &[64, 192, 256, 320, 65_536 + 64, 1 << 20];
/// Vectors of a list: fewer than a workgroup takes, as many, and all.
const LISTED: [usize; 3] = [1, 7, MAX_LISTED];

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in NumberKind::ALL {
        for &(rows, cols) in SHAPES {
            let case = SumCase { rows, cols, kind, seed };
            for adds in [false, true] {
                let name = format!("{}{}", case.name(), if adds { ", added" } else { "" });
                let run = move |rig: Rig<'_>| column_mean(rig, &case, adds);
                cases.push(Case::new(&kernel::COLUMN_MEAN, name, run));
            }
        }
        for &length in LENGTHS {
            let case = SumCase { rows: 1, cols: length, kind, seed };
            cases.extend(Case::of_both(&kernel::DOT, &case.name(), move |rig: Rig<'_>| dot(rig, &case)));
            for listed in LISTED {
                let name = format!("{listed} of {}", case.name());
                let run = move |rig: Rig<'_>| inner_products(rig, &case, listed);
                cases.extend(Case::of_both(&kernel::INNER_PRODUCTS, &name, run));
            }
            cases.push(Case::new(&kernel::MAX_EXPONENT, case.name(), move |rig| max_exponent(rig, &case)));
        }
    }
    cases
}

/// Examples of the whole update, of which these rows are a part; its inverse is exact for integers.
fn examples(kind: NumberKind) -> usize {
    if kind == NumberKind::Integers { 4096 } else { 10_000 }
}

fn column_mean(rig: Rig<'_>, case: &SumCase, adds: bool) -> Result<Closeness, Failure> {
    let examples = examples(case.kind);
    let mut numbers = case.numbers("column_mean");
    let sums = numbers.draw(case.kind, case.rows * case.cols);
    let before = numbers.draw(case.kind, case.cols);
    let exact_before = adds.then(|| exact(&before));
    let expected = bounds::column_mean(&exact(&sums), case.cols, examples, exact_before.as_deref());

    let sums = rig.matrix(case.rows, case.cols, &sums)?;
    let mean = if adds { rig.vector(&before)? } else { rig.empty_vector(case.cols)? };
    rig.run(|recorder| recorder.column_mean(&sums, &mean, examples, adds))?;
    Ok(case.expected(expected).compare(&rig.read(&mean)?)?)
}

fn dot(rig: Rig<'_>, case: &SumCase) -> Result<Closeness, Failure> {
    let len = case.cols;
    let mut numbers = case.numbers("dot");
    let [x, y] = [0; 2].map(|_| numbers.draw(case.kind, len));
    let expected = case.expected(bounds::dot(&exact(&x), &exact(&y), sum_block(len)));

    let (x, y) = (rig.vector(&x)?, rig.vector(&y)?);
    let sums = rig.empty_vector(BEFORE + sum_blocks(len))?;
    rig.run(|recorder| recorder.dot(&x, &y, &sums, BEFORE))?;
    check_sums(rig, &sums, &expected)
}

/// Three vectors of a stack, one of them twice, with a list that has them and others in no order.
fn inner_products(rig: Rig<'_>, case: &SumCase, listed: usize) -> Result<Closeness, Failure> {
    const VECTORS: usize = 5;
    const X: [usize; 3] = [3, 0, 3];
    let len = case.cols;
    let stack = case.numbers(&format!("inner_products {listed}")).draw(case.kind, VECTORS * len);
    let list: Vec<usize> = (0..listed).map(|at| (3 + 2 * at + at / VECTORS) % VECTORS).collect();
    let vector = |i: usize| exact(&stack[i * len..(i + 1) * len]);
    let vectors: Vec<_> = (0..VECTORS).map(vector).collect();
    let of_pair = |y: usize| X.map(|x| bounds::dot(&vectors[x], &vectors[y], sum_block(len))).concat();
    let expected = case.expected(list.iter().flat_map(|&y| of_pair(y)).collect());

    let stack = rig.vector(&stack)?;
    let sums = rig.empty_vector(X.len() * listed * sum_blocks(len))?;
    let uniform = LiveUniform::new::<InnerProductsUniform>(rig.gpu, "list")?;
    uniform.set(rig.gpu, &inner_products_uniform(len, X, &list));
    rig.run(|recorder| recorder.inner_products_live(&stack, len, &sums, &uniform))?;
    Ok(expected.compare(&rig.read_first(&sums, sums.cols)?)?)
}

/// Some blocks of which hold what is not finite, and some what nearly is not.
fn max_exponent(rig: Rig<'_>, case: &SumCase) -> Result<Closeness, Failure> {
    const PLANTED: [u32; 8] = [
        0x7f80_0000, // infinity
        0x7f7f_ffff, // the largest number
        0xff80_0000, // negative infinity
        0x7fc0_0000, // NaN
        0x0000_0001, // the smallest number
        0xff80_0001, // a signalling NaN
        0x8000_0000, // negative zero
        0xffff_ffff, // NaN, all bits set
    ];
    let mut numbers = case.numbers("exponents").draw(case.kind, case.cols);
    // A prime a step, so that every lane of a vec4 and every second block or so has one.
    for (at, bits) in (0..case.cols).step_by(1_021).skip(1).zip(PLANTED.into_iter().cycle()) {
        numbers[at] = f32::from_bits(bits);
    }
    let expected = Expected::exact(reference::max_exponent(&numbers, 4 * EXPONENT_BLOCK));

    let x = rig.vector(&numbers)?;
    let found = rig.empty_vector(BEFORE + exponent_blocks(case.cols))?;
    rig.run(|recorder| recorder.max_exponent(&x, &found, BEFORE))?;
    check_sums(rig, &found, &expected)
}

/// Sums of other terms that lie before those of the case and have to be left alone.
pub(super) const BEFORE: usize = 3;

fn check_sums(rig: Rig<'_>, sums: &Tensor, expected: &Expected) -> Result<Closeness, Failure> {
    Ok(expected.compare(&sums_behind(rig, sums)?)?)
}

/// The sums behind [`BEFORE`] others.
pub(super) fn sums_behind(rig: Rig<'_>, sums: &Tensor) -> Result<Vec<f32>, Failure> {
    let mut got = rig.read_first(sums, sums.cols)?;
    let later = got.split_off(BEFORE);
    if !got.iter().all(|x| x.is_nan()) {
        return Err(Failure::Wrong("sums before the first one were overwritten".to_owned()));
    }
    Ok(later)
}
