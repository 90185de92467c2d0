//! Cases of softmax: probabilities, and losses with their deltas.

use super::case::Case;
use super::sums::{BEFORE, sums_behind};
use crate::engine::gpu::kernel;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::CaseNumbers;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::classes as bounds;
use crate::verify::running_error::exact;

/// Rows and classes: two classes, around a vec4 and what eight invocations take at a time, primes, thousands of
/// classes, more rows than a dimension of a dispatch has workgroups.
const SHAPES: &[(usize, usize)] = &[
    (1, 2),
    (7, 3),
    (8, 4),
    (9, 5),
    (63, 10),
    (65, 31),
    (64, 32),
    (13, 33),
    (5, 1_031),
    (3, 8_191),
    (65_537, 3),
];

/// The numbers of a row.
#[derive(Clone, Copy, Debug)]
enum Scores {
    /// Of which none is far above the others.
    Near,
    /// Whose exponentials span all that f32 can hold, and more.
    Far,
    /// So large that their own exponentials overflow.
    Large,
    /// All the same.
    Equal,
}

impl Scores {
    const ALL: [Self; 4] = [Self::Near, Self::Far, Self::Large, Self::Equal];

    fn draw(self, numbers: &mut CaseNumbers, count: usize) -> Vec<f32> {
        match self {
            Self::Near => numbers.between(-3.0, 3.0, count),
            Self::Far => numbers.with_edges(&[0.0, -87.5, 104.0, -1e30, -104.0], -110.0, 110.0, count),
            Self::Large => numbers.between(1e4, 1.0001e4, count),
            Self::Equal => vec![numbers.between(-1e3, 1e3, 1)[0]; count],
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct ClassCase {
    rows: usize,
    classes: usize,
    scores: Scores,
    seed: u64,
}

impl ClassCase {
    fn name(&self) -> String {
        format!("{}×{}, {:?}", self.rows, self.classes, self.scores)
    }

    /// Z, and the class of each row.
    fn numbers(&self) -> (Vec<f32>, Vec<usize>) {
        let mut numbers = CaseNumbers::new(self.seed, &format!("softmax {}", self.name()));
        let z = self.scores.draw(&mut numbers, self.rows * self.classes);
        let labels = numbers.indices(self.classes, self.rows).into_iter().map(|label| label as usize);
        (z, labels.collect())
    }
}

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (&(rows, classes), scores) in
        SHAPES.iter().flat_map(|shape| Scores::ALL.map(|scores| (shape, scores)))
    {
        let case = ClassCase { rows, classes, scores, seed };
        cases.push(Case::new(&kernel::SOFTMAX, case.name(), move |rig| softmax(rig, &case)));
        cases.push(Case::new(&kernel::SOFTMAX_LOSSES, case.name(), move |rig| losses(rig, &case)));
    }
    cases
}

fn softmax(rig: Rig<'_>, case: &ClassCase) -> Result<Closeness, Failure> {
    let (z, _) = case.numbers();
    let expected: Expected = bounds::softmax(&exact(&z), case.classes).into();
    let z = rig.matrix(case.rows, case.classes, &z)?;
    rig.run(|recorder| recorder.softmax(&z))?;
    Ok(expected.compare(&rig.read(&z)?)?)
}

/// Labels and losses of other rows lie before those of the case.
fn losses(rig: Rig<'_>, case: &ClassCase) -> Result<Closeness, Failure> {
    let (z, labels) = case.numbers();
    let (losses, delta) = bounds::softmax_losses(&exact(&z), &labels, case.classes);

    let others = [u32::MAX; BEFORE].into_iter();
    let words: Vec<u32> = others.chain(labels.iter().map(|&label| label as u32)).collect();
    let (z, labels) = (rig.matrix(case.rows, case.classes, &z)?, rig.indices(&words)?);
    let found = rig.empty_vector(BEFORE + case.rows)?;
    rig.run(|recorder| recorder.softmax_losses(&z, &labels, &found, BEFORE))?;
    let of_delta = Expected::from(delta).compare(&rig.read(&z)?)?;
    Ok(Expected::from(losses).compare(&sums_behind(rig, &found)?)?.worse(of_delta))
}
