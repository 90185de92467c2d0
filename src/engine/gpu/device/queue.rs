//! The way of work to a device and back: submissions of a measured length, of which few are under way and each has to leave
//! its sentinel; results that are read back; waits that end. Each takes the lock of the submissions once.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_intrusive::channel::shared::{OneshotReceiver, oneshot_channel};

use super::Gpu;
use super::submissions::Submissions;
use super::throttle::Submission;
use crate::error::{Error, Result};
use crate::io::clock::Moment;
use crate::io::lock::locked;

/// A device that has ended no submission for this long counts as hung, however slow it is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Steps that share a submission on a GPU: what a submission costs the host is then a small part of what they cost it.
const STEPS: usize = 8;
/// Time between two looks at the device-lost flag.
const GLANCE: Duration = Duration::from_millis(20);

/// The first bytes of a buffer, asked for after all work submitted so far.
struct Mapping {
    buffer: wgpu::Buffer,
    bytes: u64,
    ready: OneshotReceiver<Result<(), wgpu::BufferAsyncError>>,
}

impl Mapping {
    fn of(buffer: &wgpu::Buffer, bytes: u64) -> Self {
        let (sender, ready) = oneshot_channel();
        buffer.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| {
            // The receiver is gone only when the wait was given up.
            let _ = sender.send(result);
        });
        Self { buffer: buffer.clone(), bytes, ready }
    }
}

impl Gpu {
    /// Submits one command buffer of little work. Waits only while several are under way.
    pub fn submit(&self, encoder: wgpu::CommandEncoder) -> Result<()> {
        self.submit_work(encoder, 0.0, None)
    }

    /// The same of so much work as [`crate::engine::gpu::device::throttle`] counts, whose last dispatch writes into
    /// `written`.
    pub(crate) fn submit_work(
        &self,
        mut encoder: wgpu::CommandEncoder,
        work: f64,
        written: Option<&wgpu::Buffer>,
    ) -> Result<()> {
        let submissions = &mut *locked(&self.submissions);
        self.drive(submissions, |submissions| (!submissions.throttle.is_full()).then_some(()))?;
        if submissions.sentinel.is_due() {
            self.check_sentinels(submissions)?;
        }
        submissions.sentinel.append(&mut encoder, written);
        let commands = encoder.finish();
        let begun = Moment::now();
        let index = self.queue.submit([commands]);
        let ended = Arc::new(OnceLock::new());
        let seen = ended.clone();
        self.queue.on_submitted_work_done(move || {
            seen.get_or_init(Moment::now);
        });
        // Software adapters have done it by now. A lost device may tell of it in no other way than by this refusal.
        let (submission_index, timeout) = (Some(index.clone()), Some(Duration::ZERO));
        let polled = self.poll(wgpu::PollType::Wait { submission_index, timeout });
        if let Err(wgpu::PollError::WrongSubmissionIndex(..)) = polled {
            self.trouble.note("the device was lost: it takes no more work; use another `device`".to_owned());
        }
        submissions.throttle.add(Submission { index, begun, work, ended });
        self.check()
    }

    /// Work of the next submission.
    pub(crate) fn budget(&self) -> f64 {
        locked(&self.submissions).throttle.budget()
    }

    /// Makes submissions of recordings this long, in multiply-adds, whatever is measured; `None` ends that.
    pub fn force_budget(&self, budget: Option<f64>) {
        locked(&self.submissions).throttle.force(budget);
    }

    /// Steps of SGD or Adam that share a submission at most. A software adapter computes while it is handed a submission, and gains
    /// nothing by a second step in it.
    pub fn steps_at_once(&self) -> usize {
        let usual = if self.adapter.is_software() { 1 } else { STEPS };
        locked(&self.submissions).steps.unwrap_or(usual)
    }

    /// Lets so many steps share a submission, whatever the device; `None` ends that.
    pub fn force_steps(&self, steps: Option<usize>) {
        locked(&self.submissions).steps = steps;
    }

    /// Submissions so far.
    pub fn submissions(&self) -> usize {
        locked(&self.submissions).sentinel.submitted()
    }

    /// The longest submission since this was asked last, among those that are known to have ended.
    pub fn longest_submission(&self) -> Duration {
        locked(&self.submissions).throttle.take_longest()
    }

    /// How often the host has waited for the device so far.
    pub fn waits(&self) -> usize {
        locked(&self.submissions).waits
    }

    /// Reads `bytes` bytes of a buffer that was made with `MAP_READ`, after all work submitted so far.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost, or a submission before did not run.
    pub fn read(&self, staging: &wgpu::Buffer, bytes: u64) -> Result<Vec<f32>> {
        let submissions = &mut *locked(&self.submissions);
        submissions.waits += 1;
        // Both are asked for before either is waited for.
        let sentinels = Mapping::of(&submissions.sentinel.ring, submissions.sentinel.ring.size());
        let values = self.mapped(submissions, Mapping::of(staging, bytes))?;
        let sentinels = self.mapped(submissions, sentinels)?;
        submissions.sentinel.check(&sentinels)?;
        Ok(values)
    }

    /// Waits until all submitted work is done.
    pub fn finish(&self) -> Result<()> {
        let submissions = &mut *locked(&self.submissions);
        submissions.waits += 1;
        let (sender, receiver) = oneshot_channel();
        self.queue.on_submitted_work_done(move || {
            let _ = sender.send(());
        });
        self.wait_for(submissions, receiver.receive()).map(|_| ())
    }

    /// Fails if a submission so far did not run to its end.
    fn check_sentinels(&self, submissions: &mut Submissions) -> Result<()> {
        let ring = Mapping::of(&submissions.sentinel.ring, submissions.sentinel.ring.size());
        let words = self.mapped(submissions, ring)?;
        submissions.sentinel.check(&words)
    }

    fn mapped<T: bytemuck::Pod>(
        &self,
        submissions: &mut Submissions,
        Mapping { buffer, bytes, ready }: Mapping,
    ) -> Result<Vec<T>> {
        let slice = buffer.slice(..bytes);
        match self.wait_for(submissions, ready.receive())? {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(self.failure(&format!("reading results failed: {error}"))),
            None => return Err(self.failure("reading results failed: the request was dropped")),
        }
        let view =
            slice.get_mapped_range().map_err(|error| self.failure(&format!("mapping failed: {error}")))?;
        let values = bytemuck::pod_collect_to_vec(&view[..]);
        drop(view);
        buffer.unmap();
        Ok(values)
    }

    /// Drives the device until `future` is ready. Never blocks on the future alone: a lost device may not answer.
    fn wait_for<F: Future>(&self, submissions: &mut Submissions, future: F) -> Result<F::Output> {
        let mut future = pin!(future);
        self.drive(submissions, |_| match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    }

    /// Polls, which panics in wgpu where it is a wait that finds the device lost.
    fn poll(&self, how: wgpu::PollType) -> Result<wgpu::PollStatus, wgpu::PollError> {
        catch_unwind(AssertUnwindSafe(|| self.device.poll(how))).unwrap_or_else(|_| {
            self.trouble.note("the device was lost while it was waited for".to_owned());
            Err(wgpu::PollError::Timeout)
        })
    }

    /// Polls the device until `done` has something.
    fn drive<T>(
        &self,
        submissions: &mut Submissions,
        mut done: impl FnMut(&Submissions) -> Option<T>,
    ) -> Result<T> {
        let mut last_sign = (submissions.throttle.collect(), Moment::now());
        loop {
            if let Some(value) = done(submissions) {
                return Ok(value);
            }
            // One after the other, so that each is seen when it ends. A timeout is the normal case while work goes on; any
            // other error shows in the flag.
            let submission_index = submissions.throttle.oldest();
            let _ = self.poll(wgpu::PollType::Wait { submission_index, timeout: Some(GLANCE) });
            let ended = submissions.throttle.collect();
            self.check()?;
            if ended != last_sign.0 {
                last_sign = (ended, Moment::now());
            }
            if last_sign.1.elapsed() > PATIENCE {
                return Err(Error::device(format!(
                    "{} has not answered for {} s; lower `batch` or `chunk`, or use another `device`",
                    self.adapter.info.name,
                    PATIENCE.as_secs()
                )));
            }
        }
    }

    /// The recorded trouble if there is one, since it explains more than its consequence.
    fn failure(&self, consequence: &str) -> Error {
        self.check().err().unwrap_or_else(|| Error::device(consequence))
    }
}
