//! One method a setting.

use std::time::Duration;

use super::Trainer;
use crate::io::memory::Bytes;
use crate::math::objective::{Activation, RhoHatMode};
use crate::math::optim::{Optimizer, Schedule};
use crate::math::start::Start;
use crate::run::config::Batch;
use crate::run::every::Span;

/// Settings, one method each.
impl Trainer {
    /// The activation f of hidden units, one with a bounded range; sigmoid by default.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.settings.activation = Some(activation);
        self
    }

    /// The activation g of output units, any of them; sigmoid by default.
    #[must_use]
    pub fn output(mut self, output: Activation) -> Self {
        self.settings.output = Some(output);
        self
    }

    /// ρ, the mean activation that hidden units are held to, in (0, 1); 0.01 by default.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.settings.rho = Some(rho);
        self
    }

    /// β, the weight of the sparsity penalty; 3 by default.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.settings.beta = Some(beta);
        self
    }

    /// Updates over which β rises to its value; not for L-BFGS.
    #[must_use]
    pub fn beta_warmup(mut self, updates: usize) -> Self {
        self.settings.beta_warmup = Some(updates);
        self
    }

    /// λ, the weight decay; 1e-4 by default.
    #[must_use]
    pub fn lambda(mut self, lambda: f64) -> Self {
        self.settings.lambda = Some(lambda);
        self
    }

    /// Where ρ̂ is taken: over all rows of an update, or as a moving average over mini-batches.
    #[must_use]
    pub fn rho_hat(mut self, mode: RhoHatMode) -> Self {
        self.settings.rho_hat = Some(mode);
        self
    }

    /// The fraction of the old value in a moving average of ρ̂, in [0, 1); 0.99 by default.
    #[must_use]
    pub fn rho_hat_decay(mut self, decay: f64) -> Self {
        self.settings.rho_hat_decay = Some(decay);
        self
    }

    /// The optimiser: L-BFGS on all rows by default, Adam in mini-batches above 50 000 of them.
    #[must_use]
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.settings.optimizer = Some(optimizer);
        self
    }

    /// The learning rate; by default 0.01 for Adam, 0.3 for SGD, or less in wide layers. L-BFGS searches for its own.
    #[must_use]
    pub fn lr(mut self, lr: f64) -> Self {
        self.settings.lr = Some(lr);
        self
    }

    /// The course of the learning rate; half a cosine by default.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.settings.schedule = Some(schedule);
        self
    }

    /// Updates over which the learning rate rises to its value; none by default.
    #[must_use]
    pub fn warmup(mut self, updates: usize) -> Self {
        self.settings.warmup = Some(updates);
        self
    }

    /// Momentum of SGD, in [0, 1); 0.9 by default.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.settings.momentum = Some(momentum);
        self
    }

    /// Updates between two resamplings of dead units (Bricken et al. 2023); they stay dead by default. Not for L-BFGS.
    #[must_use]
    pub fn resample(mut self, updates: usize) -> Self {
        self.settings.revive = Some(updates);
        self
    }

    /// Rows of a mini-batch.
    #[must_use]
    pub fn batch(mut self, rows: usize) -> Self {
        self.settings.batch = Some(Batch::Rows(rows));
        self
    }

    /// Every update takes all rows.
    #[must_use]
    pub fn full_batch(mut self) -> Self {
        self.settings.batch = Some(Batch::Full);
        self
    }

    /// Passes over the data; 20 in mini-batches by default. Either this or [`Trainer::steps`].
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.settings.epochs = Some(epochs);
        self
    }

    /// Updates, or iterations of L-BFGS; 400 on all rows by default, 800 on the built-in pictures.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.settings.steps = Some(steps);
        self
    }

    /// How parameters begin: as in the lecture notes, or with biases fitted to the data and to ρ.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.settings.start = Some(start);
        self
    }

    /// The seed of everything that is drawn: built-in pictures, patches, held-out rows, start weights, the order of the
    /// examples. 0 by default; below 2⁶³.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    /// Looks at held-out examples ([`Data::hold_out`](crate::Data::hold_out)) without a lower J after which training ends; 10 by default.
    #[must_use]
    pub fn patience(mut self, looks: usize) -> Self {
        self.settings.patience = Some(looks);
        self
    }

    /// Longest time to train until [`Trainer::resume`] goes on.
    #[must_use]
    pub fn max_time(mut self, time: Duration) -> Self {
        self.settings.max_time = Some(Span(time));
        self
    }

    /// The device: `auto` (the default: a GPU, else the CPU), `cpu`, `gpu`, `gpu:N`, `software`, `reference` (slow, in f64),
    /// `pci:BUS` or a part of an adapter's name. A list such as `gpu:0,gpu:1` spreads hidden units over several devices of one kind.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.settings.device = Some(device.into());
        self
    }

    /// Shards of the hidden units: a run with as many has the same bits on any number of devices that can share them. One a device by
    /// default.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.settings.shards = Some(shards);
        self
    }

    /// Threads of the CPU engine; one a core by default.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.settings.threads = Some(threads);
        self
    }

    /// Most memory that the run may take, bytes; what is free by default. Where it is short, rows are read from disk as they
    /// are needed, and fewer are computed at a time.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.settings.memory = Some(Bytes(bytes));
        self
    }

    /// Rows computed at a time. The result is the same beyond rounding.
    #[must_use]
    pub fn chunk(mut self, rows: usize) -> Self {
        self.settings.chunk = Some(rows);
        self
    }

    /// Hidden units computed at a time. The result is the same beyond rounding.
    #[must_use]
    pub fn block(mut self, units: usize) -> Self {
        self.settings.block = Some(units);
        self
    }
}
