//! The vectors of a block that a gradient ends in: numbers in their places, what is expected of them, and they on a device.

use super::{Block, End, GradientCase, LR};
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::ops::{AppliedEnd, GradientEnd, adam_rates, sgd_rates};
use crate::verify::compare::Closeness;
use crate::verify::numbers::CaseNumbers;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::kernels as bounds;
use crate::verify::running_error::{Approx, exact};

/// W1, D, b1 and b2 as a block has them, padded.
pub(super) fn lay<T: Copy>(layout: SegmentLayout, [w1, d, b1, b2]: [Vec<T>; 4], zero: T) -> Vec<T> {
    let mut all = vec![zero; layout.len];
    let places =
        [(0, w1), (layout.d.unwrap_or_default(), d), (layout.b1, b1), (layout.b2.unwrap_or_default(), b2)];
    for (first, part) in places {
        for (row, values) in part.chunks(layout.visible.max(1)).enumerate() {
            // Biases are rows of their own, without padding between.
            let stride = if first < layout.b1 { padded(layout.visible) } else { layout.visible };
            all[first + row * stride..][..values.len()].copy_from_slice(values);
        }
    }
    all
}

/// Numbers in the places of a block's parameters.
pub(super) fn draw(
    case: &GradientCase,
    numbers: &mut CaseNumbers,
    draw: impl Fn(&mut CaseNumbers, usize) -> Vec<f32>,
) -> Vec<f32> {
    let (h, n) = (case.hidden, case.visible);
    let b2 = if case.block == Block::First { n } else { 0 };
    let d = if case.block == Block::Alone { 0 } else { h * n };
    let parts = [h * n, d, h, b2].map(|len| if len == 0 { Vec::new() } else { draw(numbers, len) });
    lay(case.layout(), parts, 0.0)
}

/// λ of each number of the layout: biases do not decay.
pub(super) fn decays(case: &GradientCase) -> Vec<f64> {
    let layout = case.layout();
    (0..layout.len).map(|at| if at < layout.b1 { case.lambda() } else { 0.0 }).collect()
}

/// The vectors of an end, as they are before.
pub(super) struct Vectors {
    w: Vec<f32>,
    moments: [Vec<f32>; 2],
    before: Vec<f32>,
}

impl Vectors {
    pub(super) fn new(case: &GradientCase, numbers: &mut CaseNumbers) -> Self {
        let kind = case.kind;
        let any = move |numbers: &mut CaseNumbers, len| numbers.draw(kind, len);
        let of = |low, high| move |numbers: &mut CaseNumbers, len| numbers.with_edges(&[0.0], low, high, len);
        let w = draw(case, numbers, any);
        let moments = [draw(case, numbers, of(-0.5, 0.5)), draw(case, numbers, of(0.0, 0.5))];
        Self { w, moments, before: draw(case, numbers, any) }
    }

    /// What the end leaves of a gradient without λW.
    pub(super) fn expected(
        &self,
        case: &GradientCase,
        sums: &[Approx],
        scale: usize,
        lambda: &[f64],
    ) -> Vec<Vec<Approx>> {
        let before = exact(&self.before);
        let before = matches!(case.end, End::Kept { adds: true }).then_some(&before[..]);
        let w = exact(&self.w);
        let gradient: Vec<Approx> = (0..sums.len())
            .flat_map(|at| {
                let one = at..at + 1;
                let before = before.map(|before| &before[one.clone()]);
                bounds::weight_gradient(&sums[one.clone()], &w[one], scale, lambda[at], before)
            })
            .collect();
        let [first, second] = self.moments.each_ref().map(|moment| exact(moment));
        match case.end {
            End::Slices | End::Kept { .. } => vec![gradient],
            End::Sgd { lr, momentum } => bounds::sgd(&w, &first, &gradient, lr, momentum).into(),
            End::Adam { step } => bounds::adam(&w, [&first, &second], &gradient, LR, step).into(),
        }
    }
}

/// The vectors of an end on a device.
pub(super) struct OnDevice {
    w: Tensor,
    moments: [Tensor; 2],
    gradient: Tensor,
    rates: Tensor,
}

impl OnDevice {
    pub(super) fn new(rig: Rig<'_>, case: &GradientCase, vectors: &Vectors) -> Result<Self, Failure> {
        let [first, second] = [rig.vector(&vectors.moments[0])?, rig.vector(&vectors.moments[1])?];
        let rates = match case.end {
            End::Sgd { lr, momentum } => sgd_rates(lr, momentum),
            End::Adam { step } => adam_rates(LR, step),
            End::Slices | End::Kept { .. } => Default::default(),
        };
        let (w, rates) = (rig.vector(&vectors.w)?, rig.vector(&rates)?);
        Ok(Self { w, moments: [first, second], gradient: rig.vector(&vectors.before)?, rates })
    }

    pub(super) fn applied(&self, end: End) -> Option<AppliedEnd<'_>> {
        let Self { w, moments: [first, second], rates, .. } = self;
        match end {
            End::Slices | End::Kept { .. } => None,
            End::Sgd { .. } => Some(AppliedEnd::Sgd { w, velocity: first, rates }),
            End::Adam { .. } => Some(AppliedEnd::Adam { w, moments: [first, second], rates }),
        }
    }

    pub(super) fn end(&self, end: End) -> GradientEnd<'_> {
        let Self { w, gradient, .. } = self;
        let accumulate = matches!(end, End::Kept { adds: true });
        let kept = GradientEnd::Kept { w, gradient, accumulate };
        self.applied(end).map_or(kept, GradientEnd::Applied)
    }

    pub(super) fn compare(
        &self,
        rig: Rig<'_>,
        case: &GradientCase,
        expected: Vec<Vec<Approx>>,
    ) -> Result<Closeness, Failure> {
        let Self { w, moments: [first, second], gradient, .. } = self;
        let found = match case.end {
            End::Slices | End::Kept { .. } => vec![gradient],
            End::Sgd { .. } => vec![w, first],
            End::Adam { .. } => vec![w, first, second],
        };
        let mut worst = Closeness::default();
        for (expected, found) in expected.into_iter().zip(found) {
            worst = worst.worse(case.expected(expected).compare(&rig.read(found)?)?);
        }
        Ok(worst)
    }
}
