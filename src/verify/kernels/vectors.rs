//! Cases of vectors: sums of multiples of them; and of the rows of a mini-batch, gathered or from codes.

use super::case::{Case, SHAPES};
use crate::engine::gpu::kernel::{self, KeepUniform, LinearCombinationUniform};
use crate::engine::gpu::memory::buffer::padded;
use crate::engine::gpu::ops::{keep_uniform, linear_combination_uniform};
use crate::engine::gpu::recording::LiveUniform;
use crate::engine::reference::kernels as reference;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::{CaseNumbers, NumberKind};
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::{exact, kernels as bounds};

/// Lengths of vectors. The last needs more workgroups than one dimension of a dispatch takes.
const LENGTHS: &[usize] = &[1, 7, 8, 64, 65, 4_099, 65_536 * 64 * 4 + 8];

/// A list of terms of `linear_combination`: one, as many as L-BFGS has at most, as many as the uniform takes.
const TERMS: &[usize] = &[1, 21, 64];

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &len in LENGTHS {
        let name = format!("{len} numbers");
        cases.push(Case::new(&kernel::AXPY, name, move |rig| axpy(rig, len, seed)));
    }
    for len in [64, 4_096 + 64] {
        for is_kept in [false, true] {
            let name = format!("{len} numbers{}", if is_kept { "" } else { ", nothing" });
            cases.push(Case::new(&kernel::KEEP, name, move |rig| keep(rig, len, is_kept, seed)));
        }
    }
    for &terms in TERMS {
        for len in [64, 4_096 + 64] {
            let name = format!("{terms} terms of {len} numbers");
            let run = move |rig: Rig<'_>| linear_combination(rig, len, terms, seed);
            cases.extend(Case::of_both(&kernel::LINEAR_COMBINATION, &name, run));
        }
    }
    for &(rows, cols) in SHAPES {
        let name = format!("{rows}×{cols}");
        cases.push(Case::new(&kernel::GATHER, name.clone(), move |rig| gather(rig, rows, cols, seed)));
        for bytes in [1, 2] {
            let name = format!("{name}, codes of {bytes} bytes");
            cases.push(Case::new(&kernel::DEQUANTIZE, name, move |rig| {
                dequantize(rig, rows, cols, bytes, seed)
            }));
        }
    }
    cases
}

fn axpy(rig: Rig<'_>, len: usize, seed: u64) -> Result<Closeness, Failure> {
    const ALPHA: f64 = -0.3;
    const GAMMA: f64 = 1.7;
    const PIECE: usize = 1 << 16;
    let mut numbers = CaseNumbers::new(seed, &format!("axpy {len}"));
    let [x, y] = [0; 2].map(|_| numbers.draw(NumberKind::Reals, len));
    let (on_x, on_y, z) = (rig.vector(&x)?, rig.vector(&y)?, rig.empty_vector(len)?);
    rig.run(|recorder| recorder.axpy(ALPHA, &on_x, GAMMA, &on_y, &z))?;

    // Piece by piece, since numbers with bounds take several times as much memory.
    let pieces = x.chunks(PIECE).zip(y.chunks(PIECE));
    let found = rig.read(&z)?;
    let mut worst = Closeness::default();
    for (number, ((x, y), found)) in pieces.zip(found.chunks(PIECE)).enumerate() {
        let expected: Expected = bounds::axpy(ALPHA, &exact(x), GAMMA, &exact(y)).into();
        let named = |failure| Failure::Wrong(format!("numbers from {}: {failure}", number * PIECE));
        worst = worst.worse(expected.compare(found).map_err(named)?);
    }
    Ok(worst)
}

/// Into some vectors of a stack, of which the others stay as they are, or into none.
fn keep(rig: Rig<'_>, len: usize, is_kept: bool, seed: u64) -> Result<Closeness, Failure> {
    const VECTORS: usize = 5;
    const PLACES: [usize; 3] = [3, 1, 4];
    let mut numbers = CaseNumbers::new(seed, &format!("keep {len}"));
    let stack = numbers.draw(NumberKind::Reals, VECTORS * len);
    let [trial, params, trial_gradient, gradient] = [0; 4].map(|_| numbers.draw(NumberKind::Reals, len));
    let mut expected = exact(&stack);
    if is_kept {
        let kept = bounds::keep([&trial, &params, &trial_gradient, &gradient].map(|x| exact(x)));
        for (place, vector) in PLACES.into_iter().zip(kept) {
            expected[place * len..(place + 1) * len].clone_from_slice(&vector);
        }
    }
    let expected = Expected::from(expected);

    let stack = rig.vector(&stack)?;
    let [trial, params, trial_gradient, gradient] =
        [trial, params, trial_gradient, gradient].map(|x| rig.vector(&x));
    let uniform = LiveUniform::new::<KeepUniform>(rig.gpu, "places")?;
    uniform.set(rig.gpu, &keep_uniform(len, is_kept.then_some(PLACES)));
    let (points, gradients) = ([&trial?, &params?], [&trial_gradient?, &gradient?]);
    rig.run(|recorder| recorder.keep_live(points, gradients, &stack, &uniform))?;
    Ok(expected.compare(&rig.read(&stack)?)?)
}

fn linear_combination(rig: Rig<'_>, len: usize, terms: usize, seed: u64) -> Result<Closeness, Failure> {
    const VECTORS: usize = 21;
    let mut numbers = CaseNumbers::new(seed, &format!("linear_combination {len} {terms}"));
    let stack = numbers.draw(NumberKind::Reals, VECTORS * len);
    let coefficients = numbers.between(-2.0, 2.0, terms);
    let vectors = numbers.indices(VECTORS, terms);
    let terms: Vec<(f64, usize)> =
        coefficients.iter().zip(vectors).map(|(&c, v)| (f64::from(c), v as usize)).collect();
    let expected: Expected = bounds::linear_combination(&exact(&stack), len, &terms).into();

    let (stack, z) = (rig.vector(&stack)?, rig.empty_vector(len)?);
    let uniform = LiveUniform::new::<LinearCombinationUniform>(rig.gpu, "terms")?;
    uniform.set(rig.gpu, &linear_combination_uniform(len, &terms));
    rig.run(|recorder| recorder.linear_combination_live(&stack, &z, &uniform))?;
    Ok(expected.compare(&rig.read(&z)?)?)
}

/// Rows out of a data set of two parts, in any order, some of them twice.
fn gather(rig: Rig<'_>, rows: usize, cols: usize, seed: u64) -> Result<Closeness, Failure> {
    const EXAMPLES: usize = 21;
    const FIRST_PART: usize = 8;
    /// Entries of the list that belong to chunks before and after.
    const SKIPPED: usize = 5;
    const LEFT: usize = 9;
    let mut numbers = CaseNumbers::new(seed, &format!("gather {rows}×{cols}"));
    let x = numbers.draw(NumberKind::Reals, EXAMPLES * cols);
    let list = numbers.indices(EXAMPLES, SKIPPED + rows + LEFT);
    let wanted = list[SKIPPED..SKIPPED + rows]
        .iter()
        .flat_map(|&row| &x[row as usize * cols..(row as usize + 1) * cols]);
    let expected = Expected::exact(wanted.map(|&x| f64::from(x)).collect());

    let (low, high) = x.split_at(FIRST_PART * cols);
    let parts = [
        (0, rig.matrix(FIRST_PART, cols, low)?),
        (FIRST_PART, rig.matrix(EXAMPLES - FIRST_PART, cols, high)?),
    ];
    let (list, batch) = (rig.indices(&list)?, rig.empty_matrix(rows, cols)?);
    rig.run(|recorder| {
        parts.iter().try_for_each(|(first, part)| recorder.gather(&list, SKIPPED, part, *first, &batch))
    })?;
    Ok(expected.compare(&rig.read(&batch)?)?)
}

/// Rows of codes, the places behind a row's own filled with others.
fn dequantize(rig: Rig<'_>, rows: usize, cols: usize, bytes: usize, seed: u64) -> Result<Closeness, Failure> {
    let mut numbers = CaseNumbers::new(seed, &format!("dequantize {rows}×{cols} {bytes}"));
    let table = numbers.draw(NumberKind::Reals, 1 << (8 * bytes));
    let stride = padded(cols);
    let codes = numbers.indices(table.len(), padded(rows) * stride);
    let of_row = |row: usize| codes[row * stride..][..cols].iter().map(|&code| code as usize);
    let expected: Vec<usize> = (0..rows).flat_map(of_row).collect();
    let exact_table: Vec<f64> = table.iter().map(|&x| f64::from(x)).collect();
    let expected = Expected::exact(reference::dequantize(&expected, &exact_table));

    let packed: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()[..bytes].to_vec()).collect();
    let codes = rig.indices(bytemuck::cast_slice(&packed))?;
    let (table, batch) = (rig.vector(&table)?, rig.empty_matrix(rows, cols)?);
    rig.run(|recorder| recorder.dequantize(&codes, &table, bytes, &batch))?;
    Ok(expected.compare(&rig.read(&batch)?)?)
}
