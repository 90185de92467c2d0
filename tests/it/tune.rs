//! The choice of kernels on the software adapter: raced when asked, remembered, and never a wrong one.

use std::fs;

use rhohat::engine::Cut;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::kernel::Memory;
use rhohat::engine::gpu::kernel::variant::{Product, Variant};
use rhohat::engine::gpu::memory::layout::Layout;
use rhohat::engine::gpu::tune::cache::{Cache, Key};
use rhohat::engine::gpu::tune::course::{Piece, Products};
use rhohat::engine::gpu::tune::race::{BUDGET, Course, Lane, Place, race};
use rhohat::engine::gpu::tune::{Job, Origin, Tune, choose};
use rhohat::error::Result;
use rhohat::math::params::Shape;
use rhohat::verify::kernels::check_form;
use rhohat::verify::rig::{Failure, Rig};
use rhohat::verify::running_error::kernels::Form;
use tempfile::tempdir;

use crate::support;

const SHAPE: Shape = Shape { visible: 100, hidden: 40 };
const JOB: Job = Job {
    shape: SHAPE,
    examples: 700,
    batch: None,
    cut: Cut { chunk: None, block: None, binding_limit: None },
};
const PIECE: Piece = Piece { visible: 100, hidden: 40, rows: 700 };

fn chosen(gpu: &Gpu, job: &Job, how: Tune, cache: &Cache) -> (Variant, Origin) {
    let kernels = choose(gpu, job, how, cache).unwrap();
    assert_eq!(gpu.variant(), kernels.variant, "what is chosen is recorded from now on");
    (kernels.variant, kernels.chosen)
}

#[test]
fn a_race_is_run_once_for_a_shape_and_again_when_asked() {
    let Some(gpu) = support::software("a_race_is_run_once_for_a_shape_and_again_when_asked") else { return };
    let folder = tempdir().unwrap();
    let (cache, file) = (Cache::at(folder.path()), folder.path().join("kernels.json"));
    let by_kind = (Variant::preselected(&gpu), Origin::Preselected);
    assert_eq!(chosen(&gpu, &JOB, Tune::Auto, &cache), by_kind, "software adapters are not raced unasked");
    assert!(!file.exists());

    let (winner, origin) = chosen(&gpu, &JOB, Tune::Always, &cache);
    assert_eq!(origin, Origin::Raced);
    assert_eq!(chosen(&gpu, &JOB, Tune::Auto, &cache), (winner, Origin::Cached));

    // No race would choose this, so that it can only come from the file.
    let slowest = "direct+tiled+direct/buffers";
    let kept = fs::read_to_string(&file).unwrap();
    let edited = kept.replace(&format!("\"variant\": \"{winner}\""), &format!("\"variant\": \"{slowest}\""));
    assert_ne!(edited, kept);
    fs::write(&file, &edited).unwrap();
    assert_eq!(chosen(&gpu, &JOB, Tune::Auto, &cache), (slowest.parse().unwrap(), Origin::Cached));
    for other in [Job { examples: 701, ..JOB }, Job { batch: Some(50), ..JOB }] {
        assert_eq!(chosen(&gpu, &other, Tune::Auto, &cache), by_kind, "another shape");
    }
    assert_eq!(chosen(&gpu, &JOB, Tune::Never, &cache), by_kind);
    assert_eq!(fs::read_to_string(&file).unwrap(), edited, "--no-tune leaves the cache alone");

    let (again, origin) = chosen(&gpu, &JOB, Tune::Always, &cache);
    assert_eq!((again == slowest.parse().unwrap(), origin), (false, Origin::Raced));
    assert_eq!(chosen(&gpu, &JOB, Tune::Auto, &cache), (again, Origin::Cached));
}

#[test]
fn the_key_names_adapter_driver_kernels_and_the_shape_of_the_products() {
    let Some(gpu) = support::software("the_key_names_adapter") else { return };
    let key = Key::of(&gpu.adapter, PIECE);
    assert_eq!(key, Key::of(&gpu.adapter, PIECE));
    assert_eq!((key.visible, key.hidden, key.rows), (100, 40, 700));
    assert_eq!(key.adapter, gpu.adapter.info.name);
    assert!(key.driver.contains(&gpu.adapter.info.driver_info) && key.kernels.len() == 16, "{key:?}");
}

/// The products of the device, of which one is said to be wrong.
struct Doubted<'g>(Products<'g>, Lane);

impl Course for Doubted<'_> {
    fn check(&mut self, lane: Lane) -> Result<(), Failure> {
        self.0.check(lane)?;
        if lane == self.1 { Err(Failure::Wrong("element 3 is 7".to_owned())) } else { Ok(()) }
    }

    fn elapsed(&self) -> f64 {
        self.0.elapsed()
    }

    fn time(&mut self, lane: Lane, count: usize) -> Result<f64> {
        assert_ne!(lane, self.1, "what is wrong is not timed");
        self.0.time(lane, count)
    }

    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>> {
        self.0.enlarge(growth)
    }
}

#[test]
fn what_is_wrong_on_the_device_loses_although_it_would_win() {
    let Some(gpu) = support::software("what_is_wrong_on_the_device_loses") else { return };
    let layout = Layout::new(&gpu, SHAPE, 700, Cut::default()).unwrap();
    let favourite = Variant::preselected(&gpu);
    let doubted = Lane { form: Form::Nt, product: favourite.nt, memory: favourite.memory };
    let mut course = Doubted(Products::new(&gpu, &layout, PIECE).unwrap(), doubted);
    let direct = Variant::of(Product::Direct, Memory::Textures);
    let finish = race(&mut course, &[favourite, direct], favourite).unwrap();
    assert_eq!(finish.variant.map(|winner| winner.nt), Some(Product::Direct));
    assert!(finish.laps.iter().any(|lap| lap.lane == doubted && matches!(lap.place, Place::Wrong(_))));
    // The last measurement may overdraw it, on a machine that stops for a moment.
    assert!(finish.spent < 2.0 * BUDGET, "{} s", finish.spent);
}

#[test]
fn every_kernel_passes_the_check_of_the_race() {
    let Some(gpu) = support::software("every_kernel_passes_the_check_of_the_race") else { return };
    for memory in [Memory::Buffers, Memory::Textures] {
        for form in [Form::Nt, Form::Nn, Form::Tn] {
            for product in Product::ALL {
                check_form(Rig { gpu: &gpu, memory }, form, product, 2).unwrap();
            }
        }
    }
}
