//! Sentinels: the proof that submissions ran to their end. Each ends by copying its sentinel word into a ring, which the
//! host compares whenever it reads results back. Some systems report success for a command buffer that their watchdog has
//! killed, and its results are silently what was there before.
//!
//! In a ring a word that is missing in the middle is noticed as well as a last one. A word is the number of the turn
//! around the ring, copied from a table by the commands themselves: a word written by the host would arrive in any case.

use wgpu::BufferUsages;

use crate::error::{Error, Result};

/// Submissions of one turn; after so many without a read-back the host checks the ring of its own accord.
const SLOTS: usize = 4096;
/// Turns with words of their own.
const TURNS: usize = 1024;

/// The ring, and how far it has been filled and checked.
#[derive(Debug)]
pub(crate) struct Sentinel {
    /// `[TURNS]` words: 1, 2, …
    turns: wgpu::Buffer,
    /// `[SLOTS]` words, which the host reads.
    pub ring: wgpu::Buffer,
    /// A word that is copied for the sake of its place among the commands.
    behind: wgpu::Buffer,
    submitted: usize,
    checked: usize,
}

impl Sentinel {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let make = |label, words: usize, usage| {
            let size = 4 * words as u64;
            let label = Some(label);
            device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false })
        };
        let turns = make("turns", TURNS, BufferUsages::COPY_SRC | BufferUsages::COPY_DST);
        let ring = make("sentinels", SLOTS, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let behind = make("behind", 1, BufferUsages::COPY_DST);
        let words: Vec<u32> = (0..TURNS).map(word).collect();
        queue.write_buffer(&turns, 0, bytemuck::cast_slice(&words));
        Self { turns, ring, behind, submitted: 0, checked: 0 }
    }

    /// Submissions so far.
    pub fn submitted(&self) -> usize {
        self.submitted
    }

    /// Lets `encoder` end in the sentinel of the next submission, behind the dispatch that writes into `written`: a copy that reads
    /// from there waits for all dispatches before, and the sentinel, which nothing else would keep behind them, follows it.
    pub fn append(&mut self, encoder: &mut wgpu::CommandEncoder, written: Option<&wgpu::Buffer>) {
        if let Some(written) = written {
            encoder.copy_buffer_to_buffer(written, 0, &self.behind, 0, 4);
        }
        let (from, to) = (self.submitted / SLOTS % TURNS, self.submitted % SLOTS);
        self.submitted += 1;
        encoder.copy_buffer_to_buffer(&self.turns, 4 * from as u64, &self.ring, 4 * to as u64, 4);
    }

    /// Whether the next sentinel would overwrite one that has not been checked.
    pub fn is_due(&self) -> bool {
        self.submitted - self.checked >= SLOTS
    }

    /// Compares the words of the ring with those of all submissions so far.
    ///
    /// # Errors
    /// [`Error::Device`] for the first submission whose sentinel is missing.
    pub fn check(&mut self, ring: &[u32]) -> Result<()> {
        let submitted = self.submitted;
        let missing = |&number: &usize| ring[number % SLOTS] != word(number / SLOTS % TURNS);
        match (std::mem::replace(&mut self.checked, submitted)..submitted).find(missing) {
            None => Ok(()),
            Some(number) => Err(Error::device(format!(
                "submission {} of {submitted} did not run to its end, although the device reported success: the system \
                 may have killed it for taking too long; lower `chunk` or `block`, or use another `device`",
                number + 1
            ))),
        }
    }
}

fn word(turn: usize) -> u32 {
    turn as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::gpu::device::Gpu;
    use crate::engine::gpu::device::adapter::{adapters, select};
    use crate::engine::gpu::memory::buffer::Tensor;

    /// A software adapter, or none where the environment asks to leave tests of it out.
    fn software() -> Option<Gpu> {
        let skipped = std::env::var("RHOHAT_SKIP_GPU_TESTS").is_ok_and(|value| value == "1");
        if skipped {
            eprintln!("SKIPPED because of RHOHAT_SKIP_GPU_TESTS: sentinels");
            return None;
        }
        let adapter = select(&crate::engine::device::Selector::Software, &adapters()).unwrap().unwrap();
        Some(Gpu::open(adapter).unwrap())
    }

    /// A submission of which nothing is executed, as if it had been killed.
    fn lose_one(gpu: &Gpu) {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        gpu.submissions.lock().unwrap().sentinel.append(&mut encoder, None);
    }

    fn submit(gpu: &Gpu, count: usize) -> Result<()> {
        (0..count).try_for_each(|_| gpu.submit(gpu.device.create_command_encoder(&Default::default())))
    }

    #[test]
    fn a_submission_that_did_not_run_fails_the_next_read_wherever_it_was() {
        let Some(gpu) = software() else { return };
        let tensor = Tensor::vector(&gpu, "numbers", 8).unwrap();
        for (before, after) in [(0, 0), (2, 3), (5_000, 1)] {
            submit(&gpu, before).unwrap();
            tensor.read(&gpu).unwrap();
            lose_one(&gpu);
            submit(&gpu, after).unwrap();
            let error = tensor.read(&gpu).unwrap_err();
            let words = error.to_string();
            assert!(error.exit_code() == 5 && words.contains("`chunk` or `block`"), "{words}");
            tensor.read(&gpu).unwrap();
        }
    }

    #[test]
    fn a_lost_submission_is_found_without_a_read_before_its_sentinel_would_be_overwritten() {
        let Some(gpu) = software() else { return };
        lose_one(&gpu);
        assert!(submit(&gpu, SLOTS + 1).is_err());
    }
}
