//! `rhohat encode`: hidden activations of data, as rows, dense or sparse.

use crate::io::paths::PathText;
use serde_json::json;

use crate::Error;
use crate::data::write::{RowsHeader, RowsKind, SparseHeader};

use super::on_data::{Made, Opening};
use super::outputs::{Kind, Wanted};
use crate::api::Reach;
use crate::cli::args::{EncodeArgs, MapArgs};
use crate::cli::output::print;

/// Encodes and writes `[m, h]`, piece by piece.
pub fn run(args: &EncodeArgs) -> anyhow::Result<()> {
    let EncodeArgs { map: MapArgs { on, out: path, force }, top_k } = args;
    if *top_k == Some(0) {
        return Err(Error::usage("--top-k 0 keeps nothing of an example; give 1 or more").into());
    }
    let opening = Opening::new(on, |_| {})?;
    let kinds: &[Kind] = if top_k.is_some() { &[Kind::Rows(RowsKind::Npz)] } else { &Kind::ROWS };
    let inputs = &opening.inputs();
    let out = Wanted { flag: "-o", path, kinds, inputs, force: Some(*force) }.check()?;
    let rest = -opening.objective().activation.active_fraction().offset as f32;
    let mut session = opening.session(Made::Codes)?;
    let (rows, hidden) = (session.on.examples(), session.on.shape().hidden);
    let labels = session.labels();
    let (mut pass, mut reach) = (session.pass(), Reach::default());
    let mut next = || {
        let Some(range) = pass.next() else { return Ok(None) };
        reach.add(&session.on.rows().rows(range.clone())?.values);
        session.on.encode(&range).map(Some)
    };
    let kept = top_k.map(|kept| kept.min(hidden));
    let labels_of = labels.as_deref();
    match kept {
        Some(kept) => {
            let header = SparseHeader { rows, cols: hidden, kept, labels: labels_of };
            out.write_sparse((&header, rest), next)?;
        }
        None => {
            let header = RowsHeader {
                name: "codes",
                column: "unit",
                rows,
                cols: hidden,
                labels: labels_of,
                shape: None,
            };
            out.check_size(&header)?;
            out.write_rows(&header, &mut next)?;
        }
    }
    session.on.warn(&reach);
    let labels = labels.map(|labels| labels.names.len());
    let report = json!({
        "examples": rows, "hidden": hidden, "out": PathText::from(&**path), "data": session.data, "labels": labels,
        "top_k": kept,
    });
    print(on.json, &report, |_| {
        let of = kept.map_or(String::new(), |kept| format!("the {kept} largest of "));
        format!("{}: {rows} rows of {of}{hidden} hidden activations", path.display())
    })
}
