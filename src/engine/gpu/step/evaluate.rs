//! J and its gradient at given weights, however the rows come: by one recording over resident examples, or by passes
//! over fetched ones.

use crate::engine::Rows;
use crate::engine::gpu::recording::{Commands, Recorder, Recording};
use crate::engine::gpu::step::examples::PassRows;
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::pass::Subject;
use crate::engine::gpu::step::resident::{Report, Resident};
use crate::engine::gpu::step::stream::{Passing, StreamedPass};
use crate::error::Result;
use crate::math::objective::Cost;

/// Why plans have a single recording an evaluation.
pub(crate) const PLANNED_ROWS: &str = "the rows of a plan are resident";

/// The recordings of an evaluation, with the work before and behind it.
#[derive(Debug)]
pub(crate) enum Evaluation {
    /// One recording of all.
    Resident(Recording),
    /// Recordings before, at and behind the passes over fetched rows.
    Fetched { before: Recording, passes: StreamedPass, behind: Recording },
}

impl Evaluation {
    /// Records an evaluation of `rows`, and around it the dispatches of `before` and `behind`.
    pub fn record(
        on: &Resident,
        subject: Subject<'_>,
        rows: PassRows<'_>,
        before: impl FnOnce(&mut Recorder<'_>) -> Result<()>,
        behind: impl FnOnce(&mut Recorder<'_>) -> Result<()>,
    ) -> Result<Self> {
        let mut recorder = on.recorder();
        before(&mut recorder)?;
        if let PassRows::Fetched { .. } = rows {
            let mut last = on.partition.recorder(&on.gpu);
            behind(&mut last)?;
            let (before, behind) = (recorder.finish()?, last.finish()?);
            return Ok(Self::Fetched { before, passes: StreamedPass::default(), behind });
        }
        on.pass(&mut recorder, subject, rows).evaluate()?;
        behind(&mut recorder)?;
        Ok(Self::Resident(recorder.finish()?))
    }

    /// The recording over resident rows; `None` where rows are fetched.
    pub fn resident(&self) -> Option<&Recording> {
        match self {
            Self::Resident(recording) => Some(recording),
            Self::Fetched { .. } => None,
        }
    }

    /// Adds it over `rows` to `commands`. J is read back if `report` asks for it, and behind it, in the same read-back, all that
    /// the report names; otherwise nothing is submitted that need not be.
    pub fn run<'r>(
        &mut self,
        (on, fetcher): (&'r Resident, Option<&mut Fetcher>),
        mut commands: Commands<'r>,
        subject: Subject<'_>,
        rows: Rows<'_>,
        report: Option<Report<'_>>,
    ) -> Result<Evaluated<'r>> {
        let count = on.rows_of(rows);
        let errors = match self {
            Self::Resident(recording) => {
                commands.run(recording)?;
                None
            }
            Self::Fetched { before, passes, behind } => {
                commands.run(before)?;
                commands.submit()?;
                let fetcher = fetcher.expect("rows that are not resident are fetched");
                let errors = passes.run(&mut Passing::new(on, fetcher, subject), rows, report.is_some())?;
                commands = Commands::new(&on.gpu);
                commands.run(behind)?;
                Some(errors)
            }
        };
        match report {
            Some(report) => on
                .read_cost(commands, subject, count, errors, report)
                .map(|(j, more)| Evaluated::Read(j, more)),
            None => Ok(Evaluated::Open(commands)),
        }
    }
}

/// What has become of an evaluation.
pub(crate) enum Evaluated<'g> {
    /// J, and what was to be read behind it.
    Read(Cost, Vec<f32>),
    /// Commands that have still to be submitted.
    Open(Commands<'g>),
}

impl Evaluated<'_> {
    /// What a report has asked for.
    pub fn read(self) -> (Cost, Vec<f32>) {
        match self {
            Self::Read(cost, more) => (cost, more),
            Self::Open(_) => unreachable!("the cost was asked for"),
        }
    }
}
