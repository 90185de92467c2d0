//! `rhohat features`: the picture of what each hidden unit looks for.

use rhohat::Error;
use rhohat::model::file::ModelFile;
use rhohat::picture::{Tile, features};
use serde_json::json;

use super::print;
use crate::cli::FeaturesArgs;

/// Draws and writes the PNG.
pub fn run(args: &FeaturesArgs) -> anyhow::Result<()> {
    let file = ModelFile::open(&args.model)?;
    let shape = file.shape();
    let tile = Tile::of(file.meta().map(|meta| &meta.preprocess), shape.visible).ok_or_else(|| {
        let fact = format!("{} visible units are no square, and the file names no patch size", shape.visible);
        Error::input(&args.model, format!("{fact}; its features have no picture"))
    })?;
    let canvas = features(&file.params()?, tile, args.scale)?;
    canvas.save(&args.out)?;
    let (width, height) = (canvas.width, canvas.height);
    let report = json!({ "hidden": shape.hidden, "width": width, "height": height, "out": args.out });
    print(args.json, &report, |_| {
        format!("{}: {} features, {width}×{height} pixels", args.out.display(), shape.hidden)
    })
}
