//! An engine whose device another host has: every step as what that host writes, runs, copies and reads, by the names of a
//! [`Plan`](super::plan::Plan). Formulas, rates, the order of a step and the search stay here; the host knows none of them.
//!
//! Nothing can wait here for what is read: a page is told by a promise. A step that asks for what is not known yet ends in an error, and
//! [`Remote::waits`] tells that it is none; the host carries out the actions, and the step is made again from where it began,
//! with what was read. So a [`Remote`] is small, and a copy of it is where a run stands between two steps. What a step asks for must not
//! depend on a clock: made again it has to ask for the same in the same order.

mod search;

use serde::Serialize;

use super::memory::partition::Partition;
use super::memory::workspace::{cost_sums, weight_sums};
use super::ops::{PENALTY_RATES, RATES, penalty_rates};
use super::step::finiteness::are_finite;
use super::step::lbfgs::vectors::piece_lengths;
use super::step::rates::rates_of;
use crate::engine::{RhoHat, Rows, Step, Update};
use crate::error::{Error, Result};
use crate::math::objective::{Cost, Objective, RhoHatMode};
use crate::math::optim::lbfgs::HISTORY;
use search::SearchState;

/// Something that the host does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Writes words to the first places of the tensors of this name, one behind the other.
    Write(String, Vec<u32>),
    /// Writes the words of a uniform.
    Set(String, Vec<u32>),
    /// Runs a recording.
    Run(String),
    /// Makes the copies of this name.
    Copy(String),
    /// Reads numbers, all that the next steps wait for.
    Read(Vec<Part>),
}

/// A part of what is read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The tensors, which are read one behind the other.
    pub tensors: String,
    /// The first numbers of each; all where there is none.
    pub numbers: Option<Vec<usize>>,
}

impl Part {
    fn whole(tensors: impl Into<String>) -> Self {
        Self { tensors: tensors.into(), numbers: None }
    }
}

/// Sizes of what is written and read.
#[derive(Clone, Debug)]
struct Sizes {
    partition: Partition,
    /// Examples m.
    count: usize,
    /// Lengths of the segments of a vector of the parameters' shape.
    segments: Vec<usize>,
    /// Lengths of the pieces of a search.
    pieces: Vec<usize>,
}

/// The engine.
#[derive(Clone, Debug)]
pub struct Remote {
    objective: Objective,
    rho_hat: RhoHat,
    sizes: Sizes,
    /// Whether a batch has started the moving average of ρ̂.
    averages: bool,
    /// The rates that were written last: the same are not written again.
    written: (Option<[f32; PENALTY_RATES]>, Option<[f32; RATES]>),
    search: SearchState,
    /// What is to be done since they were taken last.
    actions: Vec<Action>,
    /// What was read, in the order in which it is asked for.
    known: Vec<Vec<f32>>,
    asked: usize,
    waits: bool,
}

impl Remote {
    pub(super) fn new(
        partition: &Partition,
        (objective, rho_hat): (Objective, RhoHat),
        count: usize,
    ) -> Self {
        Self {
            objective,
            rho_hat,
            sizes: Sizes {
                partition: partition.clone(),
                count,
                segments: partition.segments().collect(),
                pieces: piece_lengths(partition, HISTORY),
            },
            averages: false,
            written: (None, None),
            search: SearchState::default(),
            actions: Vec::new(),
            known: Vec::new(),
            asked: 0,
            waits: false,
        }
    }

    /// Begins anew with what is known of the reads to come.
    pub fn knowing(&mut self, known: &[Vec<f32>]) {
        (self.known, self.asked, self.waits) = (known.to_vec(), 0, false);
    }

    /// Whether the last error was that something is not known yet.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// What the host has to do, in order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The objective.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// Examples m.
    pub fn examples(&self) -> usize {
        self.sizes.count
    }

    /// What the host writes once, before anything else.
    pub fn begin(&mut self) {
        self.write("objective penalty", &penalty_rates(self.objective.beta, 0.0));
    }

    /// One update over all examples, or over a list that the plan knows by this name; J before it where the step asks for it.
    ///
    /// # Errors
    /// Where what is read is not known yet.
    pub fn update(&mut self, step: &Step<'_>, list: Option<&str>) -> Result<Option<Cost>> {
        let average = self.rho_hat.mode == RhoHatMode::Ema;
        let decay = if average && self.averages { self.rho_hat.decay } else { 0.0 };
        self.averages = true;
        let (penalty, rates) = (penalty_rates(step.beta, decay), rates_of(&step.update));
        if self.written.0.replace(penalty) != Some(penalty) {
            self.write("penalty", &penalty);
        }
        if self.written.1.replace(rates) != Some(rates) {
            self.write("rates", &rates);
        }
        let rule = if matches!(step.update, Update::Adam { .. }) { "adam" } else { "sgd" };
        let suffix = list.map(|name| format!(" {name}")).unwrap_or_default();
        let rows = match step.rows {
            Rows::All => self.sizes.count,
            Rows::Listed(list) => {
                // Examples of a device are fewer than 2³².
                let words = list.iter().map(|&row| row as u32).collect();
                self.actions.push(Action::Write("list".into(), words));
                list.len()
            }
        };
        self.run(format!("{rule}{suffix}{}", if step.report { " with J" } else { "" }));
        if !step.report {
            return Ok(None);
        }
        let rho_hat = if average { "average rho_hat" } else { "rho_hat" };
        let objective = self.objective.with_beta(step.beta);
        let errors = format!("squared errors{suffix}");
        Ok(Some(self.read_cost(&objective, rows, (errors, rho_hat), Vec::new())?.0))
    }

    /// J over all examples.
    ///
    /// # Errors
    /// Where what is read is not known yet.
    pub fn cost(&mut self) -> Result<Cost> {
        self.settle();
        self.run("cost");
        let objective = self.objective;
        Ok(self.read_cost(&objective, self.sizes.count, EXACT, Vec::new())?.0)
    }

    /// Whether parameters are finite, and moments where updates have them.
    ///
    /// # Errors
    /// Where what is read is not known yet.
    pub fn first_not_finite(&mut self) -> Result<Option<String>> {
        self.settle();
        let of: &[&str] = if self.written.1.is_some() { &["parameters", "moments"] } else { &["parameters"] };
        for of in of {
            self.run(format!("exponents of {of}"));
            if !are_finite(&self.read(vec![Part::whole(format!("largest exponents of {of}"))])?) {
                return Ok(Some(format!("a number of the {of}")));
            }
        }
        Ok(None)
    }

    fn write(&mut self, tensors: &str, numbers: &[f32]) {
        let words = numbers.iter().map(|number| number.to_bits()).collect();
        self.actions.push(Action::Write(tensors.to_owned(), words));
    }

    fn run(&mut self, recording: impl Into<String>) {
        self.actions.push(Action::Run(recording.into()));
    }

    fn read(&mut self, parts: Vec<Part>) -> Result<Vec<f32>> {
        self.actions.push(Action::Read(parts));
        self.asked += 1;
        match self.known.get_mut(self.asked - 1) {
            Some(known) => Ok(std::mem::take(known)),
            None => {
                self.waits = true;
                Err(Error::device("what is read from the device is not known yet"))
            }
        }
    }

    /// J over `rows` rows from the sums that the last recording has left, ρ̂, and `more` behind them.
    fn read_cost(
        &mut self,
        objective: &Objective,
        rows: usize,
        (errors, rho_hat): (impl Into<String>, &str),
        more: Vec<Part>,
    ) -> Result<(Cost, Vec<f32>)> {
        let parts = ["squared weights".to_owned(), errors.into(), rho_hat.to_owned()].map(Part::whole);
        let read = self.read(parts.into_iter().chain(more).collect())?;
        let partition = &self.sizes.partition;
        let (weights, sums, hidden) =
            (weight_sums(partition), cost_sums(partition, rows), partition.shape.hidden);
        if read.len() < sums + hidden {
            return Err(Error::device(format!("{} numbers for J, {} expected", read.len(), sums + hidden)));
        }
        let sum = |part: &[f32]| part.iter().map(|&x| f64::from(x)).sum::<f64>();
        let (sums, rest) = read.split_at(sums);
        let (rho_hat, more) = rest.split_at(hidden);
        let rho_hat = rho_hat.iter().map(|&r| f64::from(r)).collect();
        let (weights, errors) = (sum(&sums[..weights]), sum(&sums[weights..]));
        Ok((Cost::from_sums(objective, rows, errors, weights, rho_hat), more.to_vec()))
    }
}

/// Sums and ρ̂ of a pass over all examples with the exact ρ̂.
const EXACT: (&str, &str) = ("squared errors", "rho_hat");
