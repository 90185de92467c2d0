//! The memory plan of the engine: the sum of all that it allocates for a job.

use super::device::Gpu;
use super::memory::allocation::{Allocation, footprint as sum};
use super::memory::partition::Partition;
use super::step::examples::DeviceRows;
use super::step::fetch::Fetcher;
use super::step::first_order::FirstOrder;
use super::step::lbfgs::LbfgsSearch;
use super::step::list::BatchList;
use super::step::resident::Resident;
use crate::engine::{ChunkPlan, Job};
use crate::error::Result;
use crate::io::memory::Footprint;
use crate::math::optim::Optimizer;
use crate::math::optim::lbfgs::HISTORY;

/// The cut of a job on a device, and the bytes that are held then.
///
/// # Errors
/// When the shape does not fit the bindings of the device.
pub fn footprint(gpu: &Gpu, job: &Job) -> Result<(ChunkPlan, Footprint)> {
    let mut partition = Partition::new(gpu, job.shape, job.examples, job.cut)?;
    partition.variant = job.kernels.unwrap_or(partition.variant);
    let update = job.batch.unwrap_or(job.examples);
    let tensors = Resident::allocations(&partition, (job.examples, job.fetched.is_none()), update);
    let all = tensors.into_iter().chain(of_optimizer(&partition, job)).chain(of_rows(&partition, job));
    let mut footprint = sum(all, partition.variant.memory);
    footprint.data += on_host(&partition, job);
    Ok((partition.plan(), footprint))
}

fn of_optimizer(partition: &Partition, job: &Job) -> Vec<Allocation> {
    if job.optimizer == Optimizer::Lbfgs {
        return LbfgsSearch::allocations(partition, HISTORY).into();
    }
    let moments = (0..job.optimizer.moments()).map(|_| FirstOrder::moment(partition));
    FirstOrder::allocations(partition, job.batch.unwrap_or(job.examples)).into_iter().chain(moments).collect()
}

/// Those of the examples, or of a chunk of those that are fetched.
pub(crate) fn of_rows(partition: &Partition, job: &Job) -> Vec<Allocation> {
    let mut tensors = Vec::new();
    if job.fetched.is_some() {
        tensors.extend(DeviceRows::chunk(partition));
        tensors.extend(bytes_of_codes(job).into_iter().flat_map(|bytes| Fetcher::codes(partition, bytes)));
    } else {
        tensors.extend(DeviceRows::resident(partition, job.examples));
        let rows = job.batch.map(|rows| rows.min(job.examples));
        tensors.extend(rows.into_iter().flat_map(|rows| BatchList::allocations(partition, rows)));
    }
    tensors
}

/// Bytes of a code, where rows are fetched as codes.
fn bytes_of_codes(job: &Job) -> Option<usize> {
    let bytes = job.row_bytes.div_ceil(job.shape.visible);
    (1..=2).contains(&bytes).then_some(bytes)
}

/// Bytes of fetched rows that the host holds: those that wait to be taken, and a chunk as it is read, which takes it two
/// or three times, and as it is uploaded.
pub(crate) fn on_host(partition: &Partition, job: &Job) -> u64 {
    let Some(waiting) = job.fetched else { return 0 };
    let times = if bytes_of_codes(job).is_some() { 2 } else { 3 };
    (waiting + partition.chunk * (times * job.row_bytes + 4 * job.shape.visible)) as u64
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;
    use wgpu::DeviceType;

    use super::*;
    use crate::engine::Chunking;
    use crate::engine::Sharding;
    use crate::engine::gpu::device::adapter::inert;
    use crate::engine::gpu::tune::cache::Cache;
    use crate::engine::gpu::tune::{Tune, TuneMode, Workload, choose, expected};
    use crate::engine::variant::{Memory, Product, Variant};
    use crate::math::params::Shape;

    /// Shapes whose kernels on a discrete GPU are not `tiled`, and examples with the rows of an update.
    const WORK: [(Shape, usize, Option<usize>); 3] = [
        (Shape { visible: 64, hidden: 25 }, 10_000, None),
        (Shape { visible: 784, hidden: 196 }, 10_000, Some(250)),
        (Shape { visible: 784, hidden: 1_024 }, 512, None),
    ];

    #[test]
    fn memory_is_planned_for_the_kernels_that_are_chosen_later() {
        let nowhere = tempdir().unwrap();
        for (shape, examples, batch) in WORK {
            let mut adapter = inert().unwrap();
            adapter.info.device_type = DeviceType::DiscreteGpu;
            let gpu = Gpu::open(adapter).unwrap();
            let cut = Chunking::default();
            let work = Workload { shape, examples, batch, cut };
            let planned = |kernels| {
                let optimizer = Optimizer::Sgd;
                let job = Job {
                    shape,
                    examples,
                    batch,
                    optimizer,
                    cut,
                    fetched: None,
                    row_bytes: 0,
                    kernels,
                    sharding: Sharding::NONE,
                };
                footprint(&gpu, &job).unwrap()
            };
            let before = planned(Some(expected(&gpu, &work).unwrap()));
            let tune = Tune { mode: TuneMode::Never, check: |_, _, _| Ok(()) };
            choose(&gpu, &work, tune, &Cache::at(nowhere.path())).unwrap();
            assert_eq!(before, planned(None), "{work:?}");
            assert_ne!(before, planned(Some(Variant::of(Product::Tiled, Memory::Buffers))), "{work:?}");
        }
    }

    #[test]
    fn kernels_that_were_forced_are_those_that_are_expected() {
        let gpu = Gpu::open(inert().unwrap()).unwrap();
        let (shape, examples, batch) = WORK[0];
        let work = Workload { shape, examples, batch, cut: Chunking::default() };
        for variant in ["direct/buffers", "tiled64x64/buffers"] {
            let variant = variant.parse().unwrap();
            gpu.force(variant).unwrap();
            assert_eq!(expected(&gpu, &work).unwrap(), variant);
        }
    }
}
