//! Learns from rows that the program makes itself: `cargo run --release --example own_data`.

use rhohat::{Activation, Data, Trainer};

fn main() -> rhohat::Result<()> {
    // Waves of three lengths in random places.
    let waves = (0..600u32).map(|number| -> Vec<f32> {
        let (length, phase) = ([4.0, 7.0, 11.0][number as usize % 3], (number * 37 % 101) as f32);
        (0..24).map(|i| ((i as f32 + phase) / length).sin()).collect()
    });
    let data = Data::collect_rows(waves)?.hold_out(0.2);
    let trainer = Trainer::new(12).rho(0.1).output(Activation::Linear).steps(120).device("cpu");
    let trained = trainer.fit(&data)?;
    if let Some(held_out) = trained.summary.validation {
        println!("J {:.4} over {} held-out rows", held_out.j, held_out.examples);
    }
    let codes = trained.model.encode(&data)?;
    println!("{} rows, {} codes each", codes.rows, codes.cols);
    Ok(())
}
