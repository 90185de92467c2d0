//! `rhohat features`: what each hidden unit looks for, as a picture, a drawing or rows.

use std::borrow::Cow;
use std::path::Path;

use crate::Error;
use crate::api::Layers;
use crate::data::write::RowsHeader;
use crate::data::{Form, Opened, Preprocess, Reading, Source};
use crate::error::shown;
use crate::io::atomic_write;
use crate::io::memory::{Bytes, available, is_granted};
use crate::io::paths::PathText;
use crate::math::params::Shape;
use crate::run::features::{FeatureOrder, by_orientation, falling, features as rows_of, norms};
use crate::run::model_file::ModelFile;
use crate::run::picture::{Layout, features, form_of, svg, usual_count, why_no_form};
use serde_json::json;

use super::outputs::{Destination, Kind, Wanted};
use super::sheet;
use crate::cli::args::FeaturesArgs;
use crate::cli::output::print;

/// Draws or writes the features.
pub fn run(args: &FeaturesArgs) -> anyhow::Result<()> {
    let file = Encoded::open(args)?;
    let kinds = [&[Kind::Png, Kind::Svg][..], &Kind::ROWS].concat();
    let inputs: Vec<&Path> = [Some(file.path()), args.units.as_deref()].into_iter().flatten().collect();
    let wanted =
        Wanted { flag: "-o", path: &args.out, kinds: &kinds, inputs: &inputs, force: Some(args.force) };
    let out = wanted.check()?;
    let of_pictures = [("--zoom", args.zoom), ("--per-row", args.per_row)];
    for (flag, _) in of_pictures.iter().filter(|(_, value)| value.is_some()) {
        if matches!(out.kind, Kind::Rows(_)) || (*flag == "--zoom" && out.kind == Kind::Svg) {
            let what = if *flag == "--zoom" { "enlarges the pixels of a PNG" } else { "lays out a picture" };
            let fact = format!("{flag} {what}, but -o {} is none", args.out.display());
            return Err(Error::usage(format!("{fact}; leave it out")).into());
        }
    }
    if args.limit == Some(0) {
        return Err(Error::usage("--limit 0 leaves no feature; give 1 or more").into());
    }
    let asked = Asked { args, by: by_units(args, file.shape().hidden)?, file };
    match out.kind {
        Kind::Rows(_) => asked.write_rows(&out),
        _ => asked.draw(&out),
    }
}

/// The column of the table of units that the features are sorted by.
fn by_units(args: &FeaturesArgs, hidden: usize) -> crate::Result<Option<Vec<f64>>> {
    let name = args.sort.name();
    match (args.sort.column(), &args.units) {
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let fact = format!("--units {}: {name} needs no table of units", shown(path));
            Err(Error::usage(format!("{fact}; leave it out, or sort by rho-hat or density")))
        }
        (Some(_), None) => {
            let remedy =
                "write units.csv with rhohat units MODEL DATA -o units.csv, and give it as --units units.csv";
            Err(Error::usage(format!("--sort {name} goes by what data make of the units; {remedy}")))
        }
        (Some(column), Some(path)) => {
            let use_columns = Some(column.parse().map_err(Error::usage)?);
            let opened = Opened::new(path, &Reading { use_columns, ..Reading::default() })?;
            let Source::Rows(table) = opened.source else {
                return Err(Error::input(path, "no table of units; write one with rhohat units"));
            };
            if (table.rows, table.cols) == (hidden, 1) {
                return Ok(Some(table.values));
            }
            let fact = format!("a table of {} units, but the model has {hidden}", table.rows);
            Err(Error::input(path, format!("{fact}; write that of this model with rhohat units")))
        }
    }
}

/// Weights of hidden units: of a model, or of a layer of several.
enum Encoded {
    Model(Box<ModelFile>),
    Layers(Box<Layers>),
}

impl Encoded {
    fn open(args: &FeaturesArgs) -> crate::Result<Self> {
        Ok(match args.layer {
            Some(layer) => Self::Layers(Box::new(Layers::load(&args.model, layer)?)),
            None => Self::Model(Box::new(ModelFile::open(&args.model)?)),
        })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Model(file) => file.path(),
            Self::Layers(layers) => &layers.path,
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Model(file) => file.shape(),
            Self::Layers(layers) => layers.shape(),
        }
    }

    fn preprocess(&self) -> Option<&Preprocess> {
        match self {
            Self::Model(file) => file.meta().map(|meta| &meta.preprocess),
            Self::Layers(layers) => Some(&layers.preprocess),
        }
    }

    /// Bytes that reading takes; layers have been read.
    fn bytes_to_read(&self) -> u64 {
        match self {
            Self::Model(file) => file.bytes_to_read::<f32>(),
            Self::Layers(_) => 0,
        }
    }

    /// W1 `[h, n]`, or what stands for it.
    fn weights(&self) -> crate::Result<Vec<f32>> {
        match self {
            Self::Model(file) => Ok(file.params()?.w1),
            Self::Layers(layers) => Ok(layers.projection()),
        }
    }
}

/// Features that are asked for.
struct Asked<'a> {
    args: &'a FeaturesArgs,
    file: Encoded,
    /// What the table of units has of each.
    by: Option<Vec<f64>>,
}

impl Asked<'_> {
    fn preprocess(&self) -> Option<&Preprocess> {
        self.file.preprocess()
    }

    /// Numbers of an example as the source has them.
    fn inputs(&self) -> usize {
        let visible = self.file.shape().visible;
        self.preprocess().map_or(visible, |preprocess| preprocess.inputs_of(visible))
    }

    /// W1 as weights of the source's values.
    fn weights<'a>(&self, w1: &'a [f32]) -> Cow<'a, [f32]> {
        self.preprocess().map_or(w1.into(), |preprocess| preprocess.weights_of_inputs(w1))
    }

    /// The first `count` units in their order, and their weights.
    fn chosen<'a>(
        &self,
        w1: &'a [f32],
        form: Option<Form>,
        count: usize,
    ) -> crate::Result<(Vec<usize>, Cow<'a, [f32]>)> {
        let Shape { visible, hidden } = self.file.shape();
        let mut units = match (self.args.sort, &self.by) {
            (_, Some(values)) => falling(values),
            (FeatureOrder::Norm, _) => falling(&norms(w1, visible)),
            (FeatureOrder::Orientation, _) => {
                let why = || why_no_form(self.preprocess(), visible);
                let form = form.ok_or_else(|| {
                    Error::usage(format!("--sort orientation: {}; say their form with --shape", why()))
                })?;
                by_orientation(&self.weights(w1), form)
            }
            _ => (0..hidden).collect(),
        };
        units.truncate(count);
        if units.iter().copied().eq(0..count) {
            return Ok((units, self.weights(&w1[..count * visible])));
        }
        let row = |&unit: &usize| w1[unit * visible..][..visible].iter().copied();
        let w1: Vec<f32> = units.iter().flat_map(row).collect();
        Ok((units, Cow::Owned(self.weights(&w1).into_owned())))
    }

    /// The form that a flag names, or that the examples have.
    fn form(&self) -> crate::Result<Option<Form>> {
        let inputs = self.inputs();
        match self.args.shape {
            Some(form) if form.numbers() == Some(inputs) => Ok(Some(form)),
            Some(form) => {
                let model = self.args.model.display();
                let fact = format!("--shape {form}: {model} has examples of {inputs} numbers");
                Err(Error::usage(format!("{fact}; give a form of as many pixels")))
            }
            None => Ok(form_of(self.preprocess(), self.file.shape().visible)),
        }
    }

    /// Writes the picture, or the drawing.
    fn draw(&self, out: &Destination) -> anyhow::Result<()> {
        let Self { args, file, .. } = self;
        let Shape { visible, hidden } = file.shape();
        let form = self.form()?.ok_or_else(|| {
            let remedy =
                "say it with --shape, as --shape 28x28, or write the features as numbers, -o FILE.npy";
            Error::input(&args.model, format!("{}; {remedy}", why_no_form(self.preprocess(), visible)))
        })?;
        if args.shape.is_none() {
            sheet::tell((file.path(), self.preprocess()), form, "--shape names another form");
        }
        let count = args.limit.unwrap_or_else(|| usual_count(hidden, form)).min(hidden);
        let zoom = if out.kind == Kind::Svg { Some(1) } else { args.zoom };
        let layout = Layout { per_row: args.per_row, zoom };
        // The picture at one pixel a pixel and enlarged, beside the parameters.
        self.check_memory(2 * layout.bytes(count, form), "lower --zoom or --limit, or use")?;
        let w1 = file.weights()?;
        let (units, weights) = self.chosen(&w1, Some(form), count)?;
        let canvas = features(&weights, form, layout)?;
        match out.kind {
            Kind::Svg => {
                let places = (&units[..], layout.columns(count));
                atomic_write::write(out.path(), |to| svg::write(&canvas, places, form, to))?;
            }
            _ => canvas.save(out.path())?,
        }
        let (width, height) = (canvas.width, canvas.height);
        let report = json!({
            "hidden": hidden, "drawn": count, "units": units, "width": width, "height": height,
            "out": PathText::from(&*args.out),
        });
        print(args.json, &report, |_| {
            let some = match (count < hidden, args.limit) {
                (false, _) => String::new(),
                (true, Some(_)) => format!(" of {hidden}"),
                (true, None) => {
                    format!(" of {hidden}, as many as can be looked at (--limit {hidden} draws all)")
                }
            };
            format!("{}: {count} features{some}, {width}×{height} pixels", args.out.display())
        })
    }

    /// Writes the features as numbers.
    fn write_rows(&self, out: &Destination) -> anyhow::Result<()> {
        let Self { args, file, .. } = self;
        let (hidden, cols) = (file.shape().hidden, self.inputs());
        let count = args.limit.unwrap_or(hidden).min(hidden);
        let header =
            RowsHeader { name: "features", column: "x", rows: count, cols, labels: None, shape: None };
        out.check_size(&header)?;
        let copies = if args.sort == FeatureOrder::Number { 1 } else { 2 };
        self.check_memory(copies * 4 * (hidden as u64).saturating_mul(cols as u64), "use")?;
        let w1 = file.weights()?;
        let (units, weights) = self.chosen(&w1, self.form()?, count)?;
        let mut rows = Some(rows_of(&weights, cols));
        out.write_rows(&header, || Ok(rows.take()))?;
        let report = json!({
            "hidden": hidden, "visible": cols, "units": units, "out": PathText::from(&*args.out),
        });
        print(args.json, &report, |_| {
            format!("{}: {count} features of {cols} numbers, each of norm 1", args.out.display())
        })
    }

    /// Refuses features that take more memory than there is, so many bytes beside the parameters.
    fn check_memory(&self, bytes: u64, remedy: &str) -> crate::Result<()> {
        let bytes = self.file.bytes_to_read().saturating_add(bytes);
        let free = available().filter(|free| bytes > free.0);
        if free.is_none() && is_granted(bytes) {
            return Ok(());
        }
        let fact = format!("its parameters and their picture take {} of memory", Bytes(bytes));
        let why = match free {
            Some(free) => format!("and {free} are free; {remedy} a machine with more"),
            None => "which the system refuses; raise the limit (ulimit -v), or lower --zoom".to_owned(),
        };
        Err(Error::input(self.file.path(), format!("{fact}, {why}")))
    }
}
