//! The memory that a model on data takes, planned before its parameters are read: as many rows at a time as fit, or a
//! refusal with the numbers.

use std::path::Path;

use rhohat::data::Pieces;
use rhohat::device::Choice;
use rhohat::engine::{Cut, Job};
use rhohat::error::Error;
use rhohat::memory::{Bytes, Footprint, available, is_granted};
use rhohat::model::Shape;
use rhohat::model::file::ModelFile;
use rhohat::optim::Optimizer;

use super::Made;

/// The program itself, and what a software adapter and its compiler take besides.
const PROGRAM: u64 = 24 << 20;
const SOFTWARE_ADAPTER: u64 = 160 << 20;
/// What a chunk is cut into at most: sums of thin layers have so many pieces.
const PARTS: usize = 32;
/// Rows that are worth a piece of their own.
const FEWEST: usize = 256;

/// What there is, and who takes of it.
pub struct Room<'a> {
    /// The engine.
    pub choice: &'a Choice,
    /// The model.
    pub model: &'a ModelFile,
    /// What is made of the examples.
    pub made: Made,
    /// Most memory that may be taken, where somebody has said so.
    pub memory: Option<Bytes>,
}

/// Bytes of what is held.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    model: u64,
    rows: u64,
    data: u64,
    program: u64,
}

impl Plan {
    fn total(self) -> u64 {
        [self.model, self.rows, self.data, self.program].into_iter().fold(0, u64::saturating_add)
    }
}

impl Room<'_> {
    /// Refuses a model that does not fit by itself, before data are read.
    pub fn check_model(&self, path: &Path) -> rhohat::Result<()> {
        let plan = Plan { rows: 0, data: 0, ..self.plan(1, 1, 0, 0)? };
        if self.fits(plan) {
            return Ok(());
        }
        let Shape { visible, hidden } = self.model.shape();
        let least = format!(
            "{hidden} hidden and {visible} visible units need at least {} ({} of them for the model)",
            Bytes(plan.total()),
            Bytes(plan.model)
        );
        let remedy = "use a machine with more memory or a model of fewer hidden units";
        Err(Error::input(path, format!("{least}, {}; {remedy}", self.there(plan))))
    }

    /// Rows to ask of the engine at a time.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no room for the fewest, with the numbers.
    pub fn piece(&self, examples: &Pieces) -> rhohat::Result<usize> {
        let (rows, _) = examples.size();
        let (held, row_bytes) = (examples.held_bytes(), examples.row_bytes());
        let chunk = self.footprint(rows, None, row_bytes)?.0;
        let least = (chunk.div_ceil(PARTS) + FEWEST).min(chunk);
        let mut piece = chunk;
        loop {
            let plan = self.plan(rows, piece, held, row_bytes)?;
            if self.fits(plan) {
                tracing::debug!("{} of memory planned, {piece} rows at a time", Bytes(plan.total()));
                return Ok(piece);
            }
            if piece == least || !self.can_cut() {
                return Err(self.refused(plan));
            }
            piece = (piece / 2).max(least);
        }
    }

    /// Whether fewer rows at a time leave every bit as it is.
    fn can_cut(&self) -> bool {
        matches!(self.choice, Choice::Cpu)
    }

    /// The rows of a chunk, and what the engine holds for `piece` of them.
    fn footprint(
        &self,
        rows: usize,
        piece: Option<usize>,
        row_bytes: usize,
    ) -> rhohat::Result<(usize, Footprint)> {
        let chunk = piece.filter(|_| self.can_cut());
        let job = Job {
            shape: self.model.shape(),
            examples: rows.max(1),
            batch: None,
            optimizer: Optimizer::Sgd,
            cut: Cut { chunk, ..Cut::default() },
            fetched: Some(0),
            row_bytes,
        };
        let (plan, footprint) = self.choice.footprint(&job)?;
        Ok((plan.chunk, footprint))
    }

    fn plan(&self, rows: usize, piece: usize, held: u64, row_bytes: usize) -> rhohat::Result<Plan> {
        let (_, footprint) = self.footprint(rows, Some(piece), row_bytes)?;
        let Footprint { parameters, activations, data, textures, optimizer_state } = footprint;
        let Shape { visible, hidden } = self.model.shape();
        let (visible, hidden, piece) = (visible as u64, hidden as u64, piece as u64);
        let (made, judged) = match self.made {
            Made::Codes => (hidden, 0),
            Made::Outputs => (visible, 0),
            Made::Judgement => (visible.max(hidden), parameters),
        };
        // Results as the engine collects and hands them out, and the examples in f64 beside them.
        let results = piece.saturating_mul(8 * made + 16 * visible + row_bytes as u64);
        // The gradient that a device makes room for, or what the reference has from the start.
        let beside = if matches!(self.choice, Choice::Cpu) { 0 } else { optimizer_state };
        let reading = self.model.bytes_to_read::<f32>();
        let reading = if matches!(self.choice, Choice::Reference) { 2 * reading } else { reading };
        let later = activations.saturating_add(judged).saturating_add(results);
        let own = if self.choice.has_own_memory() { 0 } else { parameters + textures + beside };
        let of_host = if self.choice.has_own_memory() { judged + results } else { later };
        Ok(Plan {
            model: own.saturating_add(reading.saturating_sub(of_host)),
            rows: of_host.saturating_add(if self.choice.has_own_memory() { 0 } else { data }),
            data: held,
            program: PROGRAM + if self.choice.is_software() { SOFTWARE_ADAPTER } else { 0 },
        })
    }

    /// What is held already is not asked for again.
    fn fits(&self, plan: Plan) -> bool {
        let asked = plan.total() - plan.data;
        let is_free = match self.memory {
            Some(most) => plan.total() <= most.0,
            None => available().is_none_or(|free| asked <= free.0),
        };
        is_free && is_granted(asked)
    }

    fn there(&self, plan: Plan) -> String {
        match (self.memory, available()) {
            (Some(most), _) if plan.total() > most.0 => format!("but --memory says {most}"),
            (None, Some(free)) if plan.total() - plan.data > free.0 => format!("and {free} are free"),
            _ => "which the system refuses (ulimit -v)".to_owned(),
        }
    }

    fn refused(&self, plan: Plan) -> Error {
        let parts = [("model", plan.model), ("rows at a time", plan.rows), ("data", plan.data)];
        let parts: Vec<_> = parts
            .iter()
            .filter(|part| part.1 > 0)
            .map(|(name, size)| format!("{name} {}", Bytes(*size)))
            .collect();
        let least = format!("at least {} are needed ({})", Bytes(plan.total()), parts.join(", "));
        let remedy = if plan.data > plan.model.max(plan.rows) {
            "give DATA as .npy of u8, f16 or f32, which is read piece by piece"
        } else if self.can_cut() {
            "use a machine with more memory or a model of fewer hidden units"
        } else {
            "use --device cpu, which computes fewer rows at a time"
        };
        let more = Bytes(plan.total()).rounded_up();
        let or = if self.memory.is_some() { format!(", or give --memory {more}") } else { String::new() };
        Error::usage(format!("{least}, {}; {remedy}{or}", self.there(plan)))
    }
}
