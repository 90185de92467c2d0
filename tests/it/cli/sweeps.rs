//! `docs/sweeps.md` and the scripts of `examples/sweeps`: the page names each script, `.ci/sweeps` runs it, and `rhohat train` has
//! every flag that one of them gives it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::tempdir;

use super::{names, rhohat};

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The flags in a text: two dashes and a name, at its start or behind what cannot be part of a word.
fn flags(text: &str) -> BTreeSet<String> {
    let begins =
        |at: usize| !text[..at].ends_with(|before: char| before.is_alphanumeric() || "-_".contains(before));
    let name =
        |at: usize| text[at + 2..].split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap();
    let dashes = text.match_indices("--").map(|(at, _)| at).filter(|&at| begins(at));
    let named = dashes.map(name).filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    named.map(|name| format!("--{}", name.trim_end_matches('-'))).collect()
}

/// The flags that a script gives to `rhohat train`.
fn given(name: &str, script: &str) -> BTreeSet<String> {
    if name.ends_with(".yaml") {
        let parameters = script.split("\nparameters:\n").nth(1).expect("parameters").lines();
        let keys = parameters.take_while(|line| line.starts_with(' ')).filter_map(|line| {
            line.strip_prefix("  ").filter(|key| !key.starts_with(' ')).and_then(|key| key.strip_suffix(':'))
        });
        return keys.map(|key| format!("--{}", key.replace('_', "-"))).collect();
    }
    if name.ends_with(".py") {
        let strings = script.split('"').skip(1).step_by(2).filter(|text| text.starts_with("--"));
        return strings.flat_map(flags).collect();
    }
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.starts_with('#'));
    let commands = lines.filter_map(|line| line.split_once("rhohat train "));
    commands.flat_map(|(_, rest)| flags(rest.split(":::").next().unwrap())).collect()
}

/// The flags of a command, by its help.
fn known(command: &str) -> BTreeSet<String> {
    let folder = tempdir().unwrap();
    flags(&rhohat(folder.path(), &[command, "--help"]).text())
}

#[test]
fn every_script_of_a_sweep_is_shown_and_run() {
    let page = read("docs/sweeps.md");
    let checks: String = names(&at("tests/sweeps"))
        .iter()
        .filter(|name| name.ends_with(".py"))
        .map(|name| read(&format!("tests/sweeps/{name}")))
        .collect();
    let scripts = names(&at("examples/sweeps"));
    assert!(scripts.len() >= 5, "{scripts:?}");
    for script in &scripts {
        assert!(page.contains(&format!("(../examples/sweeps/{script})")), "the page has no link to {script}");
        let is_run = checks.contains(script) || read("examples/sweeps/wandb.yaml").contains(script);
        assert!(is_run, "nothing in tests/sweeps runs {script}");
    }
    let linked = page.split("(../examples/sweeps/").skip(1).map(|rest| rest.split(')').next().unwrap());
    for script in linked {
        assert!(scripts.iter().any(|name| name == script), "examples/sweeps has no {script}");
    }
    let parts = read(".ci/sweeps");
    for check in names(&at("tests/sweeps")).iter().filter(|name| name.starts_with("check_")) {
        assert!(parts.contains(check.as_str()), ".ci/sweeps leaves out {check}");
    }
    assert!(read(".ci/long").contains(".ci/sweeps"));
}

#[test]
fn every_flag_that_a_script_of_a_sweep_gives_to_train_is_one_of_it() {
    let known = known("train");
    for script in names(&at("examples/sweeps")) {
        let given = given(&script, &read(&format!("examples/sweeps/{script}")));
        assert!(given.len() > 3, "{script}: only {given:?} are found");
        let unknown: Vec<_> = given.difference(&known).collect();
        assert!(unknown.is_empty(), "{script}: rhohat train has no {unknown:?}");
    }
}

#[test]
fn every_flag_that_the_page_of_sweeps_names_is_one_of_a_command_or_of_a_script() {
    let page = read("docs/sweeps.md");
    let scripts: String =
        names(&at("examples/sweeps")).iter().map(|name| read(&format!("examples/sweeps/{name}"))).collect();
    let checks = read("tests/sweeps/check_slurm.py");
    let known: BTreeSet<String> =
        ["train", "runs"].into_iter().flat_map(known).chain(flags(&scripts)).chain(flags(&checks)).collect();
    let named = flags(&page);
    assert!(named.len() > 10, "{named:?}");
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "nothing runs {unknown:?}");
}

#[test]
fn flags_are_found_wherever_a_script_has_them() {
    let set = |names: &[&str]| names.iter().map(|name| format!("--{name}")).collect::<BTreeSet<_>>();
    let shell = "#SBATCH --array=0-5\nsrun --quiet \\\n rhohat train --rho 1 \\\n  --run=\"a--b\" ::: --x\n";
    assert_eq!(given("a.sh", shell), set(&["rho", "run"]));
    let python = "command = [\"rhohat\", \"train\", \"--lr\", f\"--beta-warmup={x}\", \"a --no\"]\n";
    assert_eq!(given("a.py", python), set(&["lr", "beta-warmup"]));
    let yaml =
        "name: x\nparameters:\n  beta_warmup:\n    values: [1]\n  rho:\n    value: 2\ncommand:\n  - x:\n";
    assert_eq!(given("a.yaml", yaml), set(&["beta-warmup", "rho"]));
    assert_eq!(flags("`--signal=USR1@120`, a--b --- -- --Not (--yes)"), set(&["signal", "yes"]));
}
