//! `rhohat convert`: a model as a file of another program.

use std::borrow::Cow;

use serde_json::json;

use super::outputs::{Kind, Wanted};
use crate::Error;
use crate::cli::args::ConvertArgs;
use crate::cli::output::print;
use crate::data::write::RowsKind;
use crate::error::shown;
use crate::io::atomic_write;
use crate::io::paths::PathText;
use crate::math::params::Shape;
use crate::run::convert::{Converted, Names};
use crate::run::fold::{fold, steps};
use crate::run::model_file::{Meta, ModelFile};

/// What can be written, the usual first.
const KINDS: [Kind; 3] =
    [Kind::Rows(RowsKind::Safetensors), Kind::Rows(RowsKind::Npz), Kind::Rows(RowsKind::Mat)];

/// Converts.
pub fn run(args: &ConvertArgs) -> anyhow::Result<()> {
    let file = ModelFile::open(&args.model)?;
    let inputs = &[file.path()];
    let wanted = Wanted { flag: "-o", path: &args.out, kinds: &KINDS, inputs, force: Some(args.force) };
    let out = wanted.check()?;
    let Kind::Rows(kind) = out.kind else { return Err(Error::usage("-o names no model").into()) };
    let names = args.names.unwrap_or_default();
    if args.names.is_some() && kind != RowsKind::Safetensors {
        let fact = format!("--names {}: names of tensors are those of .safetensors", names.name());
        return Err(Error::usage(format!("{fact}, but -o is .{}; leave it out", kind.ending())).into());
    }
    let params = file.params::<f32>()?;
    let mut converted = Converted { params: Cow::Owned(params), meta: file.meta().map(Cow::Borrowed) };
    if args.fold {
        folded(args, &mut converted)?;
    }
    if let Some(why) = converted.refusal(kind) {
        return Err(Error::usage(format!("-o {}: {why}", args.out.display())).into());
    }
    atomic_write::write(out.path(), |to| converted.write(kind, names, to))?;
    let left = converted.meta.as_deref().map(|meta| steps(&meta.preprocess)).unwrap_or_default();
    warn(args, &converted, (kind, names), &left);
    let Shape { visible, hidden } = converted.params.shape;
    let names = (kind == RowsKind::Safetensors).then(|| names.name());
    let report = json!({
        "visible": visible, "hidden": hidden, "names": names, "folded": args.fold, "preprocessing": left,
        "out": PathText::from(&*args.out),
    });
    print(args.json, &report, |_| {
        format!("{}: a model of {visible} visible and {hidden} hidden units", args.out.display())
    })
}

/// Folds the preprocessing into the weights.
fn folded(args: &ConvertArgs, converted: &mut Converted<'_>) -> crate::Result<()> {
    let refused = |why: String| {
        let remedy = "leave --fold out, and preprocess the data of the other program";
        Error::input(&args.model, format!("{why}; {remedy}"))
    };
    let Some(meta) = converted.meta.as_deref() else {
        return Err(refused("no rhohat metadata, and so no preprocessing to fold".to_owned()));
    };
    let (params, preprocess) =
        fold(&converted.params, &meta.preprocess, meta.objective.output).map_err(refused)?;
    let meta = Meta { preprocess, ..meta.clone() };
    (converted.params, converted.meta) = (Cow::Owned(params), Some(Cow::Owned(meta)));
    Ok(())
}

/// Tells what other programs have to do to their data, and what the file does not say.
fn warn(args: &ConvertArgs, converted: &Converted<'_>, (kind, names): (RowsKind, Names), left: &[String]) {
    let out = shown(&args.out);
    if !left.is_empty() {
        let steps = left.join("; then ");
        tracing::warn!("{out}: other programs have to do to their data what rhohat does: {steps}");
    }
    let meta = converted.meta.as_deref();
    let has_columns = meta.is_some_and(|meta| meta.preprocess.has_columns());
    if has_columns && (kind, names) == (RowsKind::Safetensors, Names::Sequential) {
        tracing::warn!(
            "{out}: the numbers of its columns are left out, for nn.Sequential takes no other tensors; rhohat takes it as a model \
             without preprocessing"
        );
    }
}
