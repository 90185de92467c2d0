//! How work goes to a device and what becomes of it: the cut into submissions changes no bit, and a device that is lost
//! or refuses is an error in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::memory::buffer::buffer;
use rhohat::engine::variant::Variant;
use rhohat::engine::{Chunking, Engine, RhoHat, Rows, Step, Update};
use rhohat::error::Error;
use rhohat::math::objective::{Activation, Cost, RhoHatMode};
use rhohat::math::optim::Role;
use rhohat::math::params::{Params, Shape};
use rhohat::verify::steps::Problem;

use crate::support;

const SGD: Update = Update::Sgd { lr: 0.1, momentum: 0.9 };
/// β of every problem.
const BETA: f64 = 0.5;

fn sgd(report: bool) -> Step<'static> {
    Step { rows: Rows::All, update: SGD, beta: BETA, report }
}

fn device(test: &str) -> Option<Arc<Gpu>> {
    support::software(test).map(Arc::new)
}

fn problem(shape: Shape, rows: usize) -> Problem {
    Problem::of_shape((Activation::Sigmoid, Activation::Tanh), shape, rows, 9)
}

fn open(gpu: &Arc<Gpu>, problem: &Problem, cut: Chunking) -> Box<dyn Engine> {
    let setup = Setup { objective: problem.objective, cut, ..Setup::default() };
    Choice::Gpu(gpu.clone()).open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap()
}

/// What every optimiser and forward pass leaves behind.
#[derive(Debug, PartialEq)]
struct Results {
    costs: Vec<Option<Cost>>,
    params: Params<f32>,
    slope: f64,
    codes: Vec<f32>,
}

fn results(gpu: &Arc<Gpu>, problem: &Problem, cut: Chunking) -> Results {
    let mut engine = open(gpu, problem, cut);
    let list: Vec<usize> = (0..problem.data.rows).rev().step_by(2).collect();
    let updates = [(Rows::All, SGD), (Rows::Listed(&list), Update::Adam { lr: 0.01, step: 1 })];
    let costs = updates
        .map(|(rows, update)| engine.step(&Step { rows, update, beta: BETA, report: true }).unwrap())
        .into();
    engine.begin_search(2).unwrap();
    engine.set_direction(&[(-1.0, Role::Gradient)]).unwrap();
    let slope = engine.evaluate(0.5).unwrap().slope;
    engine.accept(0).unwrap();
    Results { costs, params: engine.params().unwrap(), slope, codes: engine.encode(3, 40).unwrap() }
}

#[test]
fn the_length_of_submissions_changes_no_bit() {
    let Some(gpu) = device("bits") else { return };
    let problem = problem(Shape { visible: 100, hidden: 130 }, 300);
    let cut = Chunking { chunk: Some(160), block: Some(72), ..Chunking::default() };
    for variant in Variant::supported(&gpu) {
        gpu.force(variant).unwrap();
        let of_budget = |budget: f64| {
            let before = gpu.submissions();
            gpu.force_budget(Some(budget));
            (results(&gpu, &problem, cut), gpu.submissions() - before)
        };
        let (whole, few) = of_budget(f64::INFINITY);
        let (pieces, many) = of_budget(1e5);
        assert!(many > 10 * few, "{variant}: {few} and {many} submissions");
        assert!(whole == pieces, "{variant}: results differ");
    }
}

/// Parameters, ρ̂'s average with them, after updates over all rows and over lists, with rates that change and that stay.
fn after_steps(gpu: &Arc<Gpu>, problem: &Problem, cut: Chunking, mode: RhoHatMode) -> (Params<f32>, usize) {
    let rho_hat = RhoHat { mode, ..RhoHat::default() };
    let setup = Setup { objective: problem.objective, cut, rho_hat, ..Setup::default() };
    let choice = Choice::Gpu(gpu.clone());
    let mut engine = choice.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap();
    // Constant textures are filled by the first recording.
    engine.cost().unwrap();
    let before = gpu.submissions();
    for number in 1..=11 {
        let list: Vec<usize> = (0..20 + number % 3).map(|at| (7 * at + number) % problem.data.rows).collect();
        let rows = if number < 6 { Rows::All } else { Rows::Listed(&list) };
        let update =
            if number % 2 == 0 { SGD } else { Update::Adam { lr: 0.01, step: number.div_ceil(2) as u64 } };
        engine.step(&Step { rows, update, beta: BETA / number as f64, report: number == 9 }).unwrap();
    }
    engine.finish().unwrap();
    let submissions = gpu.submissions() - before;
    (engine.params().unwrap(), submissions)
}

#[test]
fn steps_that_share_a_submission_end_in_the_bits_of_steps_that_do_not() {
    let Some(gpu) = device("steps that share a submission") else { return };
    let problem = problem(Shape { visible: 30, hidden: 40 }, 100);
    let cuts = [Chunking::default(), Chunking { chunk: Some(16), block: Some(16), ..Chunking::default() }];
    gpu.force_budget(Some(1e15));
    for (cut, mode) in cuts.into_iter().zip([RhoHatMode::Ema, RhoHatMode::Batch]) {
        let with_steps = |steps| {
            gpu.force_steps(Some(steps));
            after_steps(&gpu, &problem, cut, mode)
        };
        let (alone, of_alone) = with_steps(1);
        let (three, of_three) = with_steps(3);
        let (many, of_many) = with_steps(100);
        assert!(alone == three && alone == many, "{cut:?}");
        // The ninth is read back: with those before it, in its own submission.
        assert_eq!([of_alone, of_three, of_many], [11, 3 + 1, 1 + 1], "{cut:?}");
    }
}

#[test]
fn a_step_that_is_refused_takes_no_step_before_it_along() {
    let Some(gpu) = device("a refused step") else { return };
    gpu.force_steps(Some(8));
    let problem = problem(Shape { visible: 30, hidden: 40 }, 100);
    let [mut refused, mut other] = [(); 2].map(|()| open(&gpu, &problem, Chunking::default()));
    for engine in [&mut refused, &mut other] {
        (0..3).for_each(|_| assert!(engine.step(&sgd(false)).unwrap().is_none()));
    }
    let wrong = Step { rows: Rows::Listed(&[100]), ..sgd(false) };
    refused.step(&wrong).unwrap_err();
    for engine in [&mut refused, &mut other] {
        engine.step(&sgd(false)).unwrap();
    }
    assert!(refused.params().unwrap() == other.params().unwrap(), "four updates each");
    assert!(refused.params().unwrap() != problem.params);
}

#[test]
fn threads_that_share_a_device_get_the_results_of_one() {
    let Some(gpu) = device("threads") else { return };
    let problem = problem(Shape { visible: 60, hidden: 40 }, 200);
    let cut = Chunking { chunk: Some(72), ..Chunking::default() };
    let alone = results(&gpu, &problem, cut);
    gpu.force_budget(Some(1e6));
    std::thread::scope(|scope| {
        let threads = [(); 3].map(|()| scope.spawn(|| results(&gpu, &problem, cut)));
        for thread in threads {
            assert!(thread.join().unwrap() == alone, "results differ");
        }
    });
}

#[test]
fn a_step_takes_as_many_submissions_as_its_work_needs() {
    let Some(gpu) = device("work") else { return };
    let problem = problem(Shape { visible: 256, hidden: 512 }, 128);
    let mut engine = open(&gpu, &problem, Chunking::default());
    engine.step(&sgd(false)).unwrap();
    let products = 5.0 * 256.0 * 512.0 * 128.0;
    let mut submissions = |budget: f64| {
        gpu.force_budget(Some(budget));
        let before = gpu.submissions();
        engine.step(&sgd(false)).unwrap();
        gpu.submissions() - before
    };
    assert_eq!(submissions(f64::INFINITY), 1);
    let cut = submissions(products / 40.0);
    // What is moved counts too, and no piece is smaller than a range.
    assert!((40..160).contains(&cut), "{cut} submissions");
}

#[test]
fn a_long_step_is_cut_by_what_was_measured() {
    let Some(gpu) = device("measured") else { return };
    let problem = problem(Shape { visible: 784, hidden: 2048 }, 512);
    let mut engine = open(&gpu, &problem, Chunking::default());
    (0..2).for_each(|_| assert!(engine.step(&sgd(true)).unwrap().is_some()));
    gpu.longest_submission();
    let (before, started) = (gpu.submissions(), Instant::now());
    engine.step(&sgd(true)).unwrap();
    let (took, longest, count) = (started.elapsed(), gpu.longest_submission(), gpu.submissions() - before);
    println!("{count} submissions in {took:?}, the longest {longest:?}");
    assert!(
        count > 3 && longest < took.mul_f64(0.75),
        "{count} submissions in {took:?}, the longest {longest:?}"
    );
}

/// Something that needs the device.
type Use = fn(&mut dyn Engine) -> rhohat::Result<()>;

#[test]
fn a_device_that_is_lost_is_an_error_at_once() {
    let problem = problem(Shape { visible: 30, hidden: 20 }, 50);
    let uses: [Use; 4] = [
        |engine| (0..9).try_for_each(|_| engine.step(&sgd(false)).map(|_| ())),
        |engine| engine.step(&sgd(true)).map(|_| ()),
        |engine| engine.params().map(|_| ()),
        |engine| engine.begin_search(3).map(|_| ()),
    ];
    for (number, use_it) in uses.into_iter().enumerate() {
        let Some(gpu) = device("a lost device") else { return };
        let mut engine = open(&gpu, &problem, Chunking::default());
        engine.step(&sgd(false)).unwrap();
        gpu.device.destroy();
        let started = Instant::now();
        let error = use_it(&mut *engine).expect_err("nothing can be computed");
        assert!(started.elapsed() < Duration::from_secs(10), "use {number}: {error}");
        assert!(matches!(error, Error::Device(_)), "use {number}: {error}");
    }
}

#[test]
fn an_allocation_that_cannot_succeed_is_an_error_and_leaves_the_device_usable() {
    let Some(gpu) = device("allocation") else { return };
    let error = buffer(&gpu, "everything", 1 << 50, wgpu::BufferUsages::STORAGE).unwrap_err();
    assert!(error.exit_code() == 5 && error.to_string().contains("everything"), "{error}");
    let problem = problem(Shape { visible: 30, hidden: 20 }, 50);
    open(&gpu, &problem, Chunking::default()).cost().unwrap();
}
