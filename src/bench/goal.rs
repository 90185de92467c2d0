//! Seconds until the lecture's experiment reaches a cost: what all the speed is for.

use super::contender::Contender;
use super::ladder::Size;
use super::row::{Row, What};
use super::stats::Summary;
use crate::data::{Examples, Scale, Source};
use crate::engine::device::Setup;
use crate::error::Result;
use crate::math::params::{Matrix, Params, Shape};
use crate::run::config::{Config, ConfigContext, SourceKind, UserSettings};
use crate::train::{Ended, Observer, Progress, StepContext, train};

/// J to be reached, by the experiment at its defaults and seed 0; the run ends there.
pub const TARGET: f64 = 0.36;

/// A contender that took longer than this, in seconds, is not trained again.
const PATIENCE: f64 = 5.0;

/// Trains each contender up to `runs` times in turns, on as many patches as the experiment has or on `patches`; a row
/// each. The time is training alone: no data, no compilation.
///
/// # Errors
/// Those of training.
pub fn measure(contenders: &[Contender], runs: usize, patches: Option<usize>) -> Result<Vec<Row>> {
    let mut config = experiment()?;
    config.samples = patches.or(config.samples);
    let examples: Examples<f32> = Source::built_in(config.seed).training_set(&config.data_recipe(None))?;
    let shape = Shape { visible: examples.matrix.cols, hidden: config.hidden };
    let start = (Params::random(shape, config.seed), examples.matrix);
    contenders.iter().try_for_each(|who| who.tune(&start))?;
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..runs {
        for (who, times) in contenders.iter().zip(&mut times) {
            if times.last().is_some_and(|&last| last > PATIENCE) {
                continue;
            }
            times.extend(seconds(who, &config, &start)?);
        }
    }
    let size = Some(Size { n: shape.visible, h: shape.hidden, m: start.1.rows });
    let row = |(who, times): (&Contender, &Vec<f64>)| {
        let row = Row { target: Some(TARGET), shape: size, ..who.row(What::TimeToCost) }.of_variant("lbfgs");
        match Summary::of(times) {
            Some(times) => row.timed(times),
            None => {
                tracing::warn!("{}: J did not fall to {TARGET} in {:?} iterations", who.device, config.steps);
                row
            }
        }
    };
    Ok(contenders.iter().zip(&times).map(row).collect())
}

/// The settings of `rhohat train` with no arguments.
fn experiment() -> Result<Config> {
    let nothing = UserSettings::new(None, toml::Table::new())?;
    Config::resolve(
        &nothing,
        &ConfigContext {
            held_out: None,
            kind: SourceKind::BuiltIn,
            processes: 0,
            init: None,
            scale: Scale::Pixels,
            scale_of_pixels: Scale::Pixels,
        },
    )
}

/// Seconds until J is low enough; `None` when it does not become so.
fn seconds(who: &Contender, config: &Config, start: &(Params<f32>, Matrix<f32>)) -> Result<Option<f64>> {
    let setup = Setup { objective: config.objective(), ..Setup::default() };
    let mut engine = who.choice.open(&setup, start)?;
    // Compiles what the search runs on.
    engine.begin_search(crate::math::optim::lbfgs::HISTORY)?;
    engine.evaluate(0.0)?;
    let mut watch = Watch(None);
    train(&mut *engine, &config.train_recipe(start.1.rows), &mut watch)?;
    Ok(watch.0)
}

/// Stops at the target and keeps the time.
struct Watch(Option<f64>);

impl Observer for Watch {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        if self.0.is_none() && progress.cost.total() <= TARGET {
            self.0 = Some(progress.seconds);
        }
        Ok(())
    }

    fn after_step(&mut self, _: &mut StepContext<'_>) -> Result<Option<Ended>> {
        Ok(self.0.map(|_| Ended::Stopped))
    }
}
