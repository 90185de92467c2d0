//! Refusals where no plan fits: the numbers, and the settings that make the largest of them smaller.

use super::{MemoryPlan, default_run};
use crate::error::Error;
use crate::io::memory::Bytes;
use crate::run::config::{Config, SourceKind};

impl Config {
    /// That so many rows cannot be held.
    pub(super) fn too_many(&self, kind: SourceKind) -> Error {
        let rows = self.size(kind).map_or(0, |(rows, _)| rows.max(self.held_out_examples(kind)));
        let remedy = if kind.row_bytes().is_some() {
            "use `stream`, with another `device` than the reference"
        } else {
            "save them as .npy or safetensors, or give `raw`, so that they are streamed"
        };
        Error::usage(format!("{rows} rows: {} at most are held in memory; {remedy}", u32::MAX))
    }

    /// That a plan holds more than there is, this being the smallest one.
    pub(super) fn refused(&self, kind: SourceKind, plan: &MemoryPlan) -> Error {
        let bytes = |bytes: u64| Bytes(bytes).to_string();
        let parts = [
            ("parameters", plan.parameters),
            ("optimiser", plan.optimizer_state),
            ("activations", plan.activations),
            ("data", plan.data),
            ("order", plan.order),
            ("textures", plan.textures),
            ("start", plan.start),
            ("saving", plan.saving),
            ("validation", plan.validation),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, size)| *size > 0)
            .map(|(name, size)| format!("{name} {}", bytes(*size)))
            .collect();
        let least = format!("at least {} are needed ({})", bytes(plan.total), parts.join(", "));
        let there = bytes(plan.available.unwrap_or_default());
        let what = match self.memory {
            Some(_) => format!("`memory` {there}: {least}"),
            None => format!("{there} of memory are free, but {least}"),
        };
        let remedy = self.remedy(kind, plan);
        Error::usage(format!("{what}; {remedy}, or give `memory` {}", Bytes(plan.total).rounded_up()))
    }

    /// Settings that make the largest part of a plan smaller.
    fn remedy(&self, kind: SourceKind, plan: &MemoryPlan) -> String {
        let half = plan.total.saturating_sub(plan.program) / 2;
        if let (Some(chunk), Some(there)) = (self.chunk, plan.available)
            && !self.chosen.contains("chunk")
            && plan.activations + plan.data > half
        {
            let there = Bytes(there / 1_000_000 * 1_000_000);
            return format!(
                "the run was begun with {chunk} rows at a time: `memory` {} cuts its work anew, with the same result \
                 beyond rounding",
                String::from(there)
            );
        }
        let run = default_run(kind).filter(|run| self.shuffle_block.is_none_or(|given| given < *run));
        if let Some(run) = run.filter(|_| plan.order > half) {
            return format!("use `shuffle_block` {run}, which is another order");
        }
        if plan.data + plan.start + plan.validation > half && !plan.stream {
            return match kind {
                _ if self.may_stream(kind) => "use `stream`".to_owned(),
                _ => "use fewer `samples`, or rows in a .npy".to_owned(),
            };
        }
        // Windows of the order: their rows, and which of them wait.
        let windows = plan.data + plan.order;
        if let Some(run) = self.shuffle_block.filter(|run| *run > 1 && windows > half && plan.stream) {
            return format!("lower `shuffle_block` {run}, which is another order, or `batch`");
        }
        format!("lower `hidden` {}, `batch` or `chunk`, or use `optimizer` sgd", plan.hidden)
    }
}
