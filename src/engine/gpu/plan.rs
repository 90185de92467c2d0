//! A plan: the recordings of an engine's steps as data, with the tensors and uniforms that a host in another language fills and
//! reads. `plan.json` is one. It is made on wgpu's backend that computes nothing, so that no adapter is needed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::memory::buffer::Tensor;
use super::memory::segment::Segment;
use super::recording::{DispatchPlan, LiveUniform, Recording, Resources, TensorPlan};
use crate::engine::variant::Variant;
use crate::error::Result;

/// The steps that a plan has recordings of: `cost`; `sgd` and `adam`, behind which ` batch` or another name of a list stands, then
/// ` with J` where they take it first; what a search of L-BFGS runs; and the checks of what is finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedSteps<'a> {
    /// Updates of SGD.
    pub sgd: bool,
    /// Updates of Adam.
    pub adam: bool,
    /// Whether there are updates over all examples in place.
    pub whole: bool,
    /// Name and length of the lists of examples that there are updates over.
    pub lists: &'a [(&'a str, usize)],
    /// A search of L-BFGS.
    pub search: bool,
}

impl PlannedSteps<'_> {
    /// Names of all rows that steps are over, as suffixes, and the lengths of those that are lists.
    pub fn rows(&self) -> impl Iterator<Item = (String, Option<usize>)> {
        let lists = self.lists.iter().map(|&(name, rows)| (format!(" {name}"), Some(rows)));
        self.whole.then(|| (String::new(), None)).into_iter().chain(lists)
    }

    /// The longest list.
    pub fn longest_list(&self) -> Option<usize> {
        self.lists.iter().map(|&(_, rows)| rows).max()
    }

    /// Whether there are updates.
    pub fn updates(&self) -> bool {
        self.sgd || self.adam
    }
}

/// The recordings of an engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The kernels of its products.
    pub variant: String,
    /// Hidden units of each block.
    pub blocks: Vec<usize>,
    /// Rows that are computed at a time.
    pub chunk: usize,
    /// Sizes of the buffers, in numbers of four bytes, all 0 at first.
    pub buffers: Vec<u64>,
    /// Bytes of the uniforms that are written before a run.
    pub uniforms: BTreeMap<String, u64>,
    /// What is uploaded or read back, by name; a tensor a block, a chunk or a part of the examples.
    pub tensors: BTreeMap<String, Vec<TensorPlan>>,
    /// The dispatches of each recording, in order.
    pub recordings: BTreeMap<String, Vec<DispatchPlan>>,
    /// Copies between tensors that follow a recording, `[from, to]`.
    pub copies: BTreeMap<String, Vec<[TensorPlan; 2]>>,
    /// How many dispatches of each recording wait for one before, the first counted: its levels.
    pub levels: BTreeMap<String, usize>,
}

/// Collects a plan.
#[derive(Debug, Default)]
pub(crate) struct Planner {
    resources: Resources,
    plan: Plan,
}

impl Planner {
    /// Adds tensors of one name.
    pub fn tensors<'a>(&mut self, name: &str, tensors: impl IntoIterator<Item = &'a Tensor>) {
        let described = tensors.into_iter().map(|tensor| self.resources.tensor(tensor)).collect();
        self.plan.tensors.insert(name.to_owned(), described);
    }

    /// Adds the tensors of a vector of the parameters' shape, by the names in model files behind a prefix.
    pub fn vector(&mut self, prefix: &str, segments: &[Segment]) {
        self.tensors(&format!("{prefix}encoder.weight"), segments.iter().map(|segment| &segment.w1));
        self.tensors(&format!("{prefix}encoder.bias"), segments.iter().map(|segment| &segment.b1));
        self.tensors(&format!("{prefix}decoder.weight"), segments.iter().map(|segment| &segment.d));
        self.tensors(
            &format!("{prefix}decoder.bias"),
            segments.iter().filter_map(|segment| segment.b2.as_ref()),
        );
    }

    /// Names uniforms, one a block.
    pub fn uniforms(&mut self, name: &str, uniforms: &[LiveUniform]) {
        for (number, uniform) in uniforms.iter().enumerate() {
            self.resources.name(format!("{name} {number}"), uniform);
        }
    }

    /// Adds a recording.
    pub fn recording(&mut self, name: &str, recording: &Recording) -> Result<()> {
        let dispatches = self.resources.recording(recording)?;
        self.plan.levels.insert(name.to_owned(), recording.levels());
        self.plan.recordings.insert(name.to_owned(), dispatches);
        Ok(())
    }

    /// Adds the copies behind a recording.
    pub fn copies(&mut self, name: &str, copies: impl IntoIterator<Item = (Tensor, Tensor)>) {
        let described =
            copies.into_iter().map(|(from, to)| [from, to].map(|tensor| self.resources.tensor(&tensor)));
        let described = described.collect();
        self.plan.copies.insert(name.to_owned(), described);
    }

    /// The plan of an engine with this cut.
    pub fn finish(self, variant: Variant, blocks: Vec<usize>, chunk: usize) -> Plan {
        let (buffers, uniforms) = (self.resources.buffers(), self.resources.live());
        Plan { variant: variant.to_string(), blocks, chunk, buffers, uniforms, ..self.plan }
    }
}
