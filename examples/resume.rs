//! Trains in a directory, and goes on from its checkpoint: `cargo run --release --example resume DIRECTORY`.

use std::path::PathBuf;

use rhohat::{Data, Optimizer, Trainer};

fn main() -> rhohat::Result<()> {
    let run = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("runs/example"), PathBuf::from);
    let data = Data::built_in().patches(8, 1_000);
    let trainer = Trainer::new(16).optimizer(Optimizer::Adam).batch(100).device("cpu");
    let half = trainer.steps(30).run_dir(&run).fit(&data)?.summary;
    println!("J {:.4} after {} updates", half.terms.j, half.steps);
    // Every update has the bits that it would have had without the break.
    let whole = Trainer::resume(&run).steps(60).fit(&Data::of_run(&run)?)?.summary;
    println!("J {:.4} after {} updates", whole.terms.j, whole.steps);
    Ok(())
}
