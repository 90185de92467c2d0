//! What was measured, in tables for people.

use super::tasks::Bench;

/// Causes and remedies of what may be wrong with the numbers.
pub fn warnings(_: &Bench) -> Vec<String> {
    Vec::new()
}

/// All tables.
pub fn text(bench: &Bench, _markdown: bool) -> String {
    bench
        .rows
        .iter()
        .map(|row| {
            format!(
                "{:40} {:?} ms {:?} GFLOP/s {:?} GB/s {:?} {:?}",
                row.name(),
                row.median_ms,
                row.gflops,
                row.gbytes_per_second,
                row.share_of_ceiling,
                row.share_of_step
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}
