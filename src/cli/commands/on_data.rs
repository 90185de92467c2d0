//! A model on data: what `eval`, `encode` and `reconstruct` share. Rows come piece by piece, so that neither they nor what
//! is made of them has to fit in memory.

mod room;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::data::batches::ExampleSet as Given;
use crate::data::dtype::DType;
use crate::data::{DataContents, DataDescription, LazyExamples, Normalize, Opened, Preprocess, Source};
use crate::engine::device::{Choice, Selector, Setup, Start};
use crate::engine::{Chunking, Engine, RhoHat};
use crate::math::objective::Objective;
use crate::math::params::{Matrix, Params, Shape};
use crate::run::config::{check_objective, reach_warning, scale_warning};
use crate::run::data_log::{self, FOREIGN};
use crate::run::model_file::{Meta, ModelFile};
use indicatif::{HumanCount, ProgressBar};

use crate::cli::args::OnData;
use crate::cli::progress;
use room::Room;

/// A model that is given the examples of some data.
pub struct Session {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// The examples, after the model's preprocessing.
    pub examples: LazyExamples,
    /// The objective J.
    pub objective: Objective,
    /// The description of DATA, as JSON.
    pub data: serde_json::Value,
    /// DATA, for messages.
    path: PathBuf,
    /// The type of its numbers.
    number: Option<DType>,
    /// Rows that are asked of the engine at a time.
    piece: usize,
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
}

impl<'a> Opening<'a> {
    /// Opens the model; `adjust` overrides the objective of its metadata.
    pub fn new(args: &'a OnData, adjust: impl FnOnce(&mut Objective)) -> anyhow::Result<Self> {
        let file = ModelFile::open(&args.model)?;
        let mut objective = objective(args, &file);
        adjust(&mut objective);
        check_objective(&objective)?;
        Ok(Self { args, file, objective })
    }

    /// The files that are read.
    pub fn inputs(&self) -> [&Path; 2] {
        [self.file.path(), &self.args.data]
    }

    /// Opens device and data, plans the memory that `made` takes, and sets up the engine.
    pub fn session(self, made: Made) -> anyhow::Result<Session> {
        let Self { args, file, objective } = self;
        let choice = Choice::resolve(&args.device.parse::<Selector>()?)?;
        let room = Room { choice: &choice, model: &file, made, memory: args.memory };
        room.check_model(&args.model)?;
        let opened = Opened::new(&args.data, &args.reading())?;
        check_divide(args, &opened.source)?;
        let preprocess = preprocess(args, &file, &opened.description);
        data_log::log(&opened.description, preprocess.scale, Some(file.shape().visible));
        let (data, number) = (opened.description.json(preprocess.scale), opened.source.dtype());
        let examples = examples(args, opened, &preprocess, file.shape())?;
        let room::Pieces { at_once, asked, pictures } = room.pieces(&examples)?;
        examples.set_capacity(pictures);
        let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 0 };
        let mut engine = choice.open(&setup, &OnExamples { file: &file, examples: &examples })?;
        engine.compute_at_once(at_once);
        let path = args.data.clone();
        Ok(Session { engine, examples, objective, data, path, number, piece: asked })
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
fn objective(args: &OnData, file: &ModelFile) -> Objective {
    let stored = file.meta().map(|meta| meta.objective);
    if stored.is_none() {
        tracing::info!("{}: no rhohat metadata; {FOREIGN}", crate::error::shown(file.path()));
    }
    let stored = stored.unwrap_or_default();
    Objective {
        activation: args.activation.unwrap_or(stored.activation),
        output: args.output.unwrap_or(stored.output),
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
        // Limits belong to their kind of normalisation: those of another are fitted anew.
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
        check_width(&args.data, (rows, cols), shape)?;
    }
    let examples = LazyExamples::new(source, preprocess, args.memory, &|rows| {
        stage.say(format!("looking at rows for their scale, {} so far", HumanCount(rows as u64)));
    })
    .map_err(|error| error.of_data(Some(&args.data)))?;
    drop(stage);
    check_width(&args.data, (0, examples.size().1), shape)?;
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

impl Start for OnExamples<'_> {
    fn single(&self) -> crate::Result<(Params<f32>, Given)> {
        Ok((self.file.params()?, self.examples.examples()?))
    }

    fn double(&self) -> crate::Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.file.params()?, self.examples.matrix()?))
    }
}

impl Session {
    /// A pass over the examples.
    pub fn pass(&self) -> Pass {
        let rows = self.examples.size().0;
        Pass { rows, piece: self.piece, next: 0, bar: progress::bar(rows, 20) }
    }

    /// A2 of examples, `[rows, h]`, all of them finite.
    pub fn encode(&mut self, rows: &Range<usize>) -> crate::Result<Vec<f32>> {
        let codes = self.engine.encode(rows.start, rows.len())?;
        self.check_finite(codes, rows, "hidden activation")
    }

    /// A3 of examples, `[rows, n]`, in the model's normalised space, all of them finite.
    pub fn reconstruct(&mut self, rows: &Range<usize>) -> crate::Result<Vec<f32>> {
        let outputs = self.engine.reconstruct(rows.start, rows.len())?;
        self.check_finite(outputs, rows, "output")
    }

    /// The same with the values that the data came in.
    pub fn restore(&mut self, rows: &Range<usize>) -> crate::Result<Vec<f32>> {
        let mut outputs = self.reconstruct(rows)?;
        let preprocess = self.examples.preprocess();
        let means = match preprocess.normalize {
            Normalize::Lecture => self.examples.rows(rows.clone())?.means,
            Normalize::None | Normalize::Unit => Vec::new(),
        };
        preprocess.restore(&mut outputs, &means);
        self.check_finite(outputs, rows, "restored output")
    }

    /// Refuses a result that 32 bits do not hold: the model and the data are finite.
    fn check_finite(&self, values: Vec<f32>, rows: &Range<usize>, what: &str) -> crate::Result<Vec<f32>> {
        let Some(bad) = values.iter().position(|x| !x.is_finite()) else { return Ok(values) };
        let (cols, count) =
            (values.len() / rows.len().max(1), values.iter().filter(|x| !x.is_finite()).count());
        let (row, col) = (rows.start + bad / cols, bad % cols);
        let fact = format!(
            "{what} {col} of example {row} (counted from 0) is {}, like {count} of the {} numbers from example {} on",
            values[bad],
            values.len(),
            rows.start
        );
        let remedy = "the data or the weights are too large for 32-bit numbers; scale the data (--normalize unit), or take the model that belongs to them";
        Err(Error::input(&self.path, format!("{fact}: {remedy}")))
    }
}

/// Examples in pieces, from the first to the last.
pub struct Pass {
    rows: usize,
    piece: usize,
    next: usize,
    bar: ProgressBar,
}

impl Iterator for Pass {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        self.bar.set_position(self.next as u64);
        if self.next == self.rows {
            self.bar.finish_and_clear();
            return None;
        }
        let first = self.next;
        self.next = (first + self.piece).min(self.rows);
        Some(first..self.next)
    }
}

/// The least and the largest of the examples, for a warning about what the output cannot reach.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    least: f64,
    most: f64,
}

impl Default for Reach {
    fn default() -> Self {
        Self { least: f64::INFINITY, most: f64::NEG_INFINITY }
    }
}

impl Reach {
    /// Takes more examples.
    pub fn add(&mut self, values: &[f64]) {
        for &x in values {
            self.least = self.least.min(x);
            self.most = self.most.max(x);
        }
    }

    /// The largest absolute value.
    pub fn largest(&self) -> f64 {
        self.least.abs().max(self.most.abs())
    }

    /// Warns, if there is something beyond the output's reach, or divided that was no bytes.
    pub fn warn(&self, session: &Session) {
        let (extremes, preprocess) = ([self.least, self.most], session.examples.preprocess());
        let beyond = reach_warning(&extremes, session.objective.output, None);
        let divided = scale_warning(&extremes, preprocess, session.number);
        for warning in beyond.into_iter().chain(divided) {
            tracing::warn!("{warning}");
        }
    }
}
