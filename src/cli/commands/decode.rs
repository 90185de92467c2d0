//! `rhohat decode`: hidden activations back to the values of the data.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::on_data::room::Room;
use super::on_data::{Made, objective};
use super::outputs::{Destination, Kind, Wanted};
use super::sheet;
use crate::Error;
use crate::cli::args::DecodeArgs;
use crate::cli::output::print;
use crate::cli::progress;
use crate::data::batches::ExampleSet;
use crate::data::formats::SparseRows;
use crate::data::write::RowsHeader;
use crate::data::{DataContents, LazyExamples, Normalize, Opened, Preprocess, Reading, Scale, Taken};
use crate::engine::device::{Choice, ParamsAndExamples, Selector, Setup};
use crate::engine::{Chunking, Engine, RhoHat};
use crate::io::paths::PathText;
use crate::math::params::{Matrix, Params, Real, Shape};
use crate::run::config::check_objective;
use crate::run::data_log;
use crate::run::model_file::{Meta, ModelFile};

/// Decodes and writes `[m, n]`, piece by piece, or the pictures.
pub fn run(args: &DecodeArgs) -> anyhow::Result<()> {
    let file = ModelFile::open(&args.model)?;
    let data = args.read.data.iter().map(PathBuf::as_path);
    let inputs: Vec<&Path> = std::iter::once(file.path()).chain(data).collect();
    let (kinds, inputs) = (&[&Kind::ROWS[..], &[Kind::Png]].concat(), &inputs);
    let out = Wanted { flag: "-o", path: &args.out, kinds, inputs, force: Some(args.force) }.check()?;
    let objective = objective(&file, args.activation, args.output);
    check_objective(&objective)?;
    let choice = Choice::resolve(&args.device.parse::<Selector>()?)?;
    let made = Made::Decoded { pictures: out.kind == Kind::Png };
    let room = Room { choice: &choice, model: &file, shape: file.shape(), made, memory: args.memory };
    room.check_model(&args.model)?;
    let offset = objective.activation.active_fraction().offset as f32;
    let codes = Codes::open(args, &file, offset)?;
    let asked = room.decoded(codes.rows, codes.held())?;
    let setup = Setup { objective, cut: Chunking::default(), rho_hat: RhoHat::default(), threads: 0 };
    let engine = choice.open(&setup, &Alone(&file))?;
    let preprocess = file.meta().map_or_else(|| Meta::foreign(file.shape()), Meta::clone).preprocess;
    let shape = file.shape();
    let (rows, cols) = (codes.rows, preprocess.inputs_of(shape.visible));
    let mut decoding = Decoding { engine, codes, preprocess, shape, asked, path: args.read.name() };
    let what = match out.kind {
        Kind::Png => decoding.draw(&out, &file)?,
        _ => {
            decoding.write(&out)?;
            format!("{rows} rows of {cols} numbers")
        }
    };
    let Decoding { codes, preprocess, .. } = decoding;
    let without_means = preprocess.normalize == Normalize::Lecture;
    if without_means {
        tracing::warn!(
            "the model takes its own mean from each example, which codes do not hold: the result lacks it"
        );
    }
    if preprocess.whiten {
        tracing::warn!(
            "the model's images were whitened, which cannot be undone: the result is in whitened space"
        );
    }
    let report = json!({
        "examples": rows, "visible": cols, "hidden": shape.hidden, "sparse": codes.is_sparse(), "without_means": without_means,
        "whitened": preprocess.whiten, "out": PathText::from(&*args.out), "data": codes.data,
    });
    print(args.json, &report, |_| format!("{}: {what}", args.out.display()))
}

/// Codes, which are made dense a few rows at a time.
struct Codes {
    held: HeldCodes,
    rows: usize,
    /// The description of dense ones, as JSON.
    data: Value,
}

enum HeldCodes {
    Dense(LazyExamples),
    /// Above rest, which is at −`offset`.
    Sparse {
        matrix: SparseRows,
        offset: f32,
    },
}

impl Codes {
    /// Opens what `args` name, as activations of the units of `file`.
    fn open(args: &DecodeArgs, file: &ModelFile, offset: f32) -> crate::Result<Self> {
        let (name, Shape { visible, hidden }) = (args.read.name(), file.shape());
        let fits = |found: usize| {
            if found == hidden {
                return Ok(());
            }
            let remedy = if found == visible { "; for data, see reconstruct" } else { "" };
            let fact = format!("codes of {found} numbers, but the model has {hidden} hidden units");
            Err(Error::input(&name, format!("{fact}{remedy}")))
        };
        let taken = args.read.taken(file.meta().map_or(0, |meta| meta.seed));
        if let [path] = &args.read.data[..]
            && path.is_file()
            && let Some(matrix) = SparseRows::open(path)?
        {
            if taken != Taken::default() || args.read.reading() != Reading::default() {
                let fact = format!("{}: sparse codes are taken as they are", crate::error::shown(path));
                return Err(Error::usage(format!("{fact}; leave out the flags that say how DATA are read")));
            }
            fits(matrix.cols)?;
            if offset != 0.0 && matrix.least() < 0.0 {
                let fact =
                    format!("it holds {}, but sparse codes are activations above rest", matrix.least());
                let remedy = format!("add {offset} to each that is held, or give all of them as dense rows");
                return Err(Error::input(path, format!("{fact}, which is at -{offset}; {remedy}")));
            }
            let rows = matrix.rows;
            return Ok(Self { held: HeldCodes::Sparse { matrix, offset }, rows, data: Value::Null });
        }
        let opened = Opened::all(&args.read.data, &args.read.reading())?.taking(taken)?;
        let DataContents::Rows { cols, .. } = opened.description.contents else {
            return Err(Error::input(&name, "codes are rows, but these are pictures; say `as` rows"));
        };
        fits(cols)?;
        data_log::log(&opened.description, Scale::AsIs, Some(hidden));
        let data = opened.description.json(Scale::AsIs);
        let codes = LazyExamples::new(opened.source, &Preprocess::AS_IS, args.memory, &|_| {});
        let codes = codes.map_err(|error| error.of_data(Some(&name)))?;
        Ok(Self { rows: codes.size().0, held: HeldCodes::Dense(codes), data })
    }

    fn is_sparse(&self) -> bool {
        matches!(self.held, HeldCodes::Sparse { .. })
    }

    /// Bytes of all of them in memory, and of a row where it is read from.
    fn held(&self) -> (u64, usize) {
        match &self.held {
            HeldCodes::Dense(codes) => (codes.resident_bytes(), codes.row_bytes()),
            HeldCodes::Sparse { matrix, .. } => (matrix.bytes(), 0),
        }
    }

    /// Activations `[rows, h]`.
    fn activations(&self, path: &Path, rows: Range<usize>) -> crate::Result<Vec<f32>> {
        match &self.held {
            HeldCodes::Dense(codes) => Ok(codes.rows(rows)?.values.into_iter().map(|x| x as f32).collect()),
            HeldCodes::Sparse { matrix, offset } => {
                let mut dense = matrix.dense(path, rows)?;
                dense.iter_mut().for_each(|a| *a -= offset);
                Ok(dense)
            }
        }
    }
}

/// A model's parameters, and no examples.
struct Alone<'a>(&'a ModelFile);

impl Alone<'_> {
    fn examples<T: Real>(&self) -> Matrix<T> {
        Matrix::new(0, self.0.shape().visible, Vec::new())
    }
}

impl ParamsAndExamples for Alone<'_> {
    fn single(&self) -> crate::Result<(Params<f32>, ExampleSet)> {
        Ok((self.0.params()?, self.examples::<f32>().into()))
    }

    fn double(&self) -> crate::Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.0.params()?, self.examples()))
    }
}

struct Decoding {
    engine: Box<dyn Engine>,
    codes: Codes,
    preprocess: Preprocess,
    shape: Shape,
    /// Rows that are decoded at a time.
    asked: usize,
    /// The codes, in messages.
    path: PathBuf,
}

impl Decoding {
    /// Rows in the values of the data.
    fn decode(&mut self, rows: Range<usize>) -> crate::Result<Vec<f32>> {
        let codes = self.codes.activations(&self.path, rows.clone())?;
        let values = self.preprocess.restore(self.engine.decode_rows(&codes)?, &[]);
        let cols = self.preprocess.inputs_of(self.shape.visible).max(1);
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(values),
            Some(bad) => {
                let (row, col) = (rows.start + bad / cols, bad % cols);
                let fact =
                    format!("number {col} of row {row} (counted from 0) comes back as {}", values[bad]);
                let remedy =
                    "the codes or the weights are too large for 32-bit numbers; give the codes of this model";
                Err(Error::input(&self.path, format!("{fact}: {remedy}")))
            }
        }
    }

    fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, asked) = (self.codes.rows, self.asked);
        (0..rows).step_by(asked).map(move |first| first..rows.min(first.saturating_add(asked)))
    }

    fn write(&mut self, out: &Destination) -> crate::Result<()> {
        let (rows, cols) = (self.codes.rows, self.preprocess.inputs_of(self.shape.visible));
        let header =
            RowsHeader { name: "reconstruction", column: "x", rows, cols, labels: None, shape: None };
        out.check_size(&header)?;
        let (mut pieces, bar) = (self.pieces(), progress::bar(rows, 20));
        out.write_rows(&header, || {
            let Some(range) = pieces.next() else { return Ok(None) };
            bar.set_position(range.start as u64);
            self.decode(range).map(Some)
        })?;
        bar.finish_and_clear();
        Ok(())
    }

    fn draw(&mut self, out: &Destination, file: &ModelFile) -> crate::Result<String> {
        let preprocess = self.preprocess.clone();
        let form = sheet::form(out, (file.path(), file.meta()), self.shape.visible)?;
        sheet::check(out, self.codes.rows, form)?;
        let mut rows = Vec::new();
        for range in self.pieces() {
            rows.extend(self.decode(range)?);
        }
        let centred = preprocess.whiten || preprocess.normalize == Normalize::Lecture;
        sheet::save(out, &rows, form, (preprocess.scale, centred))
    }
}
