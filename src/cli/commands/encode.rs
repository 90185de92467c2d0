//! `rhohat encode`: hidden activations of data, as rows.

use crate::io::paths::PathText;
use serde_json::json;

use crate::data::write::RowsHeader;

use super::on_data::{Made, Opening};
use super::outputs::{Kind, Wanted};
use crate::api::Reach;
use crate::cli::args::MapArgs;
use crate::cli::output::print;

/// Encodes and writes `[m, h]`, piece by piece.
pub fn run(args: &MapArgs) -> anyhow::Result<()> {
    let opening = Opening::new(&args.on, |_| {})?;
    let (kinds, inputs) = (&Kind::ROWS, &opening.inputs());
    let wanted = Wanted { flag: "-o", path: &args.out, kinds, inputs, force: Some(args.force) };
    let out = wanted.check()?;
    let mut session = opening.session(Made::Codes)?;
    let (rows, hidden) = (session.on.examples(), session.on.shape().hidden);
    let labels = session.labels();
    let header = RowsHeader { name: "codes", column: "unit", rows, cols: hidden, labels: labels.as_deref() };
    out.check_size(&header)?;
    let (mut pass, mut reach) = (session.pass(), Reach::default());
    out.write_rows(&header, || {
        let Some(range) = pass.next() else { return Ok(None) };
        reach.add(&session.on.rows().rows(range.clone())?.values);
        session.on.encode(&range).map(Some)
    })?;
    session.on.warn(&reach);
    let out = PathText::from(&*args.out);
    let labels = labels.map(|labels| labels.names.len());
    let report =
        json!({ "examples": rows, "hidden": hidden, "out": out, "data": session.data, "labels": labels });
    print(args.on.json, &report, |_| {
        format!("{}: {rows} rows of {hidden} hidden activations", args.out.display())
    })
}
