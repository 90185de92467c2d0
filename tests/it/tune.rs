//! The choice of kernels on the software adapter: raced when asked, remembered, and never a wrong one.

mod gpus;

use std::fs;

use rhohat::engine::Chunking;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::memory::partition::Partition;
use rhohat::engine::gpu::tune::cache::{Cache, Key};
use rhohat::engine::gpu::tune::candidate::{Candidate, Fault, Status};
use rhohat::engine::gpu::tune::products::{ProductSize, Products};
use rhohat::engine::gpu::tune::race::{BUDGET, race};
use rhohat::engine::gpu::tune::{Origin, Tune, TuneMode, Workload, choose};
use rhohat::engine::variant::{Product, Variant};
use rhohat::math::params::Shape;
use rhohat::math::transpose::Transpose;
use rhohat::verify::kernels::{check_candidate, check_products};
use tempfile::tempdir;

use crate::support;

const SHAPE: Shape = Shape { visible: 100, hidden: 40 };
const WORK: Workload = Workload {
    shape: SHAPE,
    examples: 700,
    batch: None,
    cut: Chunking { chunk: None, block: None, binding_limit: None },
};
const SIZE: ProductSize = ProductSize { visible: 100, hidden: 40, rows: 700 };

fn chosen(gpu: &Gpu, work: &Workload, mode: TuneMode, cache: &Cache) -> (Variant, Origin) {
    let kernels = choose(gpu, work, Tune { mode, check: check_candidate }, cache).unwrap();
    assert_eq!(gpu.variant(), kernels.variant, "what is chosen is recorded from now on");
    (kernels.variant, kernels.chosen)
}

#[test]
fn a_race_is_run_once_for_a_shape_and_again_when_asked() {
    let Some(gpu) = support::software("a_race_is_run_once_for_a_shape_and_again_when_asked") else { return };
    let folder = tempdir().unwrap();
    let (cache, file) = (Cache::at(folder.path()), folder.path().join("kernels.json"));
    let by_kind = (Variant::preselected(&gpu, None), Origin::Preselected);
    assert_eq!(
        chosen(&gpu, &WORK, TuneMode::Auto, &cache),
        by_kind,
        "software adapters are not raced unasked"
    );
    assert!(!file.exists());

    let (winner, origin) = chosen(&gpu, &WORK, TuneMode::Always, &cache);
    assert_eq!(origin, Origin::Raced);
    assert_eq!(chosen(&gpu, &WORK, TuneMode::Auto, &cache), (winner, Origin::Cached));

    // Another one than the race has chosen, so that it can only come from the file.
    let others = ["direct+tiled+direct/buffers", "tiled+direct+direct/buffers"];
    let slowest = others.into_iter().find(|other| *other != winner.to_string()).unwrap();
    let kept = fs::read_to_string(&file).unwrap();
    let edited = kept.replace(&format!("\"variant\": \"{winner}\""), &format!("\"variant\": \"{slowest}\""));
    assert_ne!(edited, kept);
    fs::write(&file, &edited).unwrap();
    assert_eq!(chosen(&gpu, &WORK, TuneMode::Auto, &cache), (slowest.parse().unwrap(), Origin::Cached));
    for other in [Workload { examples: 701, ..WORK }, Workload { batch: Some(50), ..WORK }] {
        assert_eq!(chosen(&gpu, &other, TuneMode::Auto, &cache), by_kind, "another shape");
    }
    assert_eq!(chosen(&gpu, &WORK, TuneMode::Never, &cache), by_kind);
    assert_eq!(fs::read_to_string(&file).unwrap(), edited, "--no-tune leaves the cache alone");

    let (again, origin) = chosen(&gpu, &WORK, TuneMode::Always, &cache);
    assert_eq!(origin, Origin::Raced);
    assert_eq!(chosen(&gpu, &WORK, TuneMode::Auto, &cache), (again, Origin::Cached));
}

#[test]
fn the_key_names_adapter_driver_kernels_and_the_shape_of_the_products() {
    let Some(gpu) = support::software("the_key_names_adapter") else { return };
    let key = Key::of(&gpu.adapter, SIZE);
    assert_eq!(key, Key::of(&gpu.adapter, SIZE));
    assert_eq!((key.visible, key.hidden, key.rows), (100, 40, 700));
    let platform = key.platform;
    assert_eq!(platform.adapter, gpu.adapter.info.name);
    let driver = &gpu.adapter.info.driver_info;
    assert!(platform.driver.contains(driver) && platform.kernels.len() == 16, "{platform:?}");
}

/// The check of `verify`, with another verdict on one kernel of A·Bᵀ.
fn doubting(gpu: &Gpu, candidate: Candidate, blocks: usize) -> Result<(), Fault> {
    check_candidate(gpu, candidate, blocks)?;
    let doubted = Candidate::of(Variant::preselected(gpu, None), Transpose::Nt);
    if candidate == doubted { Err(Fault::Wrong("element 3 is 7".to_owned())) } else { Ok(()) }
}

#[test]
fn what_is_wrong_on_the_device_loses_although_it_would_win() {
    let Some(gpu) = support::software("what_is_wrong_on_the_device_loses") else { return };
    let layout = Partition::new(&gpu, SHAPE, 700, Chunking::default()).unwrap();
    let favourite = Variant::preselected(&gpu, None);
    let doubted = Candidate::of(favourite, Transpose::Nt);
    let mut products = Products::new(&gpu, &layout, SIZE, doubting).unwrap();
    let direct = Variant::PLAIN;
    let result = race(&mut products, &[favourite, direct], favourite, &[]).unwrap();
    assert_eq!(result.variant, Some(direct));
    let timing = result.timings.iter().find(|timing| timing.candidate == doubted).unwrap();
    assert_eq!(timing.status, Status::Faulty(Fault::Wrong("element 3 is 7".to_owned())));
    // The last measurement may overdraw it, on a machine that stops for a moment.
    assert!(result.spent < 2.0 * BUDGET, "{} s", result.spent);
}

#[test]
fn every_kernel_passes_the_check_of_the_race() {
    let Some(gpu) = support::software("every_kernel_passes_the_check_of_the_race") else { return };
    for transpose in Transpose::ALL {
        for product in Product::ALL {
            check_products(&gpu, transpose, product, 2).unwrap();
        }
    }
}
