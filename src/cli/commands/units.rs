//! `rhohat units`: hidden units one by one over data, as a table.

use serde_json::json;

use super::on_data::{Made, Opening};
use super::outputs::{Kind, Wanted};
use crate::Error;
use crate::UnitRecord;
use crate::cli::args::UnitsArgs;
use crate::cli::output::print;
use crate::cli::progress::Line;
use crate::data::write::RowsKind;
use crate::io::atomic_write;
use crate::io::paths::PathText;
use crate::io::text::counted;
use crate::run::metrics::RhoHatRange;
use crate::run::unit_table;

/// Examples of each unit that are written at most: more columns are no table.
const MOST: usize = 1000;

/// Passes over the data, and writes the table.
pub fn run(args: &UnitsArgs) -> anyhow::Result<()> {
    let UnitsArgs { on, out, top_k, force } = args;
    if *top_k > MOST {
        let fact = format!("--top-k {top_k}: two columns each make a wide table; give {MOST} at most");
        return Err(Error::usage(fact).into());
    }
    let opening = Opening::new(on, |_| {})?;
    let (kinds, inputs) = (&[Kind::Rows(RowsKind::Csv), Kind::Rows(RowsKind::Tsv)], &opening.inputs());
    let out = Wanted { flag: "-o", path: out, kinds, inputs, force: Some(*force) }.check()?;
    let mut session = opening.session(Made::Units { top: *top_k })?;
    let mut line = Line::Empty;
    let units = session.on.units_with(*top_k, &mut |stage| line.show(stage))?;
    let delimiter = if out.kind == Kind::Rows(RowsKind::Tsv) { b'\t' } else { b',' };
    atomic_write::write(out.path(), |to| unit_table::write(to, delimiter, &units, *top_k))?;
    let how_many = |is_it: fn(&UnitRecord) -> bool| units.iter().filter(|unit| is_it(unit)).count();
    let rho_hat = RhoHatRange::of(&units.iter().map(|unit| unit.rho_hat).collect::<Vec<_>>());
    let report = json!({
        "examples": session.on.examples(),
        "hidden": units.len(),
        "rho_hat": rho_hat,
        "dead": how_many(|unit| unit.dead),
        "saturated": how_many(|unit| unit.saturated),
        "collapsed": how_many(|unit| unit.collapsed),
        "duplicates": how_many(|unit| unit.duplicate_of.is_some()),
        "compared": how_many(|unit| unit.compared),
        "top_k": top_k,
        "out": PathText::from(&*args.out),
        "data": session.data,
    });
    let number = |name: &str| report[name].as_u64().unwrap_or_default();
    print(on.json, &report, |_| {
        format!(
            "{}: {} over {}\nrho-hat    {:.5} to {:.5}, mean {:.5}; {} dead, {} saturated\n\
             units      {} nearly the same for every example, {} ({} compared)",
            args.out.display(),
            counted(units.len(), "unit"),
            counted(session.on.examples(), "example"),
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
