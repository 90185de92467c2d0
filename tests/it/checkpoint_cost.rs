//! What checkpoints cost: `cargo test --release --test it checkpoint_cost -- --ignored --nocapture`, on a machine that has
//! nothing else to do.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use rhohat::data::shuffle::Shuffle;
use rhohat::engine::Engine;
use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::Setup;
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;
use rhohat::run::checkpoint::{Checkpoint, CheckpointWriter, Checkpoints};
use rhohat::run::every::{Every, Span};
use rhohat::run::metrics::Mark;
use rhohat::train::{Ended, Observer, Progress, Recipe, StepContext, train};
use tempfile::tempdir;

const SHAPE: Shape = Shape { visible: 784, hidden: 4096 };
const ROWS: usize = 2_000;
const BATCH: usize = 100;
/// Time of one turn, and turns of each kind.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 41;

/// Trains for a turn, with a checkpoint every second or without.
struct Turn<'a> {
    keeper: Option<&'a mut CheckpointWriter>,
    metrics: &'a Path,
    begun: Instant,
    kept: Cell<usize>,
}

impl Observer for Turn<'_> {
    fn report(&mut self, _: &Progress) -> rhohat::Result<()> {
        Ok(())
    }

    fn after_step(&mut self, context: &mut StepContext<'_>) -> rhohat::Result<Option<Ended>> {
        if let Some(keeper) = &mut self.keeper
            && keeper.is_due(context.position.steps)?
        {
            let (position, state) = context.snapshot(&mut keeper.spare()?)?;
            let metrics = File::open(self.metrics).unwrap();
            let checkpoint =
                Checkpoint { position, state, metrics: Mark::default(), patience: None, provenance: None };
            keeper.keep(checkpoint, Ok(metrics))?;
            self.kept.set(self.kept.get() + 1);
        }
        Ok((self.begun.elapsed() >= TURN).then_some(Ended::Stopped))
    }
}

/// Samples a second of one turn, and checkpoints in it.
fn turn(
    cpu: &mut (dyn Engine + 'static),
    recipe: &Recipe,
    metrics: &Path,
    keeper: Option<&mut CheckpointWriter>,
) -> (f64, usize) {
    let mut turn = Turn { keeper, metrics, begun: Instant::now(), kept: Cell::new(0) };
    let outcome = train(cpu as &mut dyn rhohat::engine::Engine, recipe, &mut turn).unwrap();
    (outcome.samples as f64 / outcome.seconds, turn.kept.get())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
#[ignore = "takes six minutes of an otherwise idle machine"]
fn a_checkpoint_every_second_costs_less_than_a_twentieth_of_the_throughput() {
    let mut stream = Stream::new(1, "examples");
    let values = (0..ROWS * SHAPE.visible).map(|_| stream.unit() as f32).collect();
    let examples = Matrix::new(ROWS, SHAPE.visible, values);
    let costs = [Optimizer::Sgd, Optimizer::Adam].map(|optimizer| {
        let mut cpu = Cpu::new(&Setup::default(), Params::random(SHAPE, 1), examples.clone()).unwrap();
        let recipe = Recipe {
            yardstick: None,
            optimizer: OptimizerConfig::of(
                optimizer,
                0.9,
                DescentConfig { batch: Some(BATCH), ..DescentConfig::constant(1e-4) },
            ),
            resampling: None,
            steps: usize::MAX,
            shuffle: Shuffle::rows(0),
            report_every: 100,
        };
        let folder = tempdir().unwrap();
        let metrics = folder.path().join("metrics.jsonl");
        File::create(&metrics).unwrap();
        // One for all turns: due at once after a turn without, and again after a second.
        let every = Every::Time(Span(Duration::from_secs(1)));
        let mut keeper = CheckpointWriter::new(<Checkpoints>::of(folder.path()), every, None, String::new());
        turn(&mut cpu, &recipe, &metrics, Some(&mut keeper));
        // Turn about, so that a slow minute slows both.
        let ratios: Vec<f64> = (0..TURNS)
            .map(|number| {
                let mut rate = |keeps: bool| turn(&mut cpu, &recipe, &metrics, keeps.then_some(&mut keeper));
                let ((with, kept), (without, _)) =
                    if number % 2 == 0 { (rate(true), rate(false)) } else { swap(rate(false), rate(true)) };
                assert!(kept >= 2, "{kept} checkpoints in {TURN:?}");
                println!("{optimizer:?}: {with:.0} samples/s with {kept} checkpoints, {without:.0} without");
                with / without
            })
            .collect();
        let cost = 1.0 - median(ratios);
        println!("{optimizer:?}: a checkpoint every second costs {:.1} %", 100.0 * cost);
        cost
    });
    assert!(costs.iter().all(|&cost| cost < 0.05), "with SGD and Adam: {costs:?}");
}

fn swap<A>(first: A, second: A) -> (A, A) {
    (second, first)
}
