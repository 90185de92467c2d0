//! `rhohat encode`: hidden activations of data, as rows, dense or sparse.

use std::path::Path;

use serde_json::json;

use crate::Error;
use crate::data::write::{RowsHeader, RowsKind, SparseHeader};

use super::on_data::{Made, Opening};
use super::outputs::{Kind, Wanted};
use crate::api::{Data, Layers, Reach};
use crate::cli::args::{EncodeArgs, MapArgs};
use crate::cli::output::print;
use crate::cli::progress;
use crate::io::paths::PathText;
use crate::run::config::UserSettings;

/// Encodes and writes `[m, h]`, piece by piece.
pub fn run(args: &EncodeArgs) -> anyhow::Result<()> {
    if let Some(layer) = args.layer {
        return of_layer(&args.map, layer);
    }
    let EncodeArgs { map: MapArgs { on, out: path, force }, top_k, .. } = args;
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
        "top_k": kept, "layer": null,
    });
    print(on.json, &report, |_| {
        let of = kept.map_or(String::new(), |kept| format!("the {kept} largest of "));
        format!("{}: {rows} rows of {of}{hidden} hidden activations", path.display())
    })
}

/// The same of a hidden layer of a classifier or a stack.
fn of_layer(args: &MapArgs, layer: usize) -> anyhow::Result<()> {
    let MapArgs { on, out: path, force } = args;
    let layers = Layers::load(&on.model, layer)?;
    let inputs: Vec<&Path> = on.read.data.iter().map(|path| &**path).chain([&*layers.path]).collect();
    let out =
        Wanted { flag: "-o", path, kinds: &Kind::ROWS, inputs: &inputs, force: Some(*force) }.check()?;
    let settings = UserSettings::new(None, on.read.settings(on.divide).table()?)?;
    let data =
        Data::given_by(&settings)?.ok_or_else(|| Error::usage("DATA is missing; name rows or pictures"))?;
    let mut on_data = layers.on(&data, &on.device)?;
    let (rows, cols) = (on_data.examples.size().0, layers.shape().hidden);
    let description = on_data.description.clone();
    let labels = description.labels.as_deref().filter(|labels| labels.of.len() == rows);
    let header = RowsHeader { name: "codes", column: "unit", rows, cols, labels, shape: None };
    out.check_size(&header)?;
    let bar = progress::bar(rows, 1);
    let mut codes = on_data.codes();
    out.write_rows(&header, || {
        let piece = codes.next().transpose()?;
        bar.inc(piece.as_ref().map_or(0, |piece| piece.len() / cols) as u64);
        Ok(piece)
    })?;
    bar.finish_and_clear();
    let report = json!({
        "examples": rows, "hidden": cols, "out": PathText::from(&**path),
        "data": description.json(layers.preprocess.scale), "labels": labels.map(|labels| labels.names.len()),
        "top_k": null, "layer": layer,
    });
    print(on.json, &report, |_| {
        format!("{}: {rows} rows of {cols} hidden activations of layer {layer}", path.display())
    })
}
