//! Follows a run and stops it: `cargo run --release --example observer`.

use std::ops::ControlFlow;

use rhohat::{Data, Progress, ProgressObserver, Stage, Trainer};

/// Prints stages and reports, and stops when J hardly falls any more.
struct Plateau {
    last: f64,
}

impl ProgressObserver for Plateau {
    fn stage(&mut self, stage: Stage) {
        println!("{stage}");
    }

    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        let (before, j) = (self.last, progress.cost.total());
        self.last = j;
        println!("{:4}  J {j:.4}", progress.step);
        if before - j < 1e-3 * j { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn main() -> rhohat::Result<()> {
    let data = Data::built_in().patches(6, 500);
    let trained = Trainer::new(9).device("cpu").fit_with(&data, Plateau { last: f64::INFINITY })?;
    println!("{:?} after {} iterations", trained.summary.ended, trained.summary.steps);
    Ok(())
}
