//! What comes from outside (arguments, files, names, limits of the system) may not end the program by a panic: code that
//! meets it neither unwraps nor expects, but where a reason beside it says why that cannot fail.

use std::fs;
use std::path::{Path, PathBuf};

/// Code that meets nothing from outside: kernels, engines, optimisers, and what measures and checks them.
const INSIDE: [&str; 4] = ["bench", "engine", "math/optim", "verify"];

/// Every expectation elsewhere, by its words, which say why it holds: a value of our own has a form, a thread or a fixed
/// text is what it was made.
const EXPECTED: [&str; 22] = [
    "a descent is of first order",
    "a path has a TOML form",
    "a string takes everything",
    "defaults have a TOML form",
    "every tensor holds as many numbers as its shape says",
    "it is done once",
    "memory takes all that is written",
    "names and numbers have a JSON form",
    "no state is kept without files",
    "nobody panics while he takes",
    "numbers and names have a JSON form",
    "numbers below 2^63 and names have a TOML form",
    "numbers have a JSON form",
    "only datasets of codes are asked for codes",
    "results have a JSON form",
    "settings have a TOML form",
    "the cost was asked for",
    "the lead changes once",
    "the numbers do not end",
    "the template is fixed and right",
    "the thread ends with its reader",
    "there is always a way to try",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The lines of a file that are compiled into the program.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = ["#[cfg(test)]", "#[cfg(all(test,"].iter().filter_map(|attribute| text.find(attribute));
    let end = ends.min().unwrap_or(text.len());
    let lines = text[..end].lines().map(str::trim).enumerate();
    lines.filter(|(_, line)| !line.starts_with("//")).map(|(at, line)| (at + 1, line))
}

/// What a line says that it expects, if it does.
fn expected(line: &str) -> Option<&str> {
    let after = ["panic!(", "unreachable!(", "todo!(", "unimplemented!(", ".expect("]
        .iter()
        .find_map(|call| line.split_once(call))?
        .1;
    Some(after.trim_start_matches('"').split(['"', ')']).next().unwrap_or_default())
}

#[test]
fn nothing_that_comes_from_outside_is_unwrapped_or_expected_without_a_known_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let inside =
            |part: &&str| path.starts_with(root.join(part)) || path == root.join(format!("{part}.rs"));
        let is_inside = INSIDE.iter().any(inside);
        for (number, line) in code(&text) {
            let unknown = expected(line).is_some_and(|words| !is_inside && !EXPECTED.contains(&words));
            if line.contains(".unwrap()") || unknown {
                found.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_would_panic_is_recognised() {
    assert_eq!(expected("let x = y.expect(\"it is there\");"), Some("it is there"));
    assert_eq!(expected("None => unreachable!(\"never\"),"), Some("never"));
    assert_eq!(expected("let x = y.map_err(Error::from)?;"), None);
    let text = "a\n// b.unwrap()\nc\n#[cfg(test)]\nd.unwrap()";
    assert_eq!(code(text).collect::<Vec<_>>(), [(1, "a"), (3, "c")]);
    assert_eq!(code("a\n#[cfg(all(test, unix))]\nb.unwrap()").count(), 1);
}
