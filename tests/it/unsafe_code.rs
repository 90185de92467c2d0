//! Unsafe code is denied in the whole crate, and allowed in one file, which says why.

use std::fs;
use std::path::{Path, PathBuf};

/// The file, which opens a library at run time and calls it.
const ALLOWED: &str = "engine/collective/mpi/calls.rs";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Lines of code without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

/// Whether a file has attributes that let unsafe code pass.
fn allows(text: &str) -> bool {
    code(text).any(|line| line.contains("unsafe_code"))
}

/// Unsafe blocks that no comment stands before, on one of the lines above.
fn without_reason(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let is_unsafe = |line: &&str| line.contains("unsafe {") && !line.trim_start().starts_with("//");
    let has_reason = |at: usize| {
        // The comment, and the beginning of the statement that the block is in.
        lines[at.saturating_sub(4)..at].iter().any(|line| line.trim_start().starts_with("// SAFETY: "))
    };
    let blocks = lines.iter().enumerate().filter(|(_, line)| is_unsafe(line));
    blocks.filter(|(at, _)| !has_reason(*at)).map(|(at, _)| at + 1).collect()
}

#[test]
fn one_file_allows_unsafe_code_and_every_block_of_it_says_why_it_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"deny\"\n"));
    let (source, mut files) = (root.join("src"), Vec::new());
    sources(&source, &mut files);
    files.retain(|file| allows(&fs::read_to_string(file).unwrap()));
    assert_eq!(files, [source.join(ALLOWED)]);
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.matches("unsafe {").count() > 10 && text.contains("reason = \""));
    assert_eq!(without_reason(&text), [0; 0], "{ALLOWED}");
}

#[test]
fn what_allows_unsafe_code_and_what_lacks_a_reason_is_recognised() {
    assert!(allows("#[expect(unsafe_code, reason = \"x\")]"));
    assert!(allows("#![allow(\n    unsafe_code\n)]"));
    assert!(!allows("// #[allow(unsafe_code)]"));
    assert_eq!(
        without_reason("// SAFETY: x\nlet a = unsafe { b() };\n\n\n\nunsafe { c() }\n// unsafe { d }"),
        [6]
    );
}
