//! `rhohat encode`: hidden activations of data, as rows.

use rhohat::data::npy;
use rhohat::durable;
use serde_json::json;

use super::{on_data, print};
use crate::cli::MapArgs;

/// Encodes and writes `[m, h]`.
pub fn run(args: &MapArgs) -> anyhow::Result<()> {
    let mut session = on_data::open(&args.on, |_| {})?;
    let codes = session.encode()?;
    let (rows, hidden) = (session.examples.matrix.rows, session.engine.shape().hidden);
    durable::write(&args.out, |mut out| npy::write_to(&mut out, rows, hidden, &codes))?;
    let report = json!({ "examples": rows, "hidden": hidden, "out": args.out, "data": session.data });
    print(args.on.json, &report, |_| {
        format!("{}: {rows} rows of {hidden} hidden activations", args.out.display())
    })
}
