//! Plans: what a host in another language is told of a step, made without any adapter. `.ci/webgpu` runs them.

use std::sync::Arc;

use rhohat::engine::device::Setup;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::device::adapter::inert;
use rhohat::engine::gpu::engine::GpuEngine;
use rhohat::engine::gpu::plan::{Plan, PlannedSteps};
use rhohat::engine::gpu::remote::{Action, Remote};
use rhohat::engine::gpu::tune::cache::Cache;
use rhohat::engine::gpu::tune::{Tune, TuneMode, Workload, choose};
use rhohat::engine::variant::Variant;
use rhohat::engine::{Chunking, Role, Rows, Step, Update};
use rhohat::math::optim::SearchSpace;
use rhohat::math::optim::lbfgs::HISTORY;
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::verify::kernels::check_candidate;
use tempfile::tempdir;
use wgpu::DeviceType;

fn plan(visible: usize, hidden: usize, rows: usize, variant: &str, cut: Chunking) -> rhohat::Result<Plan> {
    let params = Params::zeros(Shape { visible, hidden });
    let examples = Matrix::new(rows, visible, vec![0.5; rows * visible]);
    let variant: Variant = variant.parse().unwrap();
    GpuEngine::planned(&Setup { cut, ..Setup::default() }, &params, &examples, rows.min(10), variant)
}

#[test]
fn every_binding_of_a_plan_lies_within_its_buffer_and_every_kernel_gets_all_that_it_binds() {
    let blocks = Chunking { chunk: Some(16), block: Some(8), ..Chunking::default() };
    for variant in ["direct/buffers", "tiled/buffers", "tiled32x32+tiled64x64+tiled32x32/buffers"] {
        for cut in [Chunking::default(), blocks] {
            let plan = plan(13, 20, 50, variant, cut).unwrap();
            let named: Vec<&str> = plan.recordings.keys().map(String::as_str).collect();
            let wanted = [
                "adam",
                "adam batch",
                "adam batch with J",
                "adam with J",
                "cost",
                "exponents of moments",
                "exponents of parameters",
                "lbfgs first trial",
                "lbfgs trial",
                "sgd",
                "sgd batch",
                "sgd batch with J",
                "sgd with J",
            ];
            assert_eq!(named, wanted, "{variant}");
            let value = serde_json::to_value(&plan).unwrap();
            let sizes: Vec<u64> = plan.buffers.clone();
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            for dispatch in
                value["recordings"].as_object().unwrap().values().flat_map(|list| list.as_array().unwrap())
            {
                let name = dispatch["kernel"].as_str().unwrap();
                let kernel =
                    rhohat::engine::gpu::kernel::ALL.iter().find(|kernel| kernel.name == name).unwrap();
                let bindings = dispatch["bindings"].as_array().unwrap();
                // But for the uniform and the range.
                assert_eq!(bindings.len() + 2, kernel.bindings().len(), "{name}");
                for binding in bindings {
                    let end = number(&binding["offset"]) + number(&binding["numbers"]);
                    assert!(end <= sizes[number(&binding["buffer"]) as usize], "{name}: {binding}");
                }
                let groups: u64 = dispatch["workgroups"].as_array().unwrap().iter().map(number).product();
                assert!((1..=65_535 * 65_535).contains(&groups), "{name}");
                match dispatch["uniform"]["words"].as_array() {
                    Some(words) => assert_eq!(4 * words.len(), kernel.uniform.size, "{name}"),
                    None => {
                        let live = dispatch["uniform"]["live"].as_str().unwrap();
                        assert!(plan.uniforms[live] >= kernel.uniform.size as u64, "{name}: {live}");
                    }
                }
            }
        }
    }
}

/// A device that computes nothing and says that it is of a kind.
fn device(kind: DeviceType) -> Arc<Gpu> {
    let mut adapter = inert().unwrap();
    adapter.info.device_type = kind;
    Arc::new(Gpu::open(adapter).unwrap())
}

/// The kernels of a step of SGD over all rows, its dispatches and levels without J and with it, and how many of its kernels split a
/// sum over k.
fn step(gpu: Arc<Gpu>, [visible, hidden, rows]: [usize; 3]) -> (String, [usize; 5]) {
    let params = Params::zeros(Shape { visible, hidden });
    let examples = Matrix::new(rows, visible, vec![0.5; rows * visible]);
    let plan = GpuEngine::planned_on(gpu, &Setup::default(), &params, &examples, 10).unwrap();
    let of = |name: &str| [plan.recordings[name].len(), plan.levels[name]];
    let ([dispatches, levels], [with_j, levels_with_j]) = (of("sgd"), of("sgd with J"));
    let value = serde_json::to_value(&plan.recordings["sgd with J"]).unwrap();
    let kernels = value.as_array().unwrap().iter().map(|dispatch| dispatch["kernel"].as_str().unwrap());
    let split = kernels.filter(|kernel| kernel.ends_with("split_k")).count();
    (plan.variant, [dispatches, levels, with_j, levels_with_j, split])
}

#[test]
fn a_plan_counts_the_dispatches_that_wait_as_wgpu_does() {
    // The rule is that of wgpu's own backend, which was patched to tell when a step was sixteen dispatches in thirteen levels.
    for (shape, wanted) in LEVELS {
        let gpu = device(DeviceType::DiscreteGpu);
        gpu.force("tiled/buffers".parse().unwrap()).unwrap();
        assert_eq!(step(gpu, shape).1, wanted, "{shape:?}");
    }
}

#[test]
fn a_step_is_five_dispatches_in_four_levels_or_one_more_where_results_are_small() {
    for (kind, wanted) in [DeviceType::DiscreteGpu, DeviceType::IntegratedGpu].into_iter().zip(STEPS) {
        let found = SHAPES.map(|shape| {
            let gpu = device(kind);
            let [visible, hidden, examples] = shape;
            let shape_of_it = Shape { visible, hidden };
            let work = Workload { shape: shape_of_it, examples, batch: None, cut: Chunking::default() };
            let nowhere = tempdir().unwrap();
            let tune = Tune { mode: TuneMode::Never, check: check_candidate };
            let kernels = choose(&gpu, &work, tune, &Cache::at(nowhere.path())).unwrap();
            let (variant, step) = step(gpu, shape);
            assert_eq!(variant, kernels.variant.to_string(), "what is chosen is recorded");
            step
        });
        assert_eq!(found, wanted, "{kind:?}");
    }
}

#[test]
fn a_trial_of_lbfgs_adds_three_levels_to_its_gradient_and_a_new_direction_one() {
    // Larger ones have their history in several buffers, of which each is waited for.
    for shape in &SHAPES[..3] {
        let gpu = device(DeviceType::DiscreteGpu);
        let [visible, hidden, rows] = *shape;
        let params = Params::zeros(Shape { visible, hidden });
        let examples = Matrix::new(rows, visible, vec![0.5; rows * visible]);
        gpu.force("direct/buffers".parse().unwrap()).unwrap();
        let plan = GpuEngine::planned_on(gpu, &Setup::default(), &params, &examples, 10).unwrap();
        let of = |name: &str| [plan.recordings[name].len(), plan.levels[name]];
        // The trial point; what is kept, beside the slope; the inner products.
        let [dispatches, levels] = of("sgd with J");
        assert_eq!(of("lbfgs trial"), [dispatches + 4, levels + 3], "{shape:?}");
        assert_eq!(of("lbfgs first trial"), [dispatches + 5, levels + 4], "{shape:?}");
    }
}

#[test]
fn a_plan_of_kernels_that_read_textures_is_refused() {
    let error = plan(8, 8, 10, "broadcast/textures", Chunking::default()).unwrap_err().to_string();
    assert!(!error.is_empty(), "{error}");
}

/// Shapes, and what [`step`] says of them with `tiled` on a discrete GPU, where few tiles of 128×64 have their sums split.
const LEVELS: [([usize; 3], [usize; 5]); 2] =
    [([64, 256, 1_000], [6, 5, 7, 5, 0]), ([784, 1_024, 512], [8, 8, 9, 8, 3])];

/// Shapes that README compares, but for the largest, whose plan takes gigabytes.
const SHAPES: [[usize; 3]; 5] =
    [[64, 25, 10_000], [64, 256, 1_000], [784, 196, 1_000], [784, 1_024, 512], [784, 4_096, 512]];
/// The hidden layer; the output's delta beside ρ̂; the hidden delta; both gradients with the update. J takes ‖W‖² beside them.
const WHOLE: [usize; 5] = [5, 4, 6, 4, 0];
/// The same with the gradients of a small result in slices, which one dispatch more adds up.
const SLICED: [usize; 5] = [6, 5, 7, 5, 0];
/// The steps of these shapes with the preselected kernels, on discrete and on integrated GPUs.
const STEPS: [[[usize; 5]; 5]; 2] =
    [[SLICED, SLICED, WHOLE, WHOLE, WHOLE], [SLICED, WHOLE, WHOLE, WHOLE, WHOLE]];

/// What a host that has only a plan would find in an action: names that the plan does not have, or sizes that do not fit.
fn carried_out(plan: &Plan, actions: &[Action]) -> Option<Vec<f32>> {
    let plan = serde_json::to_value(plan).unwrap();
    let columns = |name: &str| -> Vec<usize> {
        let tensors = plan["tensors"][name].as_array().unwrap_or_else(|| panic!("no tensor {name}"));
        tensors.iter().map(|tensor| tensor["cols"].as_u64().unwrap() as usize).collect()
    };
    let mut read = None;
    for (at, action) in actions.iter().enumerate() {
        match action {
            Action::Write(name, words) => assert!(words.len() <= columns(name).iter().sum(), "{name}"),
            Action::Set(name, words) => {
                let bytes = plan["uniforms"][name].as_u64().unwrap_or_else(|| panic!("no uniform {name}"));
                assert!(4 * words.len() as u64 <= bytes, "{name}");
            }
            Action::Run(name) => assert!(plan["recordings"][name].is_array(), "no recording {name}"),
            Action::Copy(name) => assert!(plan["copies"][name].is_array(), "no copies {name}"),
            Action::Read(parts) => {
                assert_eq!(at, actions.len() - 1, "what is read ends what can be done");
                let numbers = parts.iter().flat_map(|part| {
                    let columns = columns(&part.tensors);
                    let numbers = part.numbers.clone().unwrap_or_else(|| columns.clone());
                    assert!(numbers.iter().zip(&columns).all(|(numbers, columns)| numbers <= columns));
                    numbers
                });
                read = Some(vec![0.25; numbers.sum()]);
            }
        }
    }
    read
}

/// Makes `ask` again and again with what the plan's host would have read, until it waits for nothing more.
fn asked<T>(plan: &Plan, remote: &mut Remote, ask: impl Fn(&mut Remote) -> rhohat::Result<T>) -> T {
    let (begun, mut known, mut handed) = (remote.clone(), Vec::new(), 0);
    loop {
        *remote = begun.clone();
        remote.knowing(&known);
        let found = ask(remote);
        let actions = remote.take_actions();
        let read = carried_out(plan, &actions[handed..]);
        handed = actions.len();
        match (found, read) {
            (Ok(value), None) => return value,
            (Err(_), Some(read)) if remote.waits() => known.push(read),
            (found, read) => panic!("{:?} behind {read:?}", found.err()),
        }
    }
}

#[test]
fn all_that_a_remote_engine_asks_of_a_host_is_in_its_plan() {
    let setup = |cut| Setup { cut, ..Setup::default() };
    let blocks = Chunking { chunk: Some(16), block: Some(8), ..Chunking::default() };
    let list: Vec<usize> = (0..10).collect();
    for cut in [Chunking::default(), blocks] {
        let gpu = Arc::new(Gpu::open(inert().unwrap()).unwrap());
        gpu.force("direct/buffers".parse().unwrap()).unwrap();
        let params = Params::zeros(Shape { visible: 13, hidden: 20 });
        let examples = Matrix::new(50, 13, vec![0.5; 50 * 13]);
        let engine = GpuEngine::new(gpu, &setup(cut), &params, examples.into()).unwrap();
        let lists = [("batch", 10), ("rest", 5)];
        let steps = PlannedSteps { sgd: true, adam: true, whole: true, lists: &lists, search: true };
        let (plan, mut remote) = (engine.described(&steps).unwrap(), engine.remote());
        remote.begin();
        assert!(carried_out(&plan, &remote.take_actions()).is_none());

        for update in [Update::Sgd { lr: 0.1, momentum: 0.9 }, Update::Adam { lr: 0.1, step: 1 }] {
            for (rows, name) in [
                (Rows::All, None),
                (Rows::Listed(&list), Some("batch")),
                (Rows::Listed(&list[..5]), Some("rest")),
            ] {
                for report in [false, true] {
                    let step = Step { rows, update, beta: 3.0, report };
                    let cost = asked(&plan, &mut remote, |remote| remote.update(&step, name));
                    assert_eq!(cost.is_some(), report);
                }
            }
        }
        let cost = asked(&plan, &mut remote, Remote::cost);
        assert_eq!(cost.rho_hat, vec![0.25; 20]);
        assert_eq!(asked(&plan, &mut remote, Remote::first_not_finite), None);
        assert!(asked(&plan, &mut remote, |remote| remote.begin_search(HISTORY)).total().is_finite());
        let trial = asked(&plan, &mut remote, |remote| {
            remote.set_direction(&[(-1.0, Role::Gradient)])?;
            remote.prepare(3, &[(Role::Step(3), Role::Change(3)), (Role::Gradient, Role::Gradient)]);
            remote.evaluate(0.5)?;
            remote.evaluate(0.25)
        });
        assert!(trial.slope > 0.0);
        asked(&plan, &mut remote, |remote| remote.accept(3));
        let dots = asked(&plan, &mut remote, |remote| remote.dots(&[(Role::Change(3), Role::Step(3))]));
        assert!(dots[0] > 0.0);
        remote.settle();
        assert_eq!(remote.take_actions(), [Action::Copy("lbfgs accept".into())]);
    }
}
