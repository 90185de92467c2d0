//! `rhohat features`: the picture of what each hidden unit looks for.

use crate::Error;
use crate::data::Form;
use crate::io::memory::{Bytes, available, is_granted};
use crate::io::paths::PathText;
use crate::math::params::Shape;
use crate::run::model_file::ModelFile;
use crate::run::picture::{features, features_bytes, form_of};
use serde_json::json;

use super::outputs::{Kind, Wanted};
use crate::cli::args::FeaturesArgs;
use crate::cli::output::print;

/// Draws and writes the PNG.
pub fn run(args: &FeaturesArgs) -> anyhow::Result<()> {
    let file = ModelFile::open(&args.model)?;
    let (kinds, inputs) = (&[Kind::Png], &[file.path()]);
    let wanted = Wanted { flag: "-o", path: &args.out, kinds, inputs, force: Some(args.force) };
    let out = wanted.check()?;
    let shape = file.shape();
    let preprocess = file.meta().map(|meta| &meta.preprocess);
    let form = match args.shape {
        Some(form) => {
            given_form(args, form, preprocess.map_or(shape.visible, |it| it.inputs_of(shape.visible)))?
        }
        None => form_of(preprocess, shape.visible).ok_or_else(|| {
            let fact = format!(
                "{} visible units are no square, and the file names no form of pictures",
                shape.visible
            );
            Error::input(&args.model, format!("{fact}; say it with --shape, as --shape 28x28"))
        })?,
    };
    let Shape { hidden, .. } = shape;
    // The picture at one pixel a pixel and enlarged, beside the parameters.
    let bytes = file.bytes_to_read::<f32>().saturating_add(2 * features_bytes(hidden, form, args.scale));
    let free = available().filter(|free| bytes > free.0);
    if free.is_some() || !is_granted(bytes) {
        let fact = format!("its parameters and their picture take {} of memory", Bytes(bytes));
        let why = match free {
            Some(free) => format!("and {free} are free; lower --scale, or use a machine with more"),
            None => "which the system refuses; raise the limit (ulimit -v), or lower --scale".to_owned(),
        };
        return Err(Error::input(file.path(), format!("{fact}, {why}")).into());
    }
    let params = file.params()?;
    let weights = preprocess.map_or((&params.w1[..]).into(), |it| it.weights_of_inputs(&params.w1));
    let canvas = features(&weights, form, args.scale)?;
    canvas.save(out.path())?;
    let (width, height) = (canvas.width, canvas.height);
    let report = json!({ "hidden": shape.hidden, "width": width, "height": height, "out": PathText::from(&*args.out) });
    print(args.json, &report, |_| {
        format!("{}: {} features, {width}×{height} pixels", args.out.display(), shape.hidden)
    })
}

/// The form that a flag names, of examples of so many numbers.
fn given_form(args: &FeaturesArgs, form: Form, numbers: usize) -> crate::Result<Form> {
    if form.numbers() == Some(numbers) {
        return Ok(form);
    }
    let fact = format!("--shape {form}: {} has examples of {numbers} numbers", args.model.display());
    Err(Error::usage(format!("{fact}; give a form of as many pixels")))
}
