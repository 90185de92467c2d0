//! A run that begins, goes on or has its result, whichever is due, so that whoever submits jobs need not know which:
//! [`Place::Run`] is like [`Place::Out`], or becomes [`Place::Resume`] with those settings that are others than the run's.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Place, Request};
use crate::data::identity::PictureEntry;
use crate::error::Result;
use crate::run::RunDir;
use crate::run::config::{Config, UserSettings};

/// The request, with what [`Place::Run`] stands for in its place where that run has begun.
///
/// # Errors
/// [`crate::Error::Input`] when the settings of the run or of the configuration cannot be read.
pub fn as_due(mut request: Request) -> Result<Request> {
    let Place::Run(run) = &request.place else { return Ok(request) };
    if !run.join("config.toml").is_file() {
        return Ok(request);
    }
    let run = run.clone();
    let given = UserSettings::new(request.config.take().as_deref(), request.settings)?;
    let folder = RunDir::open(&run)?;
    let mut others = others(&given, folder.settings()?.0)?;
    if others.contains_key("samples") && takes_all(&folder, &given)? {
        others.remove("samples");
    }
    // `auto` is the name of a folder here.
    let run = if run == Path::new("auto") { PathBuf::from("./auto") } else { run };
    Ok(Request { settings: others, place: Place::Resume(run), ..request })
}

/// The given settings that are others than those of a run.
fn others(given: &UserSettings, run: Table) -> Result<Table> {
    let run: Config = match run.try_into() {
        Ok(run) => run,
        // Whoever goes on with the run says what is wrong with it.
        Err(_) => return Ok(given.chosen().map(|name| (name.clone(), given.value(name))).collect()),
    };
    let (before, after) = (run.to_table(), given.over(&run)?.to_table());
    let differs = |name: &&String| {
        let (before, after) = (before.get(*name), after.get(*name));
        let is_cut = ["chunk", "block"].contains(&name.as_str());
        // The reference computes everything at once, whatever is asked.
        let is_settled = settled(name, before, after, run.hidden) || is_cut && run.device == "reference";
        before != after && !is_settled
    };
    let names = given.chosen().filter(|name| !name.ends_with("_as_given"));
    Ok(names.filter(differs).map(|name| (name.clone(), given.value(name))).collect())
}

/// Whether as many samples as were asked for, or more, have become the pictures of the run, each of which is one patch.
fn takes_all(run: &RunDir, given: &UserSettings) -> Result<bool> {
    let (Ok(settings), Some(record)) = (run.settings()?.0.try_into::<Config>(), run.data_record()?) else {
        return Ok(false);
    };
    let (pictures, rows) = (&record.inventory.pictures, record.inputs.data.rows);
    let is_whole =
        |picture: &PictureEntry| picture.size[..2].iter().all(|&side| Some(side) == settings.patch);
    let are_all = rows == pictures.len() && settings.samples == Some(rows) && pictures.iter().all(is_whole);
    let asked = given.get::<usize>("samples")?;
    Ok(are_all && settings.replacement != Some(true) && asked.is_some_and(|asked| asked >= rows))
}

/// Most rows of a tile of any device.
const TILE: usize = 128;

/// Whether a cut that was asked for has become that of the run: blocks are of whole panels, and no chunk has more rows than
/// there are.
fn settled(name: &str, before: Option<&Value>, after: Option<&Value>, hidden: usize) -> bool {
    let number =
        |value: Option<&Value>| value.and_then(Value::as_integer).and_then(|n| usize::try_from(n).ok());
    let (Some(settled), Some(asked)) = (number(before), number(after)) else { return false };
    match name {
        // Devices take whole tiles of rows.
        "chunk" => asked >= settled || settled - asked < TILE,
        "block" => [8, 16].iter().any(|&panel| asked.next_multiple_of(panel).min(hidden) == settled),
        _ => false,
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_cut_that_was_rounded_is_no_other_cut() {
        let same = |name: &str, settled: i64, asked: i64| {
            super::settled(name, Some(&settled.into()), Some(&asked.into()), 25)
        };
        assert!(
            same("block", 16, 8) && same("block", 8, 8) && same("block", 25, 20) && same("chunk", 200, 1000)
        );
        assert!(!same("block", 16, 17) && !same("chunk", 300, 100) && !same("hidden", 16, 8));
    }
}
