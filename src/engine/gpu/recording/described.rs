//! A recording as data: what another host needs to run the same dispatches, and how many of them wait for each other.

use std::collections::BTreeMap;

use serde::Serialize;

use super::recorder::UniformSource;
use super::{Recorded, Recording, fold};
use crate::engine::gpu::kernel::Access;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::LiveUniform;
use crate::error::{Error, Result};

/// A dispatch of a recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DispatchPlan {
    /// In `kernels.json`.
    pub kernel: &'static str,
    /// Values of its constants.
    pub constants: BTreeMap<&'static str, f64>,
    /// Binding 0.
    pub uniform: UniformPlan,
    /// The other bindings.
    pub bindings: Vec<BindingPlan>,
    /// Workgroups in x and y.
    pub workgroups: [u32; 2],
    /// Workgroups in all, which may be a few less: a host that parts a dispatch cuts these.
    pub groups: u32,
    /// Work in multiply-adds, of which a submission may hold only so much.
    pub work: f64,
}

/// The uniform of a dispatch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UniformPlan {
    /// These 32-bit words.
    Words(Vec<u32>),
    /// The buffer of this name, which is written before each run.
    Live(String),
}

/// A bound range of a buffer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BindingPlan {
    /// `@binding`.
    pub binding: u32,
    /// `read` or `read_write`.
    pub access: &'static str,
    /// Index of the buffer.
    pub buffer: usize,
    /// Its first number.
    pub offset: usize,
    /// Numbers.
    pub numbers: usize,
}

/// A tensor, zero-padded to `stride` numbers a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorPlan {
    /// Index of the buffer.
    pub buffer: usize,
    /// Its first number.
    pub offset: usize,
    /// Rows that mean something.
    pub rows: usize,
    /// Columns that mean something.
    pub cols: usize,
    /// Numbers from one row to the next.
    pub stride: usize,
}

/// The buffers and live uniforms of recordings, by number and by name.
#[derive(Debug, Default)]
pub struct Resources {
    buffers: Vec<wgpu::Buffer>,
    live: Vec<(String, LiveUniform)>,
}

impl Resources {
    /// Sizes of the buffers so far, in numbers.
    pub fn buffers(&self) -> Vec<u64> {
        self.buffers.iter().map(|buffer| buffer.size() / 4).collect()
    }

    /// Names a uniform that is written before each run.
    pub fn name(&mut self, name: String, uniform: &LiveUniform) {
        self.live.push((name, uniform.clone()));
    }

    /// Names and bytes of those uniforms.
    pub fn live(&self) -> BTreeMap<String, u64> {
        self.live.iter().map(|(name, uniform)| (name.clone(), uniform.buffer.size())).collect()
    }

    /// The number of a buffer, given at its first use.
    pub fn number(&mut self, buffer: &wgpu::Buffer) -> usize {
        self.buffers.iter().position(|known| known == buffer).unwrap_or_else(|| {
            self.buffers.push(buffer.clone());
            self.buffers.len() - 1
        })
    }

    /// A tensor.
    pub fn tensor(&mut self, tensor: &Tensor) -> TensorPlan {
        let buffer = self.number(&tensor.buffer);
        let Tensor { offset, rows, cols, .. } = *tensor;
        TensorPlan { buffer, offset, rows, cols, stride: tensor.stride() }
    }

    /// The dispatches of a recording.
    ///
    /// # Errors
    /// For kernels that read textures, which another host would have to fill.
    pub fn recording(&mut self, recording: &Recording) -> Result<Vec<DispatchPlan>> {
        recording.commands.iter().map(|command| self.dispatch(command)).collect()
    }

    fn dispatch(&mut self, command: &Recorded) -> Result<DispatchPlan> {
        let Recorded::Dispatch { kernel, special, uniform, tensors, groups, work, .. } = command else {
            return Err(Error::usage("a plan is of kernels that read buffers, not textures"));
        };
        let bindings = tensors.iter().zip(kernel.tensors()).map(|(tensor, binding)| BindingPlan {
            binding: binding.number,
            access: binding.access.name(),
            buffer: self.number(&tensor.buffer),
            offset: tensor.offset,
            numbers: tensor.bound,
        });
        let bindings = bindings.collect();
        let uniform = match uniform {
            UniformSource::Fixed(words) => UniformPlan::Words(words.clone()),
            UniformSource::Live(live) => {
                let named = self.live.iter().find(|(_, known)| known.buffer == live.buffer);
                UniformPlan::Live(named.expect("live uniforms are named first").0.clone())
            }
        };
        Ok(DispatchPlan {
            kernel: kernel.name,
            constants: kernel.values(*special).into_iter().collect(),
            uniform,
            bindings,
            workgroups: fold(&(0..*groups), *groups),
            groups: *groups,
            work: *work,
        })
    }
}

impl Recording {
    /// Levels: dispatches that wgpu lets run side by side count as one.
    pub fn levels(&self) -> usize {
        let bound = self.commands.iter().filter_map(|command| match command {
            Recorded::Dispatch { kernel, tensors, .. } => {
                let bindings = tensors.iter().zip(kernel.tensors());
                let buffers = bindings.filter(|(_, binding)| binding.access != Access::Texture);
                Some(buffers.map(|(tensor, binding)| (&*tensor.buffer, binding.access)).collect())
            }
            Recorded::Fill { .. } => None,
        });
        levels(bound)
    }
}

/// Levels of dispatches that bind these buffers. wgpu puts a barrier before one that binds a buffer in another way than the
/// one before that bound it, or again for writing, whatever the ranges are.
fn levels<B: PartialEq>(dispatches: impl Iterator<Item = Vec<(B, Access)>>) -> usize {
    let mut used: Vec<(B, Access)> = Vec::new();
    let mut levels = 0;
    for bound in dispatches {
        let mut waits = levels == 0;
        for (buffer, access) in bound {
            match used.iter_mut().find(|(known, _)| *known == buffer) {
                Some((_, before)) => {
                    waits |= *before != access || access == Access::Write;
                    *before = access;
                }
                None => used.push((buffer, access)),
            }
        }
        levels += usize::from(waits);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dispatch_waits_for_what_it_reads_and_for_what_it_writes_again() {
        let [read, write] = [Access::Read, Access::Write];
        let count = |dispatches: &[&[(char, Access)]]| levels(dispatches.iter().map(|bound| bound.to_vec()));
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[&[('x', read)], &[('x', read), ('x', read)]]), 1, "nobody writes");
        assert_eq!(
            count(&[&[('x', read), ('a', write)], &[('x', read), ('b', write)]]),
            1,
            "others are written"
        );
        assert_eq!(count(&[&[('a', write)], &[('a', read)], &[('a', read)]]), 2, "written, then read twice");
        assert_eq!(count(&[&[('a', write)], &[('a', write)]]), 2, "written twice");
        assert_eq!(count(&[&[('a', read)], &[('a', write)]]), 2, "read, then written");
        // Each buffer has a barrier of its own.
        assert_eq!(count(&[&[('a', write)], &[('b', write)], &[('a', read)], &[('b', read)]]), 3);
    }
}
