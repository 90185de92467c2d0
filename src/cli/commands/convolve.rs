//! `rhohat convolve`: pooled features of whole pictures, as rows for a classifier.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::on_data::room::Room;
use super::on_data::{Made, objective};
use super::outputs::{Kind, Wanted};
use crate::Error;
use crate::api::{Convolved, Encoder, Pool, PositionLayout, fitted, of_patches, of_pictures};
use crate::cli::args::ConvolveArgs;
use crate::cli::output::print;
use crate::cli::progress;
use crate::data::write::RowsHeader;
use crate::data::{Labels, LazyExamples, Meaning, Opened, Preprocess, Reading};
use crate::engine::device::{Choice, Selector};
use crate::io::paths::PathText;
use crate::math::params::Shape;
use crate::run::config::check_objective;
use crate::run::data_log;
use crate::run::model_file::{Meta, ModelFile};

/// Convolves and writes `[pictures, features]`, picture after picture.
pub fn run(args: &ConvolveArgs) -> anyhow::Result<()> {
    let file = ModelFile::open(&args.model)?;
    let data = args.read.data.iter().map(PathBuf::as_path);
    let inputs: &Vec<&Path> = &std::iter::once(file.path()).chain(data).collect();
    let wanted = Wanted { flag: "-o", path: &args.out, kinds: &Kind::ROWS, inputs, force: Some(args.force) };
    let out = wanted.check()?;
    let (mut convolved, layout, given) = open(args, &file)?;
    let (rows, cols, shape) = (convolved.pictures(), convolved.features(), convolved.shape());
    let labels = given.labels.as_deref();
    let header = RowsHeader { name: "features", column: "feature", rows, cols, labels, shape: Some(shape) };
    out.check_size(&header)?;
    let (positions, _) = convolved.progress();
    let bar = progress::bar(positions, 20);
    out.write_rows(&header, || {
        loop {
            let done = convolved.progress().1;
            bar.set_position(done as u64);
            bar.set_message(left(bar.elapsed(), done, positions));
            if done == positions {
                bar.finish_and_clear();
                return Ok(None);
            }
            if let Some(features) = convolved.step()? {
                return convolved.finite(features).map(Some);
            }
        }
    })?;
    let [hidden, down, across] = shape;
    let report = json!({
        "pictures": rows, "hidden": hidden, "positions": convolved.positions(), "regions": [down, across],
        "features": cols, "pool": args.pool, "step": args.step, "left_out": layout.left_out(),
        "out": PathText::from(&*args.out), "data": given.data, "labels": labels.map(|labels| labels.names.len()),
    });
    print(args.json, &report, |_| {
        format!(
            "{}: {rows} rows of {cols} features, {hidden} hidden units on {down}×{across} regions",
            args.out.display()
        )
    })
}

/// The time that is left, in words.
fn left(elapsed: Duration, done: usize, all: usize) -> String {
    if done == 0 {
        return String::new();
    }
    let seconds = elapsed.as_secs_f64() * (all - done) as f64 / done as f64;
    format!("{} left", indicatif::HumanDuration(Duration::from_secs_f64(seconds)))
}

/// What is told of PICTURES.
struct Given {
    data: Value,
    labels: Option<Arc<Labels>>,
}

/// Opens device and pictures, plans the memory, folds what can be folded, and sets up the engine.
fn open(args: &ConvolveArgs, file: &ModelFile) -> anyhow::Result<(Convolved, PositionLayout, Given)> {
    let name = args.read.name();
    let objective = objective(file, args.activation, None);
    check_objective(&objective)?;
    let meta = file.meta().map_or_else(|| Meta::foreign(file.shape()), Meta::clone);
    let preprocess = of_patches(&meta.preprocess).map_err(|why| Error::input(file.path(), why))?;
    let pool = Pool::new(args.pool).step(args.step);
    let opened = pictures(args)?.taking(args.read.taken(meta.seed))?;
    let held = of_pictures(&opened.source).map_err(|error| error.of_data(Some(&name)))?;
    let layout = PositionLayout::new(&held, &preprocess, pool)?;
    data_log::log(&opened.description, preprocess.scale, Some(file.shape().visible));
    layout.tell();
    let choice = Choice::resolve(&args.device.parse::<Selector>()?)?;
    let room = room(args, file, (&choice, &preprocess, &layout));
    room.check_model(&args.model)?;
    let stage = progress::stage("making the model ready");
    let preprocess = fitted(&held, preprocess, args.memory)?;
    let encoder = Encoder::new(&file.params()?, &preprocess);
    let examples = LazyExamples::at_positions(&held, &encoder.preprocess, args.step, args.memory)?;
    drop(stage);
    let pieces = room.pieces(&examples)?;
    examples.set_capacity(pieces.pictures);
    let given = Given {
        data: opened.description.json(preprocess.scale),
        labels: opened.description.labels.clone().filter(|labels| labels.of.len() == held.list().len()),
    };
    let mut convolved = Convolved::open(&choice, objective, (encoder, examples), layout.clone(), name)?;
    convolved.cut(pieces.asked);
    Ok((convolved, layout, given))
}

/// The memory that is there for it; folded or not, no more than this is taken.
fn room<'a>(
    args: &ConvolveArgs,
    file: &'a ModelFile,
    (choice, preprocess, layout): (&'a Choice, &Preprocess, &PositionLayout),
) -> Room<'a> {
    let Shape { visible, hidden } = file.shape();
    let shape = Shape { visible: visible.max(preprocess.inputs_of(visible)), hidden };
    let features = layout.regions().count().unwrap_or(usize::MAX).saturating_mul(hidden);
    Room { choice, model: file, shape, made: Made::Pooled { features }, memory: args.memory }
}

/// Opens PICTURES. Pictures of an IDX file, rows for the other commands, are whole here.
fn pictures(args: &ConvolveArgs) -> crate::Result<Opened> {
    let reading = args.read.reading();
    let opened = Opened::all(&args.read.data, &reading)?;
    let is_stack = matches!(opened.description.shape[..], [_, _, _] | [_, _, _, 3]);
    if is_stack && reading == Reading::default() && of_pictures(&opened.source).is_err() {
        return Opened::all(&args.read.data, &Reading { meaning: Some(Meaning::Pictures), ..reading });
    }
    Ok(opened)
}
