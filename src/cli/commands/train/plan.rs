//! The memory plan in words.

use crate::io::text::plural;
use crate::run::config::MemoryPlan;
use indicatif::{HumanBytes, HumanCount};

/// Whether a run is cut by its memory, or takes more than half of what there is.
pub fn is_close(plan: &MemoryPlan) -> bool {
    let is_cut = plan.stream || plan.recomputes || plan.chunk < plan.examples || plan.block < plan.hidden;
    is_cut || plan.available.is_some_and(|there| plan.total > there / 2)
}

/// The plan in a line.
pub fn line(plan: &MemoryPlan) -> String {
    let of = plan.available.map(|there| format!(" of {}", HumanBytes(there))).unwrap_or_default();
    let rows = if plan.stream { ", rows read as they are needed" } else { "" };
    format!("memory: {}{of}; {}{rows}", HumanBytes(plan.total), cut_text(plan))
}

/// How the work is cut.
fn cut_text(plan: &MemoryPlan) -> String {
    let again = if plan.recomputes { ", activations computed twice" } else { "" };
    format!(
        "{} {} and {} hidden {} at a time{again}",
        HumanCount(plan.chunk as u64),
        plural(plan.chunk, "row"),
        HumanCount(plan.block as u64),
        plural(plan.block, "unit"),
    )
}

/// The plan as a table.
pub fn text(plan: &MemoryPlan) -> String {
    let data = if plan.stream { "rows on their way" } else { "data" };
    let parts = [
        ("parameters", plan.parameters),
        ("optimiser", plan.optimizer_state),
        ("activations", plan.activations),
        (data, plan.data),
        ("order", plan.order),
        ("textures", plan.textures),
        ("start", plan.start),
        ("saving", plan.saving),
        ("pictures", plan.pictures),
        ("columns", plan.columns),
        ("validation", plan.validation),
        ("program", plan.program),
    ];
    let mut text =
        format!("{} examples, {} visible, {} hidden units", plan.examples, plan.visible, plan.hidden);
    for (name, bytes) in parts.into_iter().filter(|(_, bytes)| *bytes > 0).chain([("total", plan.total)]) {
        text += &format!("\n{name:18} {:>12}", HumanBytes(bytes).to_string());
    }
    if let Some(there) = plan.available {
        text += &format!("\n{:18} {:>12}", "free", HumanBytes(there).to_string());
    }
    text + &format!("\n{}", cut_text(plan))
}
