//! Passes over rows that are fetched chunk by chunk, of which no more than one chunk is on the device.
//!
//! Chunks of one length share their recordings, so that a pass over any number of rows records a handful. Sums of squared
//! errors are added up on the host in the order of the rows, as those of resident examples are.

use crate::data::batches::RowSelection;
use crate::engine::Rows;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::workspace::error_sums;
use crate::engine::gpu::recording::Recording;
use crate::engine::gpu::step::examples::{DeviceRows, PassRows};
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::pass::{Subject, first_rows};
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;

/// The device, the source of the rows and the weights of a pass over fetched rows.
pub(crate) struct Passing<'a> {
    resident: &'a Resident,
    fetcher: &'a mut Fetcher,
    /// The chunk that was fetched last, `[chunk, n]`.
    batch: &'a Tensor,
    subject: Subject<'a>,
}

/// The key of a recording: a phase of a pass over a chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ChunkPass {
    phase: Phase,
    /// Rows of the chunk.
    rows: usize,
    /// Whether it adds to what earlier chunks have left.
    later: bool,
    /// Rows of the whole update.
    total: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// An update of one chunk, from its rows to the gradient.
    Whole,
    /// Activations and their sums.
    Activate,
    /// The same, and the squared errors.
    Measure,
    /// ρ̂, its slope, ‖W‖².
    Settle,
    /// Activations again, squared errors, gradient.
    BackPropagate,
}

/// The recordings of passes that differ in nothing but their rows.
#[derive(Debug, Default)]
pub(crate) struct StreamedPass(Vec<(ChunkPass, Recording)>);

impl StreamedPass {
    /// Goes over `rows`, and returns the sum of squared errors if `report` asks for it.
    pub(crate) fn run(&mut self, on: &mut Passing<'_>, rows: Rows<'_>, report: bool) -> Result<f64> {
        let mut errors = report.then_some(0.0);
        match on.subject.gradient {
            Some(_) if on.resident.rows_of(rows) <= on.resident.partition.chunk => {
                self.over(on, rows, Phase::Whole, &mut errors)?;
            }
            Some(_) => {
                self.over(on, rows, Phase::Activate, &mut None)?;
                self.settle(on, rows)?;
                self.over(on, rows, Phase::BackPropagate, &mut errors)?;
            }
            None => {
                self.over(on, rows, Phase::Measure, &mut errors)?;
                self.settle(on, rows)?;
            }
        }
        Ok(errors.unwrap_or_default())
    }

    /// A phase of every chunk; squared errors are added to `errors` if they are asked for.
    fn over(
        &mut self,
        on: &mut Passing<'_>,
        rows: Rows<'_>,
        phase: Phase,
        errors: &mut Option<f64>,
    ) -> Result<()> {
        let total = on.resident.rows_of(rows);
        for (number, chunk) in on.resident.partition.chunks(total).into_iter().enumerate() {
            let len = chunk.len();
            on.fetch(&match rows {
                Rows::All => RowSelection::Range(chunk),
                Rows::Listed(list) => RowSelection::Listed(&list[chunk]),
            })?;
            self.go(on, ChunkPass { phase, rows: len, later: number > 0, total })?;
            if let Some(errors) = errors {
                *errors = on.add_errors(*errors, len)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, on: &mut Passing<'_>, rows: Rows<'_>) -> Result<()> {
        let total = on.resident.rows_of(rows);
        self.go(on, ChunkPass { phase: Phase::Settle, rows: 0, later: false, total })
    }

    fn go(&mut self, on: &mut Passing<'_>, pass: ChunkPass) -> Result<()> {
        if !self.0.iter().any(|(made, _)| *made == pass) {
            self.0.push((pass, on.record(pass)?));
        }
        let (_, recording) = self.0.iter().find(|(made, _)| *made == pass).expect("just made");
        recording.run(&on.resident.gpu)
    }
}

impl<'a> Passing<'a> {
    /// Passes over the rows of `fetcher`.
    pub fn new(resident: &'a Resident, fetcher: &'a mut Fetcher, subject: Subject<'a>) -> Self {
        let DeviceRows::Fetched(batch) = &resident.rows else {
            unreachable!("resident examples are not fetched");
        };
        Self { resident, fetcher, batch, subject }
    }

    fn fetch(&mut self, wanted: &RowSelection<'_>) -> Result<()> {
        self.fetcher.fetch(&self.resident.gpu, &self.resident.partition, self.batch, wanted).map(|_| ())
    }

    fn record(&self, pass: ChunkPass) -> Result<Recording> {
        let mut recorder = self.resident.recorder();
        let rows = PassRows::Fetched { batch: self.batch, rows: pass.total };
        let mut recorded = self.resident.pass(&mut recorder, self.subject, rows);
        let x = first_rows(self.batch, pass.rows.max(1));
        match (pass.phase, self.subject.gradient) {
            (Phase::Whole, Some(_)) => recorded.evaluate()?,
            (Phase::BackPropagate, Some(gradient)) => {
                recorded.all_hidden(&x)?;
                recorded.back_propagate(0, pass.later, &x, gradient)?;
            }
            (Phase::Settle, _) => recorded.settle()?,
            (Phase::Measure, _) => {
                recorded.activate(&x, pass.later)?;
                recorded.output_delta(0, &x)?;
            }
            _ => recorded.activate(&x, pass.later)?,
        }
        recorder.finish()
    }

    /// Adds the squared errors of the chunk of `rows` rows that went through last, number by number.
    fn add_errors(&self, errors: f64, rows: usize) -> Result<f64> {
        let (partition, sums) = (&self.resident.partition, &self.resident.workspace.squared_errors[0]);
        let sums = self.resident.read_parts(&[(sums, error_sums(partition, rows))])?;
        Ok(sums.iter().fold(errors, |errors, &x| errors + f64::from(x)))
    }
}
