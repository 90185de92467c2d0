//! `rhohat features`: what each hidden unit looks for, as a picture, a drawing or rows.

use crate::Error;
use crate::data::write::RowsHeader;
use crate::io::atomic_write;
use crate::io::memory::{Bytes, available, is_granted};
use crate::io::paths::PathText;
use crate::math::params::Shape;
use crate::run::features::features as rows_of;
use crate::run::model_file::ModelFile;
use crate::run::picture::{Tile, features, features_bytes, svg};
use serde_json::json;

use super::outputs::{Destination, Kind, Wanted};
use crate::cli::args::FeaturesArgs;
use crate::cli::output::print;

/// Draws or writes the features.
pub fn run(args: &FeaturesArgs) -> anyhow::Result<()> {
    let file = ModelFile::open(&args.model)?;
    let (kinds, inputs) = ([&[Kind::Png, Kind::Svg][..], &Kind::ROWS].concat(), &[file.path()]);
    let wanted = Wanted { flag: "-o", path: &args.out, kinds: &kinds, inputs, force: Some(args.force) };
    let out = wanted.check()?;
    if let (Some(_), Kind::Svg | Kind::Rows(_)) = (args.scale, out.kind) {
        let fact = format!("--scale enlarges the pixels of a PNG, but -o {} is none", args.out.display());
        return Err(Error::usage(format!("{fact}; leave it out")).into());
    }
    match out.kind {
        Kind::Rows(_) => write_rows(args, &file, &out),
        _ => draw(args, &file, &out),
    }
}

/// Writes the picture, or the drawing.
fn draw(args: &FeaturesArgs, file: &ModelFile, out: &Destination) -> anyhow::Result<()> {
    let Shape { visible, hidden } = file.shape();
    let tile = Tile::of(file.meta().map(|meta| &meta.preprocess), visible).ok_or_else(|| {
        let fact = format!("{visible} visible units are no square, and the file names no patch size");
        let remedy = "its features have no picture; write them as numbers, -o FILE.npy";
        Error::input(&args.model, format!("{fact}; {remedy}"))
    })?;
    let scale = if out.kind == Kind::Svg { Some(1) } else { args.scale };
    // The picture at one pixel a pixel and enlarged, beside the parameters.
    check_memory(file, 2 * features_bytes(hidden, tile, scale), "lower --scale, or use")?;
    let canvas = features(&file.params()?, tile, scale)?;
    match out.kind {
        Kind::Svg => atomic_write::write(out.path(), |to| svg::write(&canvas, hidden, tile, to))?,
        _ => canvas.save(out.path())?,
    }
    let (width, height) = (canvas.width, canvas.height);
    let report =
        json!({ "hidden": hidden, "width": width, "height": height, "out": PathText::from(&*args.out) });
    print(args.json, &report, |_| {
        format!("{}: {hidden} features, {width}×{height} pixels", args.out.display())
    })
}

/// Writes the features as numbers.
fn write_rows(args: &FeaturesArgs, file: &ModelFile, out: &Destination) -> anyhow::Result<()> {
    let Shape { visible, hidden } = file.shape();
    let header = RowsHeader { name: "features", column: "x", rows: hidden, cols: visible, labels: None };
    out.check_size(&header)?;
    check_memory(file, 4 * (hidden as u64).saturating_mul(visible as u64), "use")?;
    let mut rows = Some(rows_of(&file.params::<f32>()?));
    out.write_rows(&header, || Ok(rows.take()))?;
    let report = json!({ "hidden": hidden, "visible": visible, "out": PathText::from(&*args.out) });
    print(args.json, &report, |_| {
        format!("{}: {hidden} features of {visible} numbers, each of norm 1", args.out.display())
    })
}

/// Refuses features that take more memory than there is, so many bytes beside the parameters.
fn check_memory(file: &ModelFile, bytes: u64, remedy: &str) -> crate::Result<()> {
    let bytes = file.bytes_to_read::<f32>().saturating_add(bytes);
    let free = available().filter(|free| bytes > free.0);
    if free.is_none() && is_granted(bytes) {
        return Ok(());
    }
    let fact = format!("its parameters and their picture take {} of memory", Bytes(bytes));
    let why = match free {
        Some(free) => format!("and {free} are free; {remedy} a machine with more"),
        None => "which the system refuses; raise the limit (ulimit -v), or lower --scale".to_owned(),
    };
    Err(Error::input(file.path(), format!("{fact}, {why}")))
}
