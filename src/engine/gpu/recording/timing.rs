//! A recording run with each dispatch in a pass of its own between two timestamps of the device's clock.

use wgpu::BufferUsages;

use super::{CommandRange, Recorded, Recording, encode, last_written};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::buffer;
use crate::error::Result;

/// Dispatches whose timestamps are read back at a time; a set of queries holds at most 4 096.
const TIMED: usize = 512;

impl Gpu {
    /// Whether dispatches can be timed.
    pub fn has_clock(&self) -> bool {
        self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Seconds that the dispatches of each kernel take in `work`, in the order of their first use.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn profiled(&self, work: impl FnOnce() -> Result<()>) -> Result<Vec<(&'static str, f64)>> {
        self.profile.begin();
        let result = work();
        let profile = self.profile.end();
        result.map(|()| profile)
    }
}

impl Recording {
    /// Runs every dispatch in order, waits, and adds to the profile.
    pub(crate) fn run_timed(&self, gpu: &Gpu) -> Result<()> {
        let count = 2 * TIMED as u32;
        let bytes = 8 * u64::from(count);
        let descriptor =
            wgpu::QuerySetDescriptor { label: Some("timestamps"), ty: wgpu::QueryType::Timestamp, count };
        let timestamps = gpu.scoped("timestamps", || gpu.device.create_query_set(&descriptor))?;
        let resolved =
            buffer(gpu, "timestamps", bytes, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC)?;
        let staging = buffer(gpu, "timestamps", bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
        self.in_submissions(gpu, (TIMED, 0.0), |pieces, _| {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let mut names = Vec::new();
            for piece in pieces {
                names.extend(piece.encode_between(gpu, &mut encoder, &timestamps, 2 * names.len() as u32));
            }
            let used = 2 * names.len() as u32;
            encoder.resolve_query_set(&timestamps, 0..used, &resolved, 0);
            encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
            let work = pieces.iter().map(|piece| piece.work).sum();
            gpu.submit_work(encoder, work, last_written(pieces))?;
            let words = gpu.read(&staging, 8 * u64::from(used))?;
            let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&words);
            for (name, ticks) in names.iter().zip(ticks.chunks_exact(2)) {
                let ticks = ticks[1].saturating_sub(ticks[0]) as f64;
                gpu.profile.add(name, ticks * f64::from(gpu.queue.get_timestamp_period()) * 1e-9);
            }
            Ok(())
        })
    }
}

impl CommandRange<'_> {
    /// A dispatch in a pass of its own, with timestamp `first` before and the next one after it, and its name. Copies have no
    /// timestamps.
    fn encode_between(
        &self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        timestamps: &wgpu::QuerySet,
        first: u32,
    ) -> Option<&'static str> {
        let Recorded::Dispatch { kernel, .. } = self.command else {
            encode(gpu, encoder, std::slice::from_ref(self));
            return None;
        };
        let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
            query_set: timestamps,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        });
        let descriptor = wgpu::ComputePassDescriptor { label: Some(kernel.name), timestamp_writes };
        self.dispatch(gpu, &mut encoder.begin_compute_pass(&descriptor));
        Some(kernel.name)
    }
}
