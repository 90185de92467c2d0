//! The memory that a model on data takes, planned before its parameters are read: as many rows at a time as fit, or a
//! refusal with the numbers.

use std::path::Path;

use crate::data::LazyExamples as Examples;
use crate::engine::Sharding;
use crate::engine::device::Choice;
use crate::engine::{Chunking, Job};
use crate::error::Error;
use crate::io::memory::{Bytes, Footprint, available, is_granted};
use crate::math::optim::Optimizer;
use crate::math::params::Shape;
use crate::run::model_file::ModelFile;
use crate::run::picture::form_of;
use crate::train::units;

use super::Made;

/// The program itself, and what a software adapter and its compiler take besides.
const PROGRAM: u64 = 24 << 20;
const SOFTWARE_ADAPTER: u64 = 160 << 20;
/// Parts of a chunk at most: sums of thin layers have so many pieces.
const PARTS: usize = 32;
/// Fewest rows that are computed at once, where there is room for them.
const FEWEST: usize = 256;
/// Bytes of each number of a picture that is put together: its rows and itself in f32, and its pixel.
const OF_PICTURE: u64 = 9;
/// Bytes of each feature of a picture: as it is made, and as it is handed out.
const OF_FEATURE: u64 = 8;
/// Bytes of results, and of the examples beside them, that are in memory at a time; more would gain nothing.
const RESULTS: u64 = 16 << 20;

/// The way out where a model is large.
const SMALLER: &str = "use a machine with more memory or a model of fewer hidden units";

/// Rows at a time. No bit depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Rows that the engine computes at once for J.
    pub at_once: usize,
    /// Rows whose results are asked for at a time.
    pub asked: usize,
    /// Bytes that are left for pictures while they are decoded.
    pub pictures: Bytes,
}

/// Free memory, and the model and engine that share it.
pub struct Room<'a> {
    /// The engine.
    pub choice: &'a Choice,
    /// The model.
    pub model: &'a ModelFile,
    /// Visible and hidden units that the engine is given: the model's, or with its preprocessing folded into the weights.
    pub shape: Shape,
    /// The result that examples are made into.
    pub made: Made,
    /// Most memory that may be taken, where somebody has said so.
    pub memory: Option<Bytes>,
}

/// Bytes of what is held.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    model: u64,
    rows: u64,
    /// Data that are held already.
    data: u64,
    /// A picture while it is decoded.
    passing: u64,
    /// The picture that is put together of all results, and what it is made of.
    made: u64,
    program: u64,
}

impl Plan {
    fn total(self) -> u64 {
        [self.model, self.rows, self.data, self.passing, self.made, self.program]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl Room<'_> {
    /// Refuses a model that does not fit by itself, before data are read.
    pub fn check_model(&self, path: &Path) -> crate::Result<()> {
        let plan = Plan { rows: 0, data: 0, ..self.plan(1, (1, 1), 0, 0)? };
        if self.fits(plan) {
            return Ok(());
        }
        let Shape { visible, hidden } = self.shape;
        let least = format!(
            "{hidden} hidden and {visible} visible units need at least {} ({} of them for the model)",
            Bytes(plan.total()),
            Bytes(plan.model)
        );
        Err(Error::input(path, format!("{least}, {}", self.way_out(plan, SMALLER))))
    }

    /// How many rows to take at a time.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no room for the fewest, with the numbers.
    pub fn pieces(&self, examples: &Examples) -> crate::Result<Pieces> {
        let (rows, _) = examples.size();
        let (held, row_bytes) = (examples.resident_bytes(), examples.row_bytes());
        let passing = examples.passing_bytes();
        let chunk = self.footprint(rows, None, row_bytes)?.0;
        let asked = match self.can_cut() {
            true => {
                ((RESULTS / self.bytes_of_a_row(row_bytes).max(1)) as usize).clamp(FEWEST, chunk.max(FEWEST))
            }
            // A device computes whole chunks, whatever is asked for.
            false => chunk,
        };
        let asked = asked.min(rows.max(1));
        let (most, least) = match self.made {
            Made::Judgement => (chunk, (chunk.div_ceil(PARTS) + FEWEST).min(chunk)),
            _ => (asked, asked.min(FEWEST)),
        };
        let made = self.bytes_made(examples);
        let mut cut = (most, asked);
        loop {
            let plan = Plan { passing, made, ..self.plan(rows, cut, held, row_bytes)? };
            if self.fits(plan) {
                let ((at_once, asked), pictures) = (cut, self.left_for_pictures(plan));
                tracing::debug!("{} of memory planned, {at_once} rows at a time", Bytes(plan.total()));
                return Ok(Pieces { at_once, asked, pictures });
            }
            cut = self.fewer(cut, least).ok_or_else(|| self.refused(plan))?;
        }
    }

    /// Fewer rows at once, and where these are the fewest that are computed fast, fewer results at a time; `None` where
    /// nothing can be cut any more.
    fn fewer(&self, (at_once, asked): (usize, usize), least: usize) -> Option<(usize, usize)> {
        if !self.can_cut() {
            return None;
        }
        if at_once > least {
            return Some(((at_once / 2).max(least), asked));
        }
        let fewer = (asked > 1).then_some(asked / 2)?;
        // Sums for J have the same pieces however many rows are asked for.
        Some((if self.made == Made::Judgement { at_once } else { at_once.min(fewer) }, fewer))
    }

    /// How many codes to decode at a time of so many, which take these bytes in memory and a row on disk.
    ///
    /// # Errors
    /// As [`Room::pieces`].
    pub fn decoded(&self, rows: usize, (held, row_bytes): (u64, usize)) -> crate::Result<usize> {
        let inputs = self
            .model
            .meta()
            .map_or(self.model.shape().visible, |meta| meta.preprocess.inputs_of(self.model.shape().visible));
        let made = match self.made {
            Made::Decoded { pictures: true } => {
                OF_PICTURE.saturating_mul(rows as u64).saturating_mul(inputs as u64)
            }
            _ => 0,
        };
        let usual = (RESULTS / self.bytes_of_a_row(row_bytes).max(1)) as usize;
        let mut asked = usual.max(FEWEST).min(rows.max(1));
        loop {
            let plan = Plan { made, ..self.plan(asked, (asked, asked), held, row_bytes)? };
            match asked {
                _ if self.fits(plan) => return Ok(asked),
                1 => return Err(self.refused(plan)),
                _ => asked /= 2,
            }
        }
    }

    /// Bytes of what is made of all examples: of the one picture that they are the patches of, if they are those of one, or of the
    /// table of units.
    fn bytes_made(&self, examples: &Examples) -> u64 {
        if let Made::Units { top } = self.made {
            return units::bytes(self.shape.hidden, top);
        }
        if let Made::Pooled { features } = self.made {
            return OF_FEATURE.saturating_mul(features as u64).saturating_add(self.bytes_of_folding());
        }
        let is_one = || match examples.grids() {
            Some(grids) => grids.len() == 1,
            None => form_of(Some(examples.preprocess()), examples.size().1).is_some(),
        };
        let (rows, cols) = (examples.size().0, examples.preprocess().inputs_of(examples.size().1));
        if self.made == Made::Picture && is_one() {
            OF_PICTURE.saturating_mul(rows as u64).saturating_mul(cols as u64)
        } else {
            0
        }
    }

    /// Bytes of folding a preprocessing: the weights in f64, twice, and the matrix that decorrelates.
    fn bytes_of_folding(&self) -> u64 {
        let Shape { visible, hidden } = self.shape;
        16 * (visible as u64).saturating_mul((hidden + visible) as u64)
    }

    /// Bytes that a plan which fits leaves for pictures while they are decoded.
    fn left_for_pictures(&self, plan: Plan) -> Bytes {
        let others = plan.total() - plan.passing;
        let there = match self.memory {
            Some(most) => most.0,
            None => available().map_or(u64::MAX, |free| free.0.saturating_add(plan.data)),
        };
        Bytes(there.saturating_sub(others).max(plan.passing))
    }

    /// Whether fewer rows at a time leave every bit as it is.
    fn can_cut(&self) -> bool {
        matches!(self.choice, Choice::Cpu)
    }

    /// The rows of a chunk, and what the engine holds for `at_once` of them.
    fn footprint(
        &self,
        rows: usize,
        at_once: Option<usize>,
        row_bytes: usize,
    ) -> crate::Result<(usize, Footprint)> {
        let chunk = at_once.filter(|_| self.can_cut());
        let job = Job {
            shape: self.shape,
            examples: rows.max(1),
            batch: None,
            optimizer: Optimizer::Sgd,
            cut: Chunking { chunk, ..Chunking::default() },
            fetched: Some(0),
            row_bytes,
            kernels: None,
            sharding: Sharding::NONE,
        };
        let (plan, footprint) = self.choice.footprint(&job)?;
        Ok((plan.chunk, footprint))
    }

    /// Bytes of an example and its results, beside what the engine holds: results as it collects and hands them out, the
    /// example as it is read and in f64, which grows in the making.
    fn bytes_of_a_row(&self, row_bytes: usize) -> u64 {
        let Shape { visible, hidden } = self.shape;
        let made = match self.made {
            Made::Codes | Made::Units { .. } => hidden,
            // Activations, sums of regions in f64, and features.
            Made::Pooled { .. } => hidden.saturating_mul(3),
            Made::Outputs | Made::Picture | Made::Decoded { .. } => visible,
            Made::Judgement => visible.max(hidden),
        };
        let given = if matches!(self.made, Made::Decoded { .. }) { hidden } else { visible };
        (8 * made as u64).saturating_add(32 * given as u64 + row_bytes as u64)
    }

    /// For so many rows computed at once, and results asked for at a time.
    fn plan(
        &self,
        rows: usize,
        (at_once, asked): (usize, usize),
        held: u64,
        row_bytes: usize,
    ) -> crate::Result<Plan> {
        let (_, footprint) = self.footprint(rows, Some(at_once), row_bytes)?;
        let Footprint { parameters, activations, data, textures, optimizer_state } = footprint;
        let looks = matches!(self.made, Made::Judgement | Made::Units { .. });
        let judged = if looks { parameters } else { 0 };
        let results = self.bytes_of_a_row(row_bytes).saturating_mul(asked as u64);
        // The gradient that a device makes room for, or what the reference has from the start.
        let beside = if matches!(self.choice, Choice::Cpu) { 0 } else { optimizer_state };
        let reading = match self.choice {
            Choice::Reference => self.model.bytes_to_read::<f64>(),
            _ => self.model.bytes_to_read::<f32>(),
        };
        // A GPU's own memory is its own affair.
        let (own, computed) = if self.choice.has_own_memory() {
            (0, 0)
        } else {
            (parameters + textures + beside, activations.saturating_add(data))
        };
        let later = computed.saturating_add(results).saturating_add(judged);
        Ok(Plan {
            // Parameters on their way into the engine are gone when rows are computed.
            model: own.saturating_add(judged).saturating_add(reading.saturating_sub(later)),
            rows: computed.saturating_add(results),
            data: held.saturating_add(self.model.columns_bytes()),
            passing: 0,
            made: 0,
            program: PROGRAM + if self.choice.is_software() { SOFTWARE_ADAPTER } else { 0 },
        })
    }

    /// Memory that is held already is not asked for again.
    fn fits(&self, plan: Plan) -> bool {
        let asked = plan.total() - plan.data;
        let is_free = match self.memory {
            Some(most) => plan.total() <= most.0,
            None => available().is_none_or(|free| asked <= free.0),
        };
        is_free && is_granted(asked)
    }

    /// Free memory, and the way out; `remedy` where that is not to raise a limit.
    fn way_out(&self, plan: Plan, remedy: &str) -> String {
        match (self.memory, available()) {
            (Some(most), _) if plan.total() > most.0 => {
                let enough = Bytes(plan.total()).rounded_up();
                format!("but --memory says {most}; {remedy}, or give --memory {enough}")
            }
            (None, Some(free)) if plan.total() - plan.data > free.0 => {
                format!("and {free} are free; {remedy}")
            }
            _ => format!(
                "which the system refuses beside what threads reserve; raise the limit (ulimit -v), or {remedy}"
            ),
        }
    }

    fn refused(&self, plan: Plan) -> Error {
        let of_result = match self.made {
            Made::Units { .. } => "table of units",
            Made::Pooled { .. } => "features of a picture",
            _ => "picture of the results",
        };
        let parts = [
            ("model", plan.model),
            ("rows at a time", plan.rows),
            ("data", plan.data),
            ("picture", plan.passing),
            (of_result, plan.made),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|part| part.1 > 0)
            .map(|(name, size)| format!("{name} {}", Bytes(*size)))
            .collect();
        let least = format!("at least {} are needed ({})", Bytes(plan.total()), parts.join(", "));
        let remedy = if plan.made > plan.model.max(plan.rows).max(plan.data).max(plan.passing) {
            match self.made {
                Made::Units { .. } => "lower --top-k",
                Made::Pooled { .. } => "pool over larger regions (--pool), or give smaller pictures",
                Made::Decoded { .. } => "give fewer codes, or write rows piece by piece (-o FILE.npy)",
                _ => "give a smaller picture, or write its patches piece by piece (-o FILE.npy)",
            }
        } else if plan.data > plan.model.max(plan.rows) {
            "give DATA as .npy or safetensors, which is read piece by piece"
        } else if plan.passing > plan.model.max(plan.rows) {
            "give smaller pictures"
        } else if self.can_cut() {
            SMALLER
        } else {
            "use --device cpu, which computes fewer rows at a time"
        };
        Error::usage(format!("{least}, {}", self.way_out(plan, remedy)))
    }
}
