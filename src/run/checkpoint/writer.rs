//! When checkpoints are taken, and the thread that writes them while training goes on. One that cannot be written is tried
//! again while an older one stands: a disk that is full for a moment ends no run.

use std::fs::File;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Checkpoint, Checkpoints, fail_point};
use crate::engine::{ReusedBuffers, State, StateShape};
use crate::error::{Error, Result};
use crate::io::threads::Apart;
use crate::math::params::Shape;
use crate::run::every::{Every, Span};

/// Longest time between two tries.
const RETRY: Duration = Duration::from_secs(10);

/// Writes the checkpoints of a run that is being trained. Ends with the checkpoint that is being written.
#[derive(Debug)]
pub struct CheckpointWriter<S: StateShape = Shape> {
    checkpoints: Checkpoints<S>,
    every: Every,
    /// When the last one was taken, or training began.
    time: Instant,
    /// The steps after which it was taken.
    taken: Option<usize>,
    /// The steps of the last one that is known to be on the disk.
    stands: Option<usize>,
    /// When one that could not be written is tried again.
    again: Option<Instant>,
    writing: Option<Apart<Result<State<S>>>>,
    /// The steps of the one that was published last, by whichever thread; 0 while there is none.
    published: Arc<AtomicUsize>,
    /// The memory of the one that was written last.
    spare: ReusedBuffers,
    /// Settings to lower against divergence.
    remedy: String,
}

impl<S: StateShape> CheckpointWriter<S> {
    /// Keeps one as often as `every` says, after the one of `taken` steps that there may be.
    /// `remedy` is what a state that is not finite is told to lower: no such state is kept.
    pub fn new(checkpoints: Checkpoints<S>, every: Every, taken: Option<usize>, remedy: String) -> Self {
        Self {
            checkpoints,
            every,
            time: Instant::now(),
            taken,
            stands: taken,
            again: None,
            writing: None,
            published: Arc::new(AtomicUsize::new(taken.unwrap_or(0))),
            spare: ReusedBuffers::default(),
            remedy,
        }
    }

    /// Training begins now: time until the first checkpoint counts from here.
    pub fn begins(&mut self) {
        self.time = Instant::now();
    }

    /// The steps of the checkpoint that was published last, as they change; 0 while there is none.
    pub fn published(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.published)
    }

    /// Whether there is one of so many steps: it would have the same content again.
    pub fn has(&self, steps: usize) -> bool {
        self.taken == Some(steps)
    }

    /// Whether one is to be taken after so many steps: not while the one before is still being written.
    ///
    /// # Errors
    /// Those of the one before, where no older one stands.
    pub fn is_due(&mut self, steps: usize) -> Result<bool> {
        if self.writing.as_ref().is_some_and(Apart::is_finished) {
            self.settle()?;
        }
        let due = match (self.again, self.every) {
            (Some(again), _) => Instant::now() >= again,
            (None, Every::Time(Span(span))) => self.time.elapsed() >= span,
            (None, Every::Steps(count)) => steps.saturating_sub(self.taken.unwrap_or(0)) >= count,
        };
        Ok(due && self.writing.is_none())
    }

    /// Writes a checkpoint on a thread of its own, if the system has one, after the lines of `metrics` that belong to it: where
    /// those could not be written, the checkpoint cannot be either.
    ///
    /// # Errors
    /// Those of the one before, where no older one stands.
    pub fn keep(&mut self, checkpoint: Checkpoint<S>, metrics: Result<File>) -> Result<()> {
        self.settle()?;
        (self.time, self.taken) = (Instant::now(), Some(checkpoint.position.steps));
        let (checkpoints, remedy, published) =
            (self.checkpoints.clone(), self.remedy.clone(), self.published());
        let write = move || {
            if let Some(what) = checkpoint.state.first_not_finite() {
                return Err(Error::Diverged { step: checkpoint.position.steps, what, remedy });
            }
            let path = checkpoints.path();
            metrics?.sync_data().map_err(|error| Error::io("sync", path, error))?;
            let path = checkpoints.publish(&checkpoint)?;
            published.store(checkpoint.position.steps, Ordering::Release);
            tracing::debug!("checkpoint {}", path.display());
            Ok(checkpoint.state)
        };
        self.writing = Some(Apart::from("writer of checkpoints", write));
        if fail_point::is_wanted() { self.settle() } else { Ok(()) }
    }

    /// Memory for the next checkpoint: that of the last, once it has been written.
    ///
    /// # Errors
    /// Those of writing it, where no older one stands.
    pub fn spare(&mut self) -> Result<ReusedBuffers> {
        self.settle()?;
        Ok(mem::take(&mut self.spare))
    }

    /// Waits for the checkpoint that is being written, if one is. What fails is told and tried again while an older one
    /// stands to go on from.
    fn settle(&mut self) -> Result<()> {
        match self.wait() {
            Err(why @ (Error::Io { .. } | Error::Input { .. })) if self.stands.is_some() => {
                let pause = match self.every {
                    Every::Time(Span(span)) => span.min(RETRY),
                    Every::Steps(_) => RETRY,
                };
                self.again = Some(Instant::now() + pause);
                let stands = self.stands.unwrap_or_default();
                tracing::warn!(
                    "{why}; the checkpoint of step {stands} stands, another one is tried in a while"
                );
                Ok(())
            }
            other => other,
        }
    }

    /// Waits for the checkpoint that is being written, if one is.
    ///
    /// # Errors
    /// Those of writing it.
    pub fn wait(&mut self) -> Result<()> {
        let Some(thread) = self.writing.take() else { return Ok(()) };
        let written = thread.join().map_err(|_| Error::device("the thread that writes checkpoints died"))?;
        match written {
            Ok(state) => {
                (self.stands, self.again) = (self.taken, None);
                self.spare = state.into();
                Ok(())
            }
            Err(error) => {
                self.taken = self.stands;
                Err(error)
            }
        }
    }
}

impl<S: StateShape> Drop for CheckpointWriter<S> {
    fn drop(&mut self) {
        // A run that has failed says so; what else went wrong is no news.
        let _ = self.wait();
    }
}
