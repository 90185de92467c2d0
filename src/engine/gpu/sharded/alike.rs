//! Ranks that compute alike. Each computes b2, J and all decisions by itself, and another kernel, another driver or
//! another cut of rows would round otherwise: the ranks would drift apart without a sign.

use crate::engine::collective::Ranks;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::partition::Partition;
use crate::error::{Error, Result};

/// Bytes of what each rank tells of itself.
const ROOM: usize = 384;

/// Refuses ranks whose bits can differ: in kernels, in the cut, or in the device.
///
/// # Errors
/// [`Error::Usage`] on every rank, with the two that differ; those of the exchange.
pub(super) fn check(ranks: &mut Ranks, gpu: &Gpu, partition: &Partition) -> Result<()> {
    let Partition { variant, workgroups, limit, chunk, widest, .. } = partition;
    let own = format!(
        "{variant}, chunks of {chunk} rows, blocks of {widest} units, bindings of {limit} numbers, {workgroups} workgroups, {}",
        gpu.adapter.description()
    );
    let mut bytes = [0; ROOM];
    bytes.iter_mut().zip(own.bytes()).for_each(|(to, from)| *to = from);
    let all = ranks.all(&bytes, |_| ROOM)?;
    let told = |rank: usize| &all[rank * ROOM..(rank + 1) * ROOM];
    match (1..ranks.size()).find(|&rank| told(rank) != told(0)) {
        None => Ok(()),
        Some(rank) => {
            let [first, other] = [0, rank].map(|rank| String::from_utf8_lossy(told(rank)).into_owned());
            let [first, other] = [&first, &other].map(|text| text.trim_end_matches('\0'));
            Err(Error::usage(format!(
                "rank 0 computes by {first}, rank {rank} by {other}: they round otherwise, and what all ranks hold alike would \
                 drift apart; give every rank the same kind of `device`, `force_variant`, `chunk` and `block`"
            )))
        }
    }
}
