//! Who is told of a run's progress: metrics.jsonl, the bar or the log, and the run itself when it shall stop.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use rhohat::Result;
use rhohat::metrics::{MetricsFile, RhoHatRange, Terms, rate};
use rhohat::objective::Objective;
use rhohat::train::{Observer, Progress};
use rhohat::units::{dead, saturated};

use super::interrupt::Interrupt;

/// Time between two lines of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// The observer of a training run.
pub struct Watch<'a> {
    metrics: MetricsFile,
    interrupt: &'a Interrupt,
    display: Display,
    objective: Objective,
    steps: usize,
    /// Reports in which a ρ̂ was clamped.
    clamped: usize,
}

/// How progress is shown.
enum Display {
    Bar(ProgressBar),
    /// Lines in the log, and when the last one was written.
    Log(Option<Instant>),
}

impl<'a> Watch<'a> {
    /// A bar where stderr is a terminal and nobody asked for quiet, else lines in the log.
    pub fn new(
        metrics: MetricsFile,
        objective: Objective,
        interrupt: &'a Interrupt,
        steps: usize,
        quiet: bool,
    ) -> Self {
        let display = if std::io::stderr().is_terminal() && !quiet { bar(steps) } else { Display::Log(None) };
        Self { metrics, interrupt, display, objective, steps, clamped: 0 }
    }

    /// Takes the bar away; the number of reports in which a ρ̂ was clamped.
    pub fn finish(self) -> usize {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
        self.clamped
    }
}

impl Observer for Watch<'_> {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        self.clamped += usize::from(progress.cost.clamped() > 0);
        self.display.show(progress, &self.objective, self.steps);
        self.metrics.add(progress)
    }

    fn wants_stop(&self) -> bool {
        self.interrupt.signal().is_some()
    }
}

fn bar(steps: usize) -> Display {
    let style = ProgressStyle::with_template("{bar:8} {pos}/{len}  {wide_msg}")
        .expect("the template is fixed and right");
    Display::Bar(ProgressBar::new(steps as u64).with_style(style))
}

impl Display {
    fn show(&mut self, progress: &Progress, objective: &Objective, steps: usize) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(line(progress, objective));
                bar.set_position(progress.step as u64);
            }
            Self::Log(last) => {
                let due = last.is_none_or(|last| last.elapsed() >= PAUSE) || progress.step == steps;
                if due {
                    *last = Some(Instant::now());
                    tracing::debug!("{}/{steps}  {}", progress.step, line(progress, objective));
                }
            }
        }
    }
}

/// Fits 80 columns behind the bar.
fn line(progress: &Progress, objective: &Objective) -> String {
    let Terms { j, reconstruction, decay, kl } = Terms::of(&progress.cost);
    let rho_hat = &progress.cost.rho_hat;
    let (mean, dead, saturated) =
        (RhoHatRange::of(rho_hat).mean, dead(rho_hat, objective), saturated(rho_hat));
    let speed = HumanCount(rate(progress.samples, progress.seconds) as u64);
    format!(
        "J {j:.4} = {reconstruction:.3}+{decay:.3}+{kl:.3}  ρ̂ {mean:.4}  dead {dead}  sat {saturated}  {speed}/s"
    )
}
