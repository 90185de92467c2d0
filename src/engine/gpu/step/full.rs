//! Cost and gradient over all examples at the parameters.

use crate::engine::Rows;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate};
use crate::engine::gpu::memory::segment::{Segment, vector};
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::Commands;
use crate::engine::gpu::step::evaluate::{Evaluation, PLANNED_ROWS};
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::pass::{GradientTarget, Subject};
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::params::Params;

/// The recordings of both, each made at its first use.
#[derive(Debug, Default)]
pub(crate) struct FullEvaluation {
    cost: Option<Evaluation>,
    gradient: Option<(Vec<Segment>, Evaluation)>,
}

impl FullEvaluation {
    /// J over all examples or, where they are fetched, over `rows`.
    pub fn cost(&mut self, (on, fetcher): (&Resident, Option<&mut Fetcher>), rows: Rows<'_>) -> Result<Cost> {
        let subject = on.subject();
        let evaluation = match &mut self.cost {
            Some(evaluation) => evaluation,
            none => none.insert(record(on, subject)?),
        };
        let evaluated =
            evaluation.run((on, fetcher), Commands::new(&on.gpu), subject, rows, Some(on.report()))?;
        Ok(evaluated.read().0)
    }

    /// Adds J to a plan.
    pub fn describe(on: &Resident, planner: &mut Planner) -> Result<()> {
        planner.recording("cost", record(on, on.subject())?.resident().expect(PLANNED_ROWS))
    }

    /// J and its gradient over all examples.
    pub fn gradient(
        &mut self,
        (on, fetcher): (&Resident, Option<&mut Fetcher>),
    ) -> Result<(Cost, Params<f32>)> {
        let (gradient, evaluation) = match &mut self.gradient {
            Some(made) => made,
            none => {
                let list = Allocation::vectors("gradient", Category::OptimizerState, on.partition.segments());
                let [wholes] = allocate(&on.gpu, [list])?;
                let gradient = vector(wholes, on.partition.shape, &on.partition.blocks);
                let evaluation =
                    record(on, Subject { gradient: Some(GradientTarget::Kept(&gradient)), ..on.subject() })?;
                none.insert((gradient, evaluation))
            }
        };
        let subject = Subject { gradient: Some(GradientTarget::Kept(gradient)), ..on.subject() };
        let evaluated =
            evaluation.run((on, fetcher), Commands::new(&on.gpu), subject, Rows::All, Some(on.report()))?;
        Ok((evaluated.read().0, on.read_vector(gradient)?))
    }
}

fn record(on: &Resident, subject: Subject<'_>) -> Result<Evaluation> {
    Evaluation::record(on, subject, on.all_rows(), |_| Ok(()), |_| Ok(()))
}
