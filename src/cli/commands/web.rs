//! `rhohat web`: the page that trains in a browser tab, from the program itself, with the models that were named. It is there for
//! this machine alone, nothing of a request becomes a path, and nothing is written.

mod answers;
mod content;
mod listening;
mod models;
mod site;

use serde_json::json;

use self::answers::Answers;
use self::listening::Listening;
use self::models::Models;
use crate::cli::args::WebArgs;
use crate::cli::output::print;

/// Serves the page until a signal ends the program.
pub fn run(args: &WebArgs) -> anyhow::Result<()> {
    let models = Models::open(&args.models)?;
    let listening = Listening::on(args.port)?;
    let address = format!("http://127.0.0.1:{}/", listening.port);
    print(args.json, &json!({ "address": address }), |_| address.clone())?;
    tracing::info!("open this address in a browser; Ctrl-C ends it");
    let answers = Answers::new(models, listening.port);
    match listening.serve(answers)? {}
}
