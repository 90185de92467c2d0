//! Whether vectors on the device are finite, judged on their bits without reading them back.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, packed, staging};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::Segment;
use crate::engine::gpu::ops::exponent_blocks;
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::{Commands, Recording};
use crate::error::Result;

/// The largest exponent of a block that holds infinity or NaN: all bits are set.
const NOT_FINITE: f32 = 255.0;

/// A check of some vectors, recorded once.
#[derive(Debug)]
pub(crate) struct FinitenessCheck {
    recording: Recording,
    /// Largest exponents, one tensor a segment.
    largest: Vec<Tensor>,
    staging: wgpu::Buffer,
}

impl FinitenessCheck {
    /// Of the segments of all these vectors.
    pub fn new<'a>(
        gpu: &Gpu,
        partition: &Partition,
        segments: impl IntoIterator<Item = &'a Segment>,
    ) -> Result<Self> {
        let wholes: Vec<&Tensor> = segments.into_iter().map(|segment| &segment.whole).collect();
        let lens: Vec<usize> = wholes.iter().map(|whole| exponent_blocks(whole.len())).collect();
        let largest = packed(gpu, "largest exponents", lens.iter().copied(), partition.limit)?;
        let mut recorder = partition.recorder(gpu);
        for (whole, largest) in wholes.iter().zip(&largest) {
            recorder.max_exponent(whole, largest, 0)?;
        }
        Ok(Self { recording: recorder.finish()?, largest, staging: staging(gpu, lens.iter().sum())? })
    }

    /// Adds it to a plan under the name of the vectors.
    pub fn describe(&self, planner: &mut Planner, of: &str) -> Result<()> {
        planner.tensors(&format!("largest exponents of {of}"), &self.largest);
        planner.recording(&format!("exponents of {of}"), &self.recording)
    }

    /// Runs it: whether all are finite.
    pub fn passes(&self, gpu: &Gpu) -> Result<bool> {
        let mut commands = Commands::new(gpu);
        commands.run(&self.recording)?;
        let parts: Vec<_> = self.largest.iter().map(|tensor| (tensor, tensor.cols)).collect();
        Ok(are_finite(&commands.read(&self.staging, &parts)?))
    }
}

/// What the largest exponents say.
pub(crate) fn are_finite(largest: &[f32]) -> bool {
    largest.iter().all(|&exponent| exponent < NOT_FINITE)
}
