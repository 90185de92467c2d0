//! Runs one kernel on a device under observation: outputs begin as NaN, guard words stand behind every buffer, and
//! padding has to come out as 0.

use super::compare::Difference;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, padded, read};
use crate::engine::gpu::memory::storage::Storage;
use crate::engine::gpu::recording::Recorder;
use crate::engine::variant::Memory;
use crate::error::{Error, Result};

/// Numbers behind every tensor that no kernel may write; read as numbers they are NaN.
const GUARD: usize = 64;
const GUARD_WORD: u32 = 0x7fc0_beef;
/// Workgroups of a product that are wanted of every device, so that all of them split the same sums.
pub const WORKGROUPS: usize = 512;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The device refused or was lost.
    #[error("{0}")]
    Device(#[from] Error),
    /// It computed something else than the reference.
    #[error("{0}")]
    Wrong(String),
}

impl From<Difference> for Failure {
    fn from(difference: Difference) -> Self {
        Self::Wrong(difference.to_string())
    }
}

/// Makes tensors with guards on one device.
#[derive(Clone, Copy, Debug)]
pub struct Rig<'g> {
    /// The device.
    pub gpu: &'g Gpu,
    /// Where kernels read.
    pub memory: Memory,
}

impl Rig<'_> {
    /// A matrix with its values and zero padding.
    pub fn matrix(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
        let tensor = self.guarded(rows, cols, padded(rows), 0.0)?;
        tensor.write(self.gpu, values);
        Ok(tensor)
    }

    /// A vector with its values and zero padding.
    pub fn vector(&self, values: &[f32]) -> Result<Tensor> {
        let tensor = self.guarded(1, values.len(), 1, 0.0)?;
        tensor.write(self.gpu, values);
        Ok(tensor)
    }

    /// Indices.
    pub fn indices(&self, values: &[u32]) -> Result<Tensor> {
        let tensor = self.guarded(1, values.len(), 1, 0.0)?;
        self.gpu.queue.write_buffer(&tensor.buffer, 0, bytemuck::cast_slice(values));
        Ok(tensor)
    }

    /// A matrix for results, padding and all NaN.
    pub fn empty_matrix(&self, rows: usize, cols: usize) -> Result<Tensor> {
        self.guarded(rows, cols, padded(rows), f32::NAN)
    }

    /// A matrix for results that has no padding rows.
    pub fn empty_rows(&self, rows: usize, cols: usize) -> Result<Tensor> {
        self.guarded(rows, cols, rows, f32::NAN)
    }

    /// A vector for results, padding and all NaN.
    pub fn empty_vector(&self, len: usize) -> Result<Tensor> {
        self.guarded(1, len, 1, f32::NAN)
    }

    /// Room for the slices of a product, all NaN.
    pub fn scratch(&self) -> Result<Tensor> {
        const NUMBERS: usize = 1 << 17;
        self.empty_vector(NUMBERS)
    }

    fn guarded(&self, rows: usize, cols: usize, padded_rows: usize, fill: f32) -> Result<Tensor> {
        let len = padded_rows * padded(cols);
        let buffer = Storage::zeros(self.gpu, "tensor under test", len + GUARD)?;
        let mut words = vec![fill.to_bits(); len];
        words.resize(len + GUARD, GUARD_WORD);
        self.gpu.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&words));
        Ok(Tensor { buffer, offset: 0, rows, cols, padded_rows, bound: len + GUARD })
    }

    /// Records, runs and waits.
    pub fn run(&self, record: impl FnOnce(&mut Recorder<'_>) -> Result<()>) -> Result<()> {
        let mut recorder = Recorder::new(self.gpu);
        recorder.variant.memory = self.memory;
        recorder.workgroups = WORKGROUPS;
        record(&mut recorder)?;
        recorder.finish()?.run(self.gpu)?;
        self.gpu.finish()
    }

    /// The values of a tensor, or what is wrong with its guards or its padding.
    pub fn read(&self, tensor: &Tensor) -> Result<Vec<f32>, Failure> {
        let values = self.read_guarded(tensor)?;
        let mut inside = Vec::with_capacity(tensor.rows * tensor.cols);
        for (i, row) in values.chunks_exact(tensor.stride()).enumerate() {
            let used = if i < tensor.rows { tensor.cols } else { 0 };
            inside.extend_from_slice(&row[..used]);
            if let Some(j) = row[used..].iter().position(|&x| x != 0.0) {
                let (j, value) = (used + j, row[used + j]);
                return Err(Failure::Wrong(format!(
                    "padding at row {i}, column {j} is {value:e} instead of 0"
                )));
            }
        }
        Ok(inside)
    }

    /// The first `len` numbers of a tensor that need not be filled to its end, or what is wrong with its guards.
    pub fn read_first(&self, tensor: &Tensor, len: usize) -> Result<Vec<f32>, Failure> {
        let mut values = self.read_guarded(tensor)?;
        values.truncate(len);
        Ok(values)
    }

    fn read_guarded(&self, tensor: &Tensor) -> Result<Vec<f32>, Failure> {
        let mut values = read(self.gpu, &tensor.buffer, 0, tensor.bound)?;
        let guards = values.split_off(tensor.len());
        match guards.iter().position(|word| word.to_bits() != GUARD_WORD) {
            Some(i) => Err(Failure::Wrong(format!("word {i} behind the buffer was overwritten"))),
            None => Ok(values),
        }
    }
}
