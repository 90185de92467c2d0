//! The choice of kernels on GPUs: the preselected ones are checked, once an adapter, and raced only where asked for or where
//! one is faulty. The device is wgpu's that computes nothing, with made-up checks, and once the software adapter.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rhohat::data::Scale;
use rhohat::engine::Chunking;
use rhohat::engine::device::Choice;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::device::adapter::inert;
use rhohat::engine::gpu::tune::cache::Cache;
use rhohat::engine::gpu::tune::candidate::{Candidate, CandidateCheck, Fault};
use rhohat::engine::gpu::tune::{Kernels, Origin, Tune, TuneMode, Workload, choose};
use rhohat::engine::variant::{Product, Variant};
use rhohat::math::params::Shape;
use rhohat::math::transpose::Transpose;
use rhohat::run::config::{Config, ConfigContext, SourceKind, UserSettings};
use rhohat::verify::kernels::check_candidate;
use tempfile::tempdir;
use wgpu::DeviceType;

use super::{WORK, support};

/// Kernels of [`WORK`] on a discrete GPU.
const PRESELECTED: &str = "tiled32x32/buffers";
/// Work for which one of three kernels is another, and those.
const OTHER_WORK: Workload = Workload { shape: Shape { visible: 784, hidden: 196 }, examples: 1_000, ..WORK };
const OTHERS: &str = "tiled32x32+tiled64x64+tiled32x32/buffers";

thread_local! {
    /// What the checks here were asked for, with the number of hidden blocks.
    static CHECKED: RefCell<Vec<(Candidate, usize)>> = const { RefCell::new(Vec::new()) };
}

fn asked_for(candidate: Candidate, blocks: usize) {
    CHECKED.with_borrow_mut(|checked| checked.push((candidate, blocks)));
}

fn all_right(_: &Gpu, candidate: Candidate, blocks: usize) -> Result<(), Fault> {
    asked_for(candidate, blocks);
    Ok(())
}

fn nothing_right(_: &Gpu, candidate: Candidate, blocks: usize) -> Result<(), Fault> {
    asked_for(candidate, blocks);
    Err(Fault::Wrong("element 3 is 7".to_owned()))
}

fn one_wrong(_: &Gpu, candidate: Candidate, blocks: usize) -> Result<(), Fault> {
    asked_for(candidate, blocks);
    match (candidate.transpose, candidate.product) {
        (Transpose::Nn, Product::Tiled32x32) => Err(Fault::Wrong("element 3 is 7".to_owned())),
        _ => Ok(()),
    }
}

fn no_room(_: &Gpu, candidate: Candidate, blocks: usize) -> Result<(), Fault> {
    asked_for(candidate, blocks);
    Err(Fault::Refused("out of device memory".to_owned()))
}

/// A device that computes nothing and says that it is a discrete GPU.
fn gpu() -> Gpu {
    let mut adapter = inert().unwrap();
    adapter.info.device_type = DeviceType::DiscreteGpu;
    Gpu::open(adapter).unwrap()
}

/// A choice on a device of its own with the cache of a folder, and what was checked for it.
fn chosen(
    folder: &Path,
    work: &Workload,
    mode: TuneMode,
    check: CandidateCheck,
) -> (rhohat::Result<Kernels>, Vec<(Candidate, usize)>) {
    CHECKED.take();
    let kernels = choose(&gpu(), work, Tune { mode, check }, &Cache::at(folder));
    (kernels, CHECKED.take())
}

fn kernels(name: &str, chosen: Origin) -> Kernels {
    Kernels { variant: name.parse().unwrap(), chosen }
}

/// The three kernels of a variant, for work in so many hidden blocks.
fn all_of(name: &str, blocks: usize) -> Vec<(Candidate, usize)> {
    let variant: Variant = name.parse().unwrap();
    Transpose::ALL.map(|transpose| (Candidate::of(variant, transpose), blocks)).into()
}

fn cache_text(folder: &Path) -> String {
    fs::read_to_string(folder.join("kernels.json")).unwrap()
}

#[test]
fn the_preselected_kernels_are_checked_and_nothing_is_timed() {
    let folder = tempdir().unwrap();
    let (found, checked) = chosen(folder.path(), &WORK, TuneMode::Auto, all_right);
    assert_eq!(found.unwrap(), kernels(PRESELECTED, Origin::Checked));
    assert_eq!(checked, all_of(PRESELECTED, 1));
    assert!(!cache_text(folder.path()).contains("milliseconds"));
}

#[test]
fn a_kernel_is_checked_once_an_adapter_whatever_the_shape() {
    let folder = tempdir().unwrap();
    let auto = |work: &Workload| {
        let (found, checked) = chosen(folder.path(), work, TuneMode::Auto, all_right);
        let Kernels { variant, chosen } = found.unwrap();
        assert_eq!(chosen, Origin::Checked, "{work:?}");
        (variant.to_string(), checked)
    };
    let none: &[(Candidate, usize)] = &[];
    assert_eq!(auto(&WORK).1.len(), 3);
    assert_eq!(auto(&WORK), (PRESELECTED.to_owned(), none.into()));
    assert_eq!(auto(&Workload { examples: 90, ..WORK }), (PRESELECTED.to_owned(), none.into()));
    assert_eq!(auto(&OTHER_WORK), (OTHERS.to_owned(), vec![all_of(OTHERS, 1)[1]]));

    // More is checked for layers of several blocks, once.
    let in_blocks = Workload { cut: Chunking { block: Some(16), ..WORK.cut }, ..WORK };
    assert_eq!(auto(&in_blocks), (PRESELECTED.to_owned(), all_of(PRESELECTED, 3)));
    assert_eq!(auto(&in_blocks).1, none);
    assert_eq!(auto(&WORK).1, none);
}

#[test]
fn a_wrong_preselected_kernel_is_warned_of_and_gives_way_to_the_right_one_of_a_race() {
    let folder = tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let lines = Mutex::new(log.reopen().unwrap());
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(lines).finish();
    let raced = || chosen(folder.path(), &WORK, TuneMode::Auto, one_wrong);
    let (found, checked) = tracing::subscriber::with_default(lines, raced);
    let Kernels { variant, chosen: origin } = found.unwrap();
    assert_eq!(origin, Origin::Raced);
    let wrong = Candidate::of(PRESELECTED.parse().unwrap(), Transpose::Nn);
    assert!(!wrong.is_of(variant), "{variant}");
    let of_wrong = |checked: &&(Candidate, usize)| checked.0 == wrong;
    assert_eq!(checked.iter().filter(of_wrong).count(), 1, "it is not checked again by the race");

    let log = fs::read_to_string(log.path()).unwrap();
    let warning = "kernel NN tiled32x32/buffers is not used, it computes wrongly (element 3 is 7)";
    assert_eq!(log.matches(warning).count(), 1, "{log}");

    // The race is remembered for its shape, and no other shape gets the wrong kernel.
    let (found, checked) = chosen(folder.path(), &WORK, TuneMode::Auto, one_wrong);
    assert_eq!((found.unwrap(), checked), (Kernels { variant, chosen: Origin::Cached }, Vec::new()));
    let other = Workload { examples: 90, ..WORK };
    let (found, _) = chosen(folder.path(), &other, TuneMode::Auto, one_wrong);
    assert!(!wrong.is_of(found.unwrap().variant));
}

#[test]
fn a_race_is_run_when_asked_for_and_its_winners_need_no_check_any_more() {
    let folder = tempdir().unwrap();
    let auto = || chosen(folder.path(), &WORK, TuneMode::Auto, all_right);
    let raced = || chosen(folder.path(), &WORK, TuneMode::Always, all_right).0.unwrap();
    auto().0.unwrap();
    let Kernels { variant, chosen: origin } = raced();
    assert_eq!(origin, Origin::Raced);
    assert!(cache_text(folder.path()).contains("milliseconds"));
    let (found, checked) = auto();
    assert_eq!((found.unwrap(), checked), (Kernels { variant, chosen: Origin::Cached }, Vec::new()));
    for transpose in Transpose::ALL {
        let winner = Candidate::of(variant, transpose).to_string();
        assert!(cache_text(folder.path()).contains(&format!("\"passed\": \"{winner}\"")), "{winner}");
    }
}

#[test]
fn where_no_kernel_is_right_nothing_is_chosen() {
    let folder = tempdir().unwrap();
    for mode in [TuneMode::Auto, TuneMode::Always] {
        let error = chosen(folder.path(), &WORK, mode, nothing_right).0.unwrap_err();
        assert_eq!(error.exit_code(), 5);
        let text = error.to_string();
        assert!(text.contains("no kernel is right for some product"), "{text}");
        assert!(text.contains("NT tiled32x32/buffers") && text.contains("NT direct/buffers"), "{text}");
    }
    assert!(!folder.path().join("kernels.json").exists());
}

#[test]
fn without_room_for_a_check_the_preselected_kernels_stay_unchecked_and_are_not_remembered() {
    let folder = tempdir().unwrap();
    let (found, checked) = chosen(folder.path(), &WORK, TuneMode::Auto, no_room);
    assert_eq!(found.unwrap(), kernels(PRESELECTED, Origin::Preselected));
    assert_eq!(checked[..3], all_of(PRESELECTED, 1));
    assert!(!folder.path().join("kernels.json").exists());
}

#[test]
fn without_tuning_nothing_is_checked_read_or_kept() {
    let folder = tempdir().unwrap();
    let never = || chosen(folder.path(), &WORK, TuneMode::Never, nothing_right);
    let (found, checked) = never();
    assert_eq!((found.unwrap(), checked), (kernels(PRESELECTED, Origin::Preselected), Vec::new()));
    assert!(!folder.path().join("kernels.json").exists());
    chosen(folder.path(), &WORK, TuneMode::Auto, all_right).0.unwrap();
    assert_eq!(never().0.unwrap(), kernels(PRESELECTED, Origin::Preselected));
}

#[test]
fn the_memory_of_a_run_is_planned_for_its_preselected_kernels() {
    let settings = "hidden = 196\nbatch = 250\noptimizer = \"sgd\"".parse().unwrap();
    let given = UserSettings::new(None, settings).unwrap();
    let kind = SourceKind::Rows { rows: 1_000, cols: 784, row_bytes: None };
    let (scale, scale_of_pixels) = (Scale::Pixels, Scale::Pixels);
    let context = ConfigContext { kind, held_out: None, processes: 0, init: None, scale, scale_of_pixels };
    let config = Config::resolve(&given, &context).unwrap();
    let planned = |forced: Option<&str>| {
        let gpu = gpu();
        if let Some(name) = forced {
            gpu.force(name.parse().unwrap()).unwrap();
        }
        let (_, plan) = config.clone().plan_memory(kind, &Choice::Gpu(Arc::new(gpu))).unwrap();
        plan.activations
    };
    assert_eq!(planned(None), planned(Some("tiled32x32/buffers")));
    assert_ne!(planned(None), planned(Some("tiled/buffers")));
}

#[test]
fn the_preselected_kernels_pass_their_check_on_a_device_that_computes() {
    let Some(mut gpu) = support::software("the_preselected_kernels_pass_their_check") else { return };
    gpu.adapter.info.device_type = DeviceType::DiscreteGpu;
    let folder = tempdir().unwrap();
    let auto = |check| {
        let tune = Tune { mode: TuneMode::Auto, check };
        choose(&gpu, &WORK, tune, &Cache::at(folder.path())).unwrap()
    };
    assert_eq!(auto(check_candidate), kernels(PRESELECTED, Origin::Checked));
    assert_eq!(auto(nothing_right), kernels(PRESELECTED, Origin::Checked), "it is known to be right");
}
