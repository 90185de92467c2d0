//! `rhohat reconstruct`: data through the model and back to the values they came in.

use rhohat::data::{Picture, npy};
use rhohat::{Error, durable, picture};
use serde_json::json;

use super::on_data::Session;
use super::{on_data, print};
use crate::cli::MapArgs;

/// Reconstructs, restores and writes rows `[m, n]`, or the picture.
pub fn run(args: &MapArgs) -> anyhow::Result<()> {
    let image = args.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let mut session = on_data::open(&args.on, |_| {})?;
    let mut rows = session.reconstruct()?;
    session.examples.preprocess.restore(&mut rows, &session.examples.means);
    let (examples, visible) = (session.examples.matrix.rows, session.examples.matrix.cols);
    let whitened = session.examples.preprocess.whiten;
    let what = if image {
        let picture = the_picture(args, &session, &rows)?;
        picture::photograph(&picture, whitened).save(&args.out)?;
        format!("a picture of {}×{} pixels", picture.width, picture.height)
    } else {
        durable::write(&args.out, |mut out| npy::write_to(&mut out, examples, visible, &rows))?;
        format!("{examples} rows of {visible} numbers")
    };
    if whitened {
        tracing::warn!(
            "the model's images were whitened, which cannot be undone: the result is in whitened space"
        );
    }
    let report = json!({
        "examples": examples, "visible": visible, "whitened": whitened, "out": args.out, "data": session.data,
    });
    print(args.on.json, &report, |_| format!("{}: {what}", args.out.display()))
}

/// The one picture that the rows are the patches of.
fn the_picture(args: &MapArgs, session: &Session, rows: &[f32]) -> Result<Picture, Error> {
    let grids = session.examples.grid.as_deref().unwrap_or_default();
    let mut pictures = session.examples.preprocess.pictures(rows, grids).unwrap_or_default();
    match (pictures.pop(), pictures.len()) {
        (Some(picture), 0) => Ok(picture),
        (Some(_), others) => Err(Error::usage(format!(
            "-o {}: one PNG, but DATA are {} pictures; give one picture, or -o FILE.npy for all patches",
            args.out.display(),
            others + 1
        ))),
        (None, _) => Err(Error::usage(format!(
            "-o {}: DATA are rows, which are no picture; write them with -o FILE.npy",
            args.out.display()
        ))),
    }
}
