//! `rhohat units`: hidden units one by one over data, as a table.

use std::path::Path;

use serde_json::{Value, json};

use super::on_data::{Made, Opening};
use super::outputs::{Destination, Kind, Wanted};
use crate::Error;
use crate::UnitRecord;
use crate::api::{Data, Layers};
use crate::cli::args::UnitsArgs;
use crate::cli::output::print;
use crate::cli::progress::Line;
use crate::data::write::RowsKind;
use crate::error::shown;
use crate::io::atomic_write;
use crate::io::paths::PathText;
use crate::io::text::counted;
use crate::math::objective::Penalty;
use crate::run::config::UserSettings;
use crate::run::metrics::RhoHatRange;
use crate::run::unit_table;

/// Examples of each unit that are written at most: more columns are no table.
const MOST: usize = 1000;

/// Passes over the data, and writes the table.
pub fn run(args: &UnitsArgs) -> anyhow::Result<()> {
    let top_k = args.top_k;
    if top_k > MOST {
        let fact = format!("--top-k {top_k}: two columns each make a wide table; give {MOST} at most");
        return Err(Error::usage(fact).into());
    }
    match args.layer {
        Some(layer) => of_layer(args, layer),
        None => of_model(args),
    }
}

/// Units of a model.
fn of_model(args: &UnitsArgs) -> anyhow::Result<()> {
    let opening = Opening::new(&args.on, |_| {})?;
    let out = checked(args, &opening.inputs())?;
    let mut session = opening.session(Made::Units { top: args.top_k })?;
    let mut line = Line::Empty;
    let units = session.on.units_with(args.top_k, &mut |stage| line.show(stage))?;
    told(args, &out, &units, (session.on.examples(), session.data))
}

/// Units of a hidden layer of a classifier or a stack.
fn of_layer(args: &UnitsArgs, layer: usize) -> anyhow::Result<()> {
    let on = &args.on;
    let layers = Layers::load(&on.model, layer)?;
    let inputs: Vec<&Path> = on.read.data.iter().map(|path| &**path).chain([&*layers.path]).collect();
    let out = checked(args, &inputs)?;
    if !layers.knows_rho {
        let rho = Penalty::default().rho;
        tracing::info!("{}: a classifier, which has no rho; units are dead by {rho}", shown(&layers.path));
    }
    let settings = UserSettings::new(None, on.read.settings(on.divide).table()?)?;
    let missing = || Error::usage("DATA is missing; name rows or pictures");
    let data = Data::given_by(&settings)?.ok_or_else(missing)?;
    let mut on_data = layers.on(&data, &on.device)?;
    let mut line = Line::Empty;
    let units = layers.units(&mut on_data, args.top_k, &mut |stage| line.show(stage))?;
    let taken = on_data.description.json(layers.preprocess.scale);
    told(args, &out, &units, (on_data.examples.size().0, taken))
}

fn checked(args: &UnitsArgs, inputs: &[&Path]) -> crate::Result<Destination> {
    let kinds = &[Kind::Rows(RowsKind::Csv), Kind::Rows(RowsKind::Tsv)];
    Wanted { flag: "-o", path: &args.out, kinds, inputs, force: Some(args.force) }.check()
}

/// Writes the table, and prints what came of so many examples of these data.
fn told(
    args: &UnitsArgs,
    out: &Destination,
    units: &[UnitRecord],
    (examples, data): (usize, Value),
) -> anyhow::Result<()> {
    let UnitsArgs { on, top_k, layer, .. } = args;
    let delimiter = if out.kind == Kind::Rows(RowsKind::Tsv) { b'\t' } else { b',' };
    atomic_write::write(out.path(), |to| unit_table::write(to, delimiter, units, *top_k))?;
    let how_many = |is_it: fn(&UnitRecord) -> bool| units.iter().filter(|unit| is_it(unit)).count();
    let rho_hat = RhoHatRange::of(&units.iter().map(|unit| unit.rho_hat).collect::<Vec<_>>());
    let report = json!({
        "examples": examples,
        "hidden": units.len(),
        "rho_hat": rho_hat,
        "dead": how_many(|unit| unit.dead),
        "saturated": how_many(|unit| unit.saturated),
        "collapsed": how_many(|unit| unit.collapsed),
        "duplicates": how_many(|unit| unit.duplicate_of.is_some()),
        "compared": how_many(|unit| unit.compared),
        "top_k": top_k,
        "out": PathText::from(&*args.out),
        "data": data,
        "layer": layer,
    });
    let number = |name: &str| report[name].as_u64().unwrap_or_default();
    print(on.json, &report, |_| {
        format!(
            "{}: {} over {}\nrho-hat    {:.5} to {:.5}, mean {:.5}; {} dead, {} saturated\n\
             units      {} nearly the same for every example, {} ({} compared)",
            args.out.display(),
            counted(units.len(), "unit"),
            counted(examples, "example"),
            rho_hat.min,
            rho_hat.max,
            rho_hat.mean,
            number("dead"),
            number("saturated"),
            number("collapsed"),
            counted(number("duplicates") as usize, "duplicate"),
            number("compared"),
        )
    })
}
