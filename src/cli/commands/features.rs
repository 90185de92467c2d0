//! `rhohat features`: what each hidden unit looks for, as a picture, a drawing or rows.

use std::borrow::Cow;

use crate::Error;
use crate::data::write::RowsHeader;
use crate::data::{Form, Preprocess};
use crate::io::atomic_write;
use crate::io::memory::{Bytes, available, is_granted};
use crate::io::paths::PathText;
use crate::math::params::Shape;
use crate::run::features::features as rows_of;
use crate::run::model_file::ModelFile;
use crate::run::picture::{features, features_bytes, form_of, svg};
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
    let preprocess = file.meta().map(|meta| &meta.preprocess);
    let form = match args.shape {
        Some(form) => given_form(args, form, inputs(preprocess, visible))?,
        None => form_of(preprocess, visible).ok_or_else(|| {
            let fact =
                format!("{visible} visible units are no square, and the file names no form of pictures");
            let remedy =
                "say it with --shape, as --shape 28x28, or write the features as numbers, -o FILE.npy";
            Error::input(&args.model, format!("{fact}; {remedy}"))
        })?,
    };
    let scale = if out.kind == Kind::Svg { Some(1) } else { args.scale };
    // The picture at one pixel a pixel and enlarged, beside the parameters.
    check_memory(file, 2 * features_bytes(hidden, form, scale), "lower --scale, or use")?;
    let params = file.params()?;
    let canvas = features(&weights(preprocess, &params.w1), form, scale)?;
    match out.kind {
        Kind::Svg => atomic_write::write(out.path(), |to| svg::write(&canvas, hidden, form, to))?,
        _ => canvas.save(out.path())?,
    }
    let (width, height) = (canvas.width, canvas.height);
    let report =
        json!({ "hidden": hidden, "width": width, "height": height, "out": PathText::from(&*args.out) });
    print(args.json, &report, |_| {
        format!("{}: {hidden} features, {width}×{height} pixels", args.out.display())
    })
}

/// Numbers of an example as the source has them.
fn inputs(preprocess: Option<&Preprocess>, visible: usize) -> usize {
    preprocess.map_or(visible, |preprocess| preprocess.inputs_of(visible))
}

/// W1 as weights of the source's values.
fn weights<'a>(preprocess: Option<&Preprocess>, w1: &'a [f32]) -> Cow<'a, [f32]> {
    preprocess.map_or(w1.into(), |preprocess| preprocess.weights_of_inputs(w1))
}

/// The form that a flag names, of examples of so many numbers.
fn given_form(args: &FeaturesArgs, form: Form, numbers: usize) -> crate::Result<Form> {
    if form.numbers() == Some(numbers) {
        return Ok(form);
    }
    let fact = format!("--shape {form}: {} has examples of {numbers} numbers", args.model.display());
    Err(Error::usage(format!("{fact}; give a form of as many pixels")))
}

/// Writes the features as numbers.
fn write_rows(args: &FeaturesArgs, file: &ModelFile, out: &Destination) -> anyhow::Result<()> {
    let Shape { visible, hidden } = file.shape();
    let preprocess = file.meta().map(|meta| &meta.preprocess);
    let cols = inputs(preprocess, visible);
    let header = RowsHeader { name: "features", column: "x", rows: hidden, cols, labels: None };
    out.check_size(&header)?;
    check_memory(file, 4 * (hidden as u64).saturating_mul(cols as u64), "use")?;
    let mut rows = Some(rows_of(&weights(preprocess, &file.params::<f32>()?.w1), cols));
    out.write_rows(&header, || Ok(rows.take()))?;
    let report = json!({ "hidden": hidden, "visible": cols, "out": PathText::from(&*args.out) });
    print(args.json, &report, |_| {
        format!("{}: {hidden} features of {cols} numbers, each of norm 1", args.out.display())
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
