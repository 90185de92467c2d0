//! The memory plan of a rank, against what its device says that it holds.

use std::sync::Arc;

use rhohat::engine::collective::Ranks;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::{Chunking, Job, Sharding};
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::Shape;
use rhohat::train::{Recipe, train};
use rhohat::verify::steps::Problem;

use super::software;
use crate::cpu::cases::PAIRS;
use crate::sharded::bits::recipe;
use crate::sharded::{on_all, ranks};

/// Allocations of a device that no plan counts: small ones of recordings, of the queue and of wgpu.
const ASIDE: [&str; 6] = ["uniforms", "uploads", "largest exponents", "lists", "places", "terms"];

/// Bytes that an adapter may round a buffer up by: in all less than the smallest tensor of a unit's numbers.
const ROUNDED: u64 = 64;

#[test]
fn a_rank_holds_what_its_plan_says() {
    let Some((gpu, _)) = software("memory plans of ranks") else { return };
    let problem = Problem::of_shape(PAIRS[0], Shape { visible: 40, hidden: 3_001 }, 200, 9);
    for (optimizer, batch, chunk) in
        [(Optimizer::Sgd, Some(50), None), (Optimizer::Adam, None, Some(64)), (Optimizer::Lbfgs, None, None)]
    {
        let cut = Chunking { chunk, ..Chunking::default() };
        let shape = problem.params.shape;
        let (fetched, row_bytes, kernels) = (None, 0, None);
        let sharding = Sharding { ranks: 2, shards: 4, here: 1 };
        let job = Job { shape, examples: 200, batch, optimizer, cut, fetched, row_bytes, kernels, sharding };
        let devices: Vec<Arc<Gpu>> = (0..2).map(|_| Arc::new(gpu.another().unwrap())).collect();
        on_all(ranks(2), |rank| {
            let own = &devices[rank.rank()];
            // Without textures, whose sizes an adapter rounds up.
            own.force("direct/buffers".parse().unwrap()).unwrap();
            let choice = Choice::Gpu(Arc::clone(own));
            let held = || {
                let report = own.device.generate_allocator_report().expect("Vulkan reports");
                let is_planned = |name: &str| !name.starts_with("(wgpu") && !ASIDE.contains(&name);
                let planned =
                    report.allocations.into_iter().filter(|allocation| is_planned(&allocation.name));
                planned.fold((0, 0), |(sum, count), allocation| (sum + allocation.size, count + 1))
            };
            let ranks = Ranks::new(rank, 4).unwrap();
            let (plan, footprint) = choice.footprint_of_rank(&job, &ranks.own_shards()).unwrap();
            let before = held();
            let setup = Setup { objective: problem.objective, cut, ..Setup::default() };
            let start = (problem.params.clone(), problem.data.clone());
            let mut engine = choice.open_sharded(&setup, ranks, &start).unwrap();
            assert_eq!(engine.plan(), plan);
            let descent = DescentConfig { batch, ..DescentConfig::constant(1e-3) };
            let optimizer = OptimizerConfig::of(optimizer, 0.9, descent);
            train(&mut *engine, &Recipe { optimizer, steps: 2, ..recipe(job.optimizer) }, &mut ()).unwrap();
            let after = held();
            // Z3 comes back through memory of the queue, which is gone again.
            let back = (plan.chunk * 40 * 4) as u64;
            let (found, buffers) = (after.0 - before.0 + back, after.1 - before.1);
            let planned = footprint.total()..=footprint.total() + ROUNDED * buffers;
            assert!(
                planned.contains(&found),
                "{optimizer:?}: {found} bytes in {buffers} buffers, {footprint:?}"
            );
        });
    }
}

#[test]
fn a_plan_of_a_rank_is_refused_as_its_engine_is() {
    let Some((_, choice)) = software("refused plans of ranks") else { return };
    let shape = Shape { visible: 4, hidden: 3 };
    let (optimizer, cut) = (Optimizer::Sgd, Chunking::default());
    let (batch, fetched, row_bytes, kernels) = (None, None, 0, None);
    let job = |shards| {
        let sharding = Sharding { ranks: 1, shards, here: 1 };
        Job { shape, examples: 9, batch, optimizer, cut, fetched, row_bytes, kernels, sharding }
    };
    for choice in [choice.clone(), Choice::Cpu, Choice::Reference] {
        let text = choice.footprint_of_rank(&job(4), &(0..4)).unwrap_err().to_string();
        assert!(text.contains("`hidden` 3 in 4 shards"), "{text}");
    }
    assert_eq!(choice.footprint_of_rank(&job(1), &(0..1)).unwrap(), choice.footprint(&job(1)).unwrap());
}
