//! Encodes pictures or rows with a model file: `cargo run --release --example encode MODEL DATA`.

use rhohat::{Data, Error, Model};

fn main() -> rhohat::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(model), Some(data)) = (args.next(), args.next()) else {
        return Err(Error::usage("give a model and data"));
    };
    let (model, data) = (Model::load(model)?.device("cpu"), Data::open(data)?);
    let codes = model.encode(&data)?;
    for (number, code) in codes.values.chunks_exact(codes.cols).take(5).enumerate() {
        let (unit, most) = code.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap_or((0, &0.0));
        println!("example {number}: unit {unit} is most active, {most:.3}");
    }
    let again = model.reconstruct(&data)?;
    println!("{} rows of {} codes, and back to {} numbers", codes.rows, codes.cols, again.cols);
    Ok(())
}
