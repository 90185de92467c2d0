//! Texts of the library name settings in backticks, as `config.toml` does; the binary alone knows of dashes.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::run::config::is_setting;

/// The layers of the binary.
const OF_THE_BINARY: [&str; 3] = ["cli", "cli.rs", "main.rs"];
/// Whole commands, which stay as they are in every text.
const COMMANDS: [&str; 8] = [
    "rhohat bench --export ",
    "rhohat bench --ladder ",
    "rhohat classify --resume",
    "rhohat stack --resume",
    "rhohat train --config ",
    "rhohat train --resume ",
    "rhohat train DATA --resume ",
    "rhohat verify --device ",
];
/// Names in backticks that are no settings: what else a command is told, a value, a function.
const OTHER_NAMES: [&str; 24] = [
    "config",
    "data_changed",
    "encoder",
    "fine_tune",
    "for_each",
    "from_scratch",
    "full",
    "hidden_lambda",
    "hold_out",
    "iterations",
    "layer",
    "layers",
    "limit",
    "mpi",
    "out",
    "per_row",
    "pool",
    "resume",
    "retune",
    "run",
    "softmax_lambda",
    "step",
    "test",
    "zoom",
];
/// Words behind which the binary takes a name for a key of a file, which has no dashes.
const BEFORE_KEYS: [&str; 5] = ["field ", "key ", "variant ", "in ", "expected "];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The string literals of a file as they are written, with their lines.
fn literals(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = code[at..].find(['/', '"', '\'']).map(|next| at + next) {
        let rest = &code[next..];
        let end = |end: Option<usize>| end.unwrap_or(code.len());
        at = if rest.starts_with("//") {
            end(rest.find('\n').map(|length| next + length))
        } else if rest.starts_with('"') {
            let hashes = code[..next].bytes().rev().take_while(|byte| *byte == b'#').count();
            let is_raw = code[..next - hashes].ends_with('r');
            let close = if is_raw { format!("\"{}", "#".repeat(hashes)) } else { "\"".to_owned() };
            let mut last = next + 1;
            while !code[last..].starts_with(&close) {
                let step = if !is_raw && code[last..].starts_with('\\') { 2 } else { 1 };
                last = (last + 1..).find(|&i| code.is_char_boundary(i) && i >= last + step).unwrap();
            }
            found.push((1 + code[..next].matches('\n').count(), &code[next + 1..last]));
            last + close.len()
        } else if let Some(inner) = rest.strip_prefix('\'') {
            // A character, or the name of a lifetime or loop.
            let mut characters = inner.char_indices();
            let first = characters.next().map_or(' ', |(_, c)| c);
            match characters.next() {
                _ if first == '\\' => end(inner[2..].find('\'').map(|length| next + 4 + length)),
                Some((length, '\'')) => next + length + 2,
                _ => next + 1,
            }
        } else {
            next + 1
        };
    }
    found
}

/// The flags in a text, but for those of whole commands.
fn flags(literal: &str) -> Vec<&str> {
    let is_of_a_command = |at: usize| {
        COMMANDS.iter().any(|command| {
            let dashes = command.find("--").unwrap();
            at >= dashes && literal[at - dashes..].starts_with(command)
        })
    };
    let begins =
        |at: usize| !literal[..at].ends_with(|before: char| before.is_alphanumeric() || before == '-');
    let of_a_flag = |c: char| c.is_ascii_lowercase() || c == '{';
    let dashes = literal.match_indices("--").filter(|(at, _)| literal[at + 2..].starts_with(of_a_flag));
    dashes.filter(|&(at, _)| begins(at) && !is_of_a_command(at)).map(|(at, _)| &literal[at..]).collect()
}

/// What is wrong with the names in backticks.
fn bad_names(literal: &str) -> Vec<&str> {
    let mut bad = Vec::new();
    for (at, _) in literal.match_indices('`') {
        let Some((name, after)) = literal[at + 1..].split_once('`') else { continue };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            continue;
        }
        let before = &literal[..at];
        let is_known = is_setting(name) || OTHER_NAMES.contains(&name);
        let is_alone = (before.is_empty() || before.ends_with([' ', '(']))
            && (after.is_empty() || after.starts_with([' ', ',', ':', ';', ')']));
        if !is_known || !is_alone || BEFORE_KEYS.iter().any(|words| before.ends_with(words)) {
            bad.push(&literal[at..]);
        }
    }
    bad
}

#[test]
fn texts_of_the_library_name_settings_and_no_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.retain(|path| !OF_THE_BINARY.iter().any(|part| path.starts_with(root.join(part))));
    let (mut wrong, mut names) = (Vec::new(), 0);
    for path in files {
        let code = fs::read_to_string(&path).unwrap();
        // Styles of pages have properties that begin with dashes.
        let is_page = path.starts_with(root.join("run/report")) || path == root.join("run/classify/page.rs");
        // Tests of readers repeat what serde says.
        let of_tests =
            code.find("#[cfg(test)]").map_or(usize::MAX, |at| 1 + code[..at].matches('\n').count());
        for (line, literal) in literals(&code) {
            names += literal.matches('`').count() / 2;
            let unknown = if line < of_tests { bad_names(literal) } else { Vec::new() };
            let flags = if is_page { Vec::new() } else { flags(literal) };
            for bad in flags.into_iter().chain(unknown) {
                wrong.push(format!("{}:{line}: {bad}", path.display()));
            }
        }
    }
    assert!(names > 200, "only {names} names are found");
    assert!(wrong.is_empty(), "name settings as in `rho`, without dashes:\n{}", wrong.join("\n"));
}

#[test]
fn flags_and_unknown_names_are_recognised() {
    assert_eq!(flags("use --device cpu"), ["--device cpu"]);
    assert_eq!(flags("--{name} 3"), ["--{name} 3"]);
    assert_eq!(flags("(`--rho`)").len(), 1);
    for harmless in
        ["rhohat train DATA --resume RUN", "`rhohat verify --device {}` tells", "a--b", "---", "- -"]
    {
        assert_eq!(flags(harmless), [""; 0], "{harmless}");
    }
    assert_eq!(flags("rhohat train --resume RUN --rho 2"), ["--rho 2"]);
    assert_eq!(bad_names("lower `rho`, or `rhohat devices`, or `full`"), [""; 0]);
    assert_eq!(bad_names("`rhoo` 2"), ["`rhoo` 2"]);
    assert_eq!(bad_names("x`rho`").len() + bad_names("`rho`x").len() + bad_names("in `rho`").len(), 3);
}

#[test]
fn literals_are_told_from_comments_and_characters() {
    let code = "// \"no\n'\"' 'a \"b\\\"c\" r#\"d\"e\"# '\\'' \"f\\\\\" /* ' */ '\\u{22}' \"\n\"";
    assert_eq!(literals(code), [(2, "b\\\"c"), (2, "d\"e"), (2, "f\\\\"), (2, "\n")]);
}
