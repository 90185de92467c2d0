//! A model on data: what `eval`, `encode` and `reconstruct` share.

use std::path::Path;

use rhohat::Error;
use rhohat::config::{check_objective, reach_warning, scale_warning};
use rhohat::data::{Examples, Found, Normalize, Opened, Preprocess, Taken};
use rhohat::device::{Choice, Selector, Setup, Start};
use rhohat::engine::{Cut, Engine, RhoHat};
use rhohat::model::file::ModelFile;
use rhohat::model::{Matrix, Params};
use rhohat::objective::Objective;
use rhohat::picture::Tile;
use rhohat::supply::Examples as Given;

use super::taken;
use crate::cli::OnData;
use crate::progress;

/// Rows that are asked of an engine at a time.
const ROWS: usize = 4096;

/// A model that holds the examples of some data.
pub struct Session {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// The examples, after the model's preprocessing.
    pub examples: Examples<f64>,
    /// What J is made of.
    pub objective: Objective,
    /// What DATA was taken for.
    pub data: serde_json::Value,
}

/// Opens model, device and data; `adjust` overrides the objective of the metadata.
pub fn open(args: &OnData, adjust: impl FnOnce(&mut Objective)) -> anyhow::Result<Session> {
    let file = ModelFile::open(&args.model)?;
    let mut objective = objective(args, &file);
    adjust(&mut objective);
    check_objective(&objective)?;
    let choice = Choice::resolve(&args.device.parse::<Selector>()?)?;
    let opened = Opened::new(&args.data, &args.reading())?;
    let preprocess = preprocess(args, &file, &opened.taken);
    taken::tell(&opened.taken, preprocess.scale, Some(file.shape().visible));
    let data = opened.taken.json(preprocess.scale);
    let examples = examples(&args.data, &opened, &preprocess, file.shape().visible)?;
    let values = &examples.matrix.values;
    let number = opened.source.number();
    let warnings =
        [reach_warning(values, objective.output, None), scale_warning(values, &preprocess, number)];
    for warning in warnings.into_iter().flatten() {
        tracing::warn!("{warning}");
    }
    let setup = Setup { objective, cut: Cut::default(), rho_hat: RhoHat::default(), threads: 0 };
    let engine = choice.open(&setup, &OnExamples { file: &file, examples: &examples.matrix })?;
    Ok(Session { engine, examples, objective, data })
}

/// That of the metadata, the activations overridden by flags.
fn objective(args: &OnData, file: &ModelFile) -> Objective {
    let stored = file.meta().map(|meta| meta.objective);
    if stored.is_none() {
        tracing::info!("{}: no rhohat metadata; {FOREIGN}", args.model.display());
    }
    let stored = stored.unwrap_or_default();
    Objective {
        activation: args.activation.unwrap_or(stored.activation),
        output: args.output.unwrap_or(stored.output),
        ..stored
    }
}

/// What is assumed of other programs' models.
pub const FOREIGN: &str =
    "taken as sigmoid to sigmoid without preprocessing; --activation, --output and --normalize say otherwise";

/// That of the metadata, or none, with patches where the width is that of a square; `--normalize` overrides it.
fn preprocess(args: &OnData, file: &ModelFile, taken: &Taken) -> Preprocess {
    let stored = file.meta().map(|meta| meta.preprocess.clone());
    let mut preprocess = stored.unwrap_or_else(|| {
        let (patch, channels) =
            Tile::of(None, file.shape().visible).map(|tile| (tile.side, tile.channels)).unzip();
        let scale = taken.usual_scale();
        Preprocess { patch, channels, whiten: false, scale, normalize: Normalize::None, limits: None }
    });
    preprocess.scale = args.divide.unwrap_or(preprocess.scale);
    if let Some(kind) = args.normalize.filter(|&kind| kind != preprocess.normalize) {
        // Limits belong to their kind of normalisation: those of another are fitted anew.
        (preprocess.normalize, preprocess.limits) = (kind, None);
    }
    preprocess
}

fn examples(
    path: &Path,
    opened: &Opened,
    preprocess: &Preprocess,
    visible: usize,
) -> anyhow::Result<Examples<f64>> {
    let stage = progress::stage("making examples");
    let examples: Examples<f64> = opened.source.apply(preprocess)?;
    drop(stage);
    let found = examples.matrix.cols;
    if found != visible {
        let columns = matches!(opened.taken.found, Found::Rows { rows, .. } if rows == visible);
        let remedy = if columns { "; where the examples stand in columns, say --axes length,count" } else { "" };
        let reason = format!("rows of {found} numbers, but the model has {visible} visible units{remedy}");
        return Err(Error::input(path, reason).into());
    }
    Ok(examples)
}

/// A model's parameters and examples, rounded to what the engine holds.
struct OnExamples<'a> {
    file: &'a ModelFile,
    examples: &'a Matrix<f64>,
}

impl Start for OnExamples<'_> {
    fn single(&self) -> rhohat::Result<(Params<f32>, Given)> {
        Ok((self.file.params()?, self.examples.cast().into()))
    }

    fn double(&self) -> rhohat::Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.file.params()?, self.examples.cast()))
    }
}

impl Session {
    /// A2 of all examples, `[m, h]`.
    pub fn encode(&mut self) -> rhohat::Result<Vec<f32>> {
        self.all(|engine, first, count| engine.encode(first, count))
    }

    /// A3 of all examples, `[m, n]`, in the model's normalised space.
    pub fn reconstruct(&mut self) -> rhohat::Result<Vec<f32>> {
        self.all(|engine, first, count| engine.reconstruct(first, count))
    }

    fn all(
        &mut self,
        compute: impl Fn(&mut dyn Engine, usize, usize) -> rhohat::Result<Vec<f32>>,
    ) -> rhohat::Result<Vec<f32>> {
        let rows = self.examples.matrix.rows;
        let bar = progress::bar(rows, 20);
        let mut values = Vec::new();
        for first in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - first);
            values.extend(compute(&mut *self.engine, first, count)?);
            bar.inc(count as u64);
        }
        bar.finish_and_clear();
        Ok(values)
    }
}
