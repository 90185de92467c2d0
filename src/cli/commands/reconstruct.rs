//! `rhohat reconstruct`: data through the model and back to the values they came in.

use std::path::Path;

use crate::Error;
use crate::data::write::RowsHeader;
use crate::data::{Picture, Preprocess};
use crate::io::paths::PathText;
use crate::run::model_file::Meta;
use crate::run::picture;
use serde_json::json;

use super::on_data::{Made, Opening, Session};
use super::outputs::{Destination, Kind, Wanted};
use super::sheet;
use crate::api::Reach;
use crate::cli::args::MapArgs;
use crate::cli::output::print;

/// Reconstructs, restores and writes rows `[m, n]` piece by piece, or the picture.
pub fn run(args: &MapArgs) -> anyhow::Result<()> {
    let opening = Opening::new(&args.on, |_| {})?;
    let (kinds, inputs) = ([&Kind::ROWS[..], &[Kind::Png]].concat(), &opening.inputs());
    let kinds = &kinds;
    let wanted = Wanted { flag: "-o", path: &args.out, kinds, inputs, force: Some(args.force) };
    let out = wanted.check()?;
    let made = if out.kind == Kind::Png { Made::Picture } else { Made::Outputs };
    let (model, meta) = (opening.file().path().to_owned(), opening.file().meta().cloned());
    let mut session = opening.session(made)?;
    let (examples, visible) = session.on.rows().size();
    let numbers = session.on.rows().preprocess().inputs_of(visible);
    let whitened = session.on.rows().preprocess().whiten;
    let what = match out.kind {
        Kind::Png if session.on.rows().grids().is_none() => {
            pictures(&out, (&model, meta.as_ref()), &mut session)?
        }
        Kind::Png => {
            let picture = the_picture(args, &mut session)?;
            picture::photograph(&picture, whitened).save(out.path())?;
            format!("a picture of {}×{} pixels", picture.width, picture.height)
        }
        _ => {
            write(&out, &mut session)?;
            format!("{examples} rows of {numbers} numbers")
        }
    };
    if whitened {
        tracing::warn!(
            "the model's images were whitened, which cannot be undone: the result is in whitened space"
        );
    }
    let left_out = session.on.rows().cropped();
    let report = json!({
        "examples": examples, "visible": visible, "whitened": whitened, "out": PathText::from(&*args.out),
        "data": session.data, "left_out": left_out,
    });
    print(args.on.json, &report, |_| format!("{}: {what}", args.out.display()))
}

/// Writes all examples as rows.
fn write(out: &Destination, session: &mut Session) -> crate::Result<()> {
    let (mut pass, mut reach) = (session.pass(), Reach::default());
    let (rows, visible) = session.on.rows().size();
    let cols = session.on.rows().preprocess().inputs_of(visible);
    let header = RowsHeader { name: "reconstruction", column: "x", rows, cols, labels: None, shape: None };
    out.check_size(&header)?;
    out.write_rows(&header, || {
        let Some(range) = pass.next() else { return Ok(None) };
        reach.add(&session.on.rows().rows(range.clone())?.values);
        session.on.reconstruct(&range).map(Some)
    })?;
    session.on.warn(&reach);
    Ok(())
}

/// The one picture that the examples are the patches of.
fn the_picture(args: &MapArgs, session: &mut Session) -> Result<Picture, Error> {
    let grids = session.on.rows().grids().unwrap_or_default();
    let refused = |why: String| Err(Error::usage(format!("-o {}: {why}", args.out.display())));
    match grids.len() {
        1 => {}
        count => {
            return refused(format!(
                "one PNG, but DATA are {count} pictures; give one picture, or -o FILE.npy for all patches"
            ));
        }
    }
    let rows = all_rows(session)?;
    let pictures = session.on.rows().preprocess().pictures(&rows, &grids);
    pictures.and_then(|mut pictures| pictures.pop()).ok_or_else(|| Error::usage("DATA are no picture"))
}

/// All examples in the values that they came in.
fn all_rows(session: &mut Session) -> Result<Vec<f32>, Error> {
    let (mut rows, (examples, visible)) = (Vec::new(), session.on.rows().size());
    let numbers = session.on.rows().preprocess().inputs_of(visible);
    if rows.try_reserve_exact(examples.saturating_mul(numbers)).is_err() {
        let fact = "out of memory: the system refuses room for its patches";
        return Err(Error::device(format!(
            "{fact}; raise the limit (ulimit -v), or write them with -o FILE.npy"
        )));
    }
    for range in session.pass() {
        rows.extend(session.on.reconstruct(&range)?);
    }
    Ok(rows)
}

/// Rows that are pictures, side by side.
fn pictures(
    out: &Destination,
    model: (&Path, Option<&Meta>),
    session: &mut Session,
) -> Result<String, Error> {
    let form = sheet::form(out, model, session.on.shape().visible)?;
    sheet::check(out, session.on.examples(), form)?;
    let rows = all_rows(session)?;
    let Preprocess { scale, whiten, .. } = session.on.rows().preprocess();
    sheet::save(out, &rows, form, (*scale, *whiten))
}
