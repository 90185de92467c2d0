//! A model on data as `eval`, `encode` and `reconstruct` ask for it: what their flags say, and the memory that may be taken.
//! [`crate::OnData`] does the work.

pub mod room;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::api::Names;
use crate::data::batches::ExampleSet as Given;
use crate::data::{DataContents, DataDescription, Labels, LazyExamples, Opened, Preprocess, Source};
use crate::engine::device::{Choice, ParamsAndExamples, Selector};
use crate::math::objective::{Activation, Objective};
use crate::math::params::{Matrix, Params, Shape};
use crate::run::config::check_objective;
use crate::run::data_log::{self, FOREIGN};
use crate::run::model_file::{Meta, ModelFile};
use indicatif::{HumanCount, ProgressBar};

use crate::cli::args::OnData;
use crate::cli::progress;
use room::Room;

/// A model that is given the examples of some data.
pub struct Session {
    /// The model on them.
    pub on: crate::OnData,
    /// The description of DATA, as JSON.
    pub data: serde_json::Value,
    /// The labels of DATA.
    of_data: Option<Arc<Labels>>,
}

/// An opened model, before anything large is read.
pub struct Opening<'a> {
    args: &'a OnData,
    file: ModelFile,
    objective: Objective,
}

/// The result that an example is made into, for the memory that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Its hidden activations.
    Codes,
    /// Its reconstruction.
    Outputs,
    /// Its reconstruction, as a part of one picture that is put together of all of them.
    Picture,
    /// Both, and the parameters for a look at the units.
    Judgement,
    /// Its hidden activations, of which each unit keeps the `top` largest.
    Units { top: usize },
    /// Its hidden activations, pooled into so many features of a picture.
    Pooled { features: usize },
    /// Its outputs from hidden activations, and where they are pictures, one that is put together of all of them.
    Decoded { pictures: bool },
}

impl<'a> Opening<'a> {
    /// Opens the model; `adjust` overrides the objective of its metadata.
    pub fn new(args: &'a OnData, adjust: impl FnOnce(&mut Objective)) -> anyhow::Result<Self> {
        let file = ModelFile::open(&args.model)?;
        let mut objective = objective(&file, args.activation, args.output);
        adjust(&mut objective);
        check_objective(&objective)?;
        Ok(Self { args, file, objective })
    }

    /// The activations that the model is taken with.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// The file of the model.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// The files that are read.
    pub fn inputs(&self) -> Vec<&Path> {
        let data = self.args.read.data.iter().map(PathBuf::as_path);
        std::iter::once(self.file.path()).chain(data).collect()
    }

    /// Opens device and data, plans the memory that `made` takes, and sets up the engine.
    pub fn session(self, made: Made) -> anyhow::Result<Session> {
        let Self { args, file, objective } = self;
        let choice = Choice::resolve(&args.device.parse::<Selector>()?)?;
        let room = Room { choice: &choice, model: &file, shape: file.shape(), made, memory: args.memory };
        room.check_model(&args.model)?;
        let taken = args.read.taken(file.meta().map_or(0, |meta| meta.seed));
        let opened = Opened::all(&args.read.data, &args.read.reading())?.taking(taken)?;
        check_divide(args, &opened.source)?;
        let preprocess = preprocess(args, &file, &opened.description);
        data_log::log(&opened.description, preprocess.scale, Some(file.shape().visible));
        let of_data = opened.description.labels.clone();
        let (data, dtype) = (opened.description.json(preprocess.scale), opened.source.dtype());
        let examples = examples(args, opened, &preprocess, file.shape())?;
        let room::Pieces { at_once, asked, pictures } = room.pieces(&examples)?;
        examples.set_capacity(pictures);
        let start = OnExamples { file: &file, examples: &examples };
        let names = Names { model: args.model.clone(), data: args.read.name() };
        let mut on = crate::OnData::open(&choice, objective, &start, (examples.clone(), dtype), names)?;
        on.cut(at_once, asked);
        Ok(Session { on, data, of_data })
    }
}

/// Pictures have a white of their own.
fn check_divide(args: &OnData, source: &Source) -> crate::Result<()> {
    match (args.divide, source) {
        (Some(_), Source::Images(_)) => Err(Error::usage(
            "--divide is for rows, but the data are pictures, whose bytes are divided by 255; leave it out",
        )),
        _ => Ok(()),
    }
}

/// That of the metadata, the activations overridden by flags.
pub fn objective(file: &ModelFile, activation: Option<Activation>, output: Option<Activation>) -> Objective {
    let stored = file.meta().map(|meta| meta.objective);
    if stored.is_none() {
        tracing::info!("{}: no rhohat metadata; {FOREIGN}", crate::error::shown(file.path()));
    }
    let stored = stored.unwrap_or_default();
    Objective {
        activation: activation.unwrap_or(stored.activation),
        output: output.unwrap_or(stored.output),
        ..stored
    }
}

/// That of the metadata, or what is assumed of another program's model; `--normalize` overrides it.
fn preprocess(args: &OnData, file: &ModelFile, taken: &DataDescription) -> Preprocess {
    let stored = file.meta().map(|meta| meta.preprocess.clone());
    let mut preprocess = stored.unwrap_or_else(|| {
        let scale = taken.usual_scale();
        Preprocess { scale, ..Meta::foreign(file.shape()).preprocess }
    });
    preprocess.scale = args.divide.unwrap_or(preprocess.scale);
    if let Some(kind) = args.normalize.filter(|&kind| kind != preprocess.normalize) {
        // Limits and columns belong to their kind of normalisation: those of another are fitted anew.
        if kind.is_of_columns() || preprocess.normalize.is_of_columns() {
            preprocess.columns = None;
        }
        (preprocess.normalize, preprocess.limits) = (kind, None);
    }
    preprocess
}

/// The examples, rows on disk left there.
fn examples(
    args: &OnData,
    Opened { source, description: taken }: Opened,
    preprocess: &Preprocess,
    shape: Shape,
) -> anyhow::Result<LazyExamples> {
    let stage = progress::stage("making examples");
    // Rows of patches are refused with the size of the patch.
    if let (DataContents::Rows { rows, cols }, None) = (&taken.contents, preprocess.patch) {
        let (rows, cols) = (*rows, *cols);
        let visible = preprocess.inputs_of(shape.visible);
        check_width(&args.read.name(), (rows, cols), Shape { visible, ..shape })?;
    }
    let examples = LazyExamples::new(source, preprocess, args.memory, &|rows| {
        stage.say(format!("looking at rows for their scale, {} so far", HumanCount(rows as u64)));
    })
    .map_err(|error| error.of_data(Some(&args.read.name())))?;
    drop(stage);
    check_width(&args.read.name(), (0, examples.size().1), shape)?;
    if let Some(cropped) = examples.cropped() {
        tracing::info!("{cropped}");
    }
    Ok(examples)
}

fn check_width(
    path: &Path,
    (rows, found): (usize, usize),
    Shape { visible, .. }: Shape,
) -> crate::Result<()> {
    if found == visible {
        return Ok(());
    }
    let remedy =
        if rows == visible { "; where the examples stand in columns, say --axes length,count" } else { "" };
    let reason = format!("rows of {found} numbers, but the model has {visible} visible units{remedy}");
    Err(Error::input(path, reason))
}

/// A model's parameters and examples, rounded to what the engine holds.
struct OnExamples<'a> {
    file: &'a ModelFile,
    examples: &'a LazyExamples,
}

impl ParamsAndExamples for OnExamples<'_> {
    fn single(&self) -> crate::Result<(Params<f32>, Given)> {
        Ok((self.file.params()?, self.examples.examples()?))
    }

    fn double(&self) -> crate::Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.file.params()?, self.examples.matrix()?))
    }
}

impl Session {
    /// The labels of the examples: those of rows, or of the pictures that they are patches of.
    pub fn labels(&self) -> Option<Arc<Labels>> {
        let labels = self.of_data.as_ref()?;
        let examples = self.on.examples();
        if labels.of.len() == examples {
            return Some(Arc::clone(labels));
        }
        let grids = self.on.rows().grids().filter(|grids| grids.len() == labels.of.len())?;
        let of_each = grids.iter().zip(&labels.of);
        let of: Vec<u32> =
            of_each.flat_map(|(grid, &label)| std::iter::repeat_n(label, grid.across * grid.down)).collect();
        (of.len() == examples).then(|| Arc::new(Labels { names: labels.names.clone(), of }))
    }

    /// A pass over the examples.
    pub fn pass(&self) -> Pass {
        let rows = self.on.examples();
        Pass { pieces: Box::new(self.on.pieces()), rows, bar: progress::bar(rows, 20) }
    }
}

/// Examples in pieces, from the first to the last, with a bar.
pub struct Pass {
    pieces: Box<dyn Iterator<Item = Range<usize>>>,
    rows: usize,
    bar: ProgressBar,
}

impl Iterator for Pass {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let next = self.pieces.next();
        self.bar.set_position(next.as_ref().map_or(self.rows, |rows| rows.start) as u64);
        if next.is_none() {
            self.bar.finish_and_clear();
        }
        next
    }
}
