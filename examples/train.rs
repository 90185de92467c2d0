//! Trains on a folder of pictures, or on the built-in ones: `cargo run --release --example train [FOLDER]`.

use rhohat::{Data, Trainer};

fn main() -> rhohat::Result<()> {
    let data = match std::env::args_os().nth(1) {
        Some(folder) => Data::open(folder)?,
        None => Data::built_in(),
    };
    println!("{data}");
    let trained = Trainer::new(25).steps(100).fit(&data.patches(8, 2_000).whiten(true))?;
    let summary = &trained.summary;
    println!("J {:.3} after {} iterations on {}", summary.terms.j, summary.steps, summary.adapter);
    let folder = std::env::temp_dir();
    trained.model.save(folder.join("rhohat-example.safetensors"))?;
    trained.model.save_features(folder.join("rhohat-example.png"))
}
