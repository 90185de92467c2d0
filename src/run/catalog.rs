//! Runs beside one another: their settings and results under one name each, sorted, filtered and ranked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::run::RunDir;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// It has its result.
    Finished,
    /// Something is left to do.
    Unfinished,
    /// A number was no longer finite.
    Diverged,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
            Self::Diverged => "diverged",
        }
    }
}

/// A run: what it was asked for, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its folder.
    pub run: PathBuf,
    /// How far it has come.
    pub state: State,
    /// When it was begun, UTC.
    pub begun: String,
    /// Chosen and derived settings by name.
    pub settings: Map<String, Value>,
    /// `summary.json`, with the members of objects in it as `object.member`; the last line of the metrics of a run without
    /// a result.
    pub result: Map<String, Value>,
}

/// Names of the results that tell runs apart, in the order in which they are shown.
pub const RESULTS: [&str; 9] = [
    "validation.reconstruction",
    "validation.explained_variance",
    "reconstruction",
    "explained_variance",
    "j",
    "l0",
    "dead",
    "steps",
    "seconds",
];
/// Settings that differ from run to run and say nothing of what was learned.
const INCIDENTAL: [&str; 8] =
    ["data", "chunk", "block", "device", "threads", "checkpoint_every", "format", "memory"];

impl RunRecord {
    /// The run in a folder.
    ///
    /// # Errors
    /// [`Error::Input`] where there is none or its files are damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let run = RunDir::open(path)?;
        let (settings, _) = run.settings()?;
        let settings = match serde_json::to_value(settings) {
            Ok(Value::Object(settings)) => settings,
            _ => Map::new(),
        };
        let damaged =
            |error| Error::input(path, format!("summary.json: {error}; go on with the run to have another"));
        let summary =
            run.summary()?.map(|text| serde_json::from_str::<Value>(&text)).transpose().map_err(damaged)?;
        let state = match &summary {
            Some(_) => State::Finished,
            None if run.divergence()?.is_some() => State::Diverged,
            None => State::Unfinished,
        };
        let found = match summary {
            Some(summary) => summary,
            None => run.last_metrics()?.unwrap_or_default(),
        };
        let mut result = Map::new();
        flatten("", found, &mut result);
        Ok(Self { run: path.to_owned(), state, begun: run.begun(), settings, result })
    }

    /// The value of a setting or a result, by its name.
    pub fn value(&self, name: &str) -> Option<Value> {
        match name {
            "run" => Some(self.run.to_string_lossy().into()),
            "state" => Some(self.state.name().into()),
            "begun" => Some(self.begun.as_str().into()),
            _ => self.result.get(name).or_else(|| self.settings.get(name)).cloned(),
        }
    }

    /// The name of its folder.
    pub fn name(&self) -> String {
        let path = std::path::absolute(&self.run).unwrap_or_else(|_| self.run.clone());
        path.file_name()
            .map_or_else(|| self.run.display().to_string(), |name| name.to_string_lossy().into_owned())
    }
}

/// Members of objects under names with dots; lists stay what they are.
pub(in crate::run) fn flatten(name: &str, value: Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name = if name.is_empty() { member } else { format!("{name}.{member}") };
                flatten(&name, value, into);
            }
        }
        value => drop(into.insert(name.to_owned(), value)),
    }
}

/// The runs in a folder, or the run that it is, the one begun last at the end. Folders that are no runs are passed over, and
/// runs with damaged files told.
///
/// # Errors
/// [`Error::Input`] where there is no such folder, [`Error::Io`] where it cannot be read.
pub fn runs_in(folder: &Path) -> Result<Vec<RunRecord>> {
    if folder.join("config.toml").is_file() {
        return Ok(vec![RunRecord::open(folder)?]);
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::input(folder, "no such folder; give one of runs"));
        }
        Err(error) => return Err(Error::io("open", folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io("open", folder, error))?.path();
        if !path.join("config.toml").is_file() {
            continue;
        }
        match RunRecord::open(&path) {
            Ok(run) => found.push(run),
            Err(error) => tracing::warn!("{error}; left out"),
        }
    }
    found.sort_by(|a, b| (&a.begun, &a.run).cmp(&(&b.begun, &b.run)));
    Ok(found)
}

/// Names of settings that are not the same in all runs; those that say nothing of what was learned left out.
pub fn differing(runs: &[RunRecord]) -> Vec<String> {
    let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.keys()).collect();
    let differs = |name: &&String| {
        let mut values = runs.iter().map(|run| run.settings.get(*name));
        let first = values.next().flatten();
        values.any(|value| value != first)
    };
    let counts = |name: &&String| !INCIDENTAL.contains(&name.as_str()) && !name.ends_with("_as_given");
    names.into_iter().filter(counts).filter(differs).cloned().collect()
}

/// The result by which runs are ranked, and whether more of it is better: what they reconstruct of held-out examples, else the
/// share of the variance that they explain. Never J, which means another thing under another β, λ or ρ.
pub fn yardstick(runs: &[RunRecord]) -> (&'static str, bool) {
    let have = |name: &str| {
        runs.iter().filter(|run| run.state == State::Finished).all(|run| run.result.contains_key(name))
    };
    if have("validation.reconstruction") {
        ("validation.reconstruction", false)
    } else {
        ("explained_variance", true)
    }
}

/// Orders runs by a setting or a result; those without it come last.
pub fn sort(runs: &mut [RunRecord], name: &str, falling: bool) {
    runs.sort_by(|a, b| match (a.value(name), b.value(name)) {
        (Some(a), Some(b)) if falling => compare(&b, &a),
        (Some(a), Some(b)) => compare(&a, &b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
}

/// Numbers by size, anything else by its text.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => text(a).cmp(&text(b)),
    }
}

/// A value as it is written without quotes.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A condition on a setting or a result: `beta=3`, `explained_variance>0.5`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    name: String,
    relation: &'static str,
    value: String,
}

/// Relations, the longer before those that they begin with.
const RELATIONS: [&str; 6] = ["!=", "<=", ">=", "=", "<", ">"];

impl FromStr for Condition {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let at = |relation: &&'static str| given.find(*relation).map(|at| (at, *relation));
        let first = RELATIONS.iter().filter_map(at).min_by_key(|(at, relation)| (*at, 2 - relation.len()));
        let (at, relation) = first.filter(|(at, _)| *at > 0).ok_or_else(|| {
            format!("{given:?} is no condition; give a name, a relation and a value, as beta=3 or explained_variance>0.5")
        })?;
        let (name, value) =
            (given[..at].trim().replace('-', "_"), given[at + relation.len()..].trim().to_owned());
        Ok(Self { name, relation, value })
    }
}

impl Condition {
    /// The name that it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a run is so; one without the value is not.
    pub fn holds(&self, run: &RunRecord) -> bool {
        let Some(found) = run.value(&self.name) else { return false };
        let wanted = self.value.parse::<f64>().map_or_else(|_| json!(self.value), |number| json!(number));
        let order = match &found {
            // `whiten=true` and `normalize=unit` are no numbers.
            Value::Number(_) if wanted.is_number() => compare(&found, &wanted),
            _ => text(&found).cmp(&self.value),
        };
        match self.relation {
            "=" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }
    }
}

/// All names of settings and results, with how many of the runs have them.
pub fn names(runs: &[RunRecord]) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for run in runs {
        let all: BTreeSet<&String> = run.settings.keys().chain(run.result.keys()).collect();
        all.into_iter().for_each(|name| *names.entry(name.clone()).or_default() += 1);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, settings: Value, result: Value) -> RunRecord {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let mut flat = Map::new();
        flatten("", result, &mut flat);
        RunRecord {
            run: name.into(),
            state: State::Finished,
            begun: String::new(),
            settings: object(settings),
            result: flat,
        }
    }

    #[test]
    fn conditions_compare_numbers_as_numbers_and_words_as_words() {
        let run = run(
            "a",
            json!({"beta": 3.0, "normalize": "unit", "whiten": true}),
            json!({"j": 12, "validation": {"j": 9.5}}),
        );
        let holds = |text: &str| text.parse::<Condition>().unwrap().holds(&run);
        for text in [
            "beta=3",
            "beta>=3.0",
            "beta < 10",
            "j>9",
            "validation.j=9.5",
            "normalize=unit",
            "normalize!=none",
            "whiten=true",
            "state=finished",
            "run=a",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in ["beta!=3", "j<9", "normalize=minmax", "nothing=1", "nothing!=1", "whiten=false"] {
            assert!(!holds(text), "{text}");
        }
        for text in ["beta", "=3", "", ">"] {
            assert!(text.parse::<Condition>().unwrap_err().contains("no condition"), "{text}");
        }
    }

    #[test]
    fn runs_without_a_value_come_last_whichever_way_they_are_sorted() {
        let mut runs = vec![
            run("a", json!({"hidden": 100}), json!({})),
            run("b", json!({}), json!({})),
            run("c", json!({"hidden": 25}), json!({})),
        ];
        let order = |runs: &[RunRecord]| runs.iter().map(RunRecord::name).collect::<String>();
        sort(&mut runs, "hidden", false);
        assert_eq!(order(&runs), "cab");
        sort(&mut runs, "hidden", true);
        assert_eq!(order(&runs), "acb");
    }

    #[test]
    fn runs_are_ranked_by_held_out_reconstruction_where_all_have_it_and_never_by_j() {
        let held_out = json!({"j": 1.0, "explained_variance": 0.5, "validation": {"reconstruction": 2.0}});
        let without = json!({"j": 1.0, "explained_variance": 0.5});
        let of = |result: &Value| run("a", json!({}), result.clone());
        assert_eq!(yardstick(&[of(&held_out), of(&held_out)]), ("validation.reconstruction", false));
        assert_eq!(yardstick(&[of(&held_out), of(&without)]), ("explained_variance", true));
    }

    #[test]
    fn settings_that_differ_are_named_but_for_those_of_the_machine() {
        let runs = [
            run("a", json!({"beta": 3, "rho": 0.1, "device": "cpu"}), json!({})),
            run("b", json!({"beta": 3, "rho": 0.2, "device": "gpu", "lr": 0.1}), json!({})),
        ];
        assert_eq!(differing(&runs), ["lr", "rho"]);
    }
}
