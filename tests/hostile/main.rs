//! Files that nobody should have written: thousands of damaged ones a format, and absurd headers made by hand. Each format
//! runs in a process of its own (`watched`), whose memory and time are measured case by case: no panic, no abort, no case
//! of a second or more, at most 64 MiB and twice what was decoded, and every error one line that names the file.

mod formats;
mod headers;
mod mutate;
mod readers;
mod watched;

use std::fs;
use std::path::Path;

use formats::ALL;
use rhohat::data::formats::Format;
use watched::{Report, watch};

/// Cases a format.
const CASES: usize = 5_000;

/// Runs one format in a process of its own and judges it.
fn survives(name: &str) {
    let Report { cases, read, slowest, peak } = watch(name);
    println!("{name}: {cases} cases, {read} read, slowest {slowest} ms, peak {peak} MiB");
    let wanted = if name == headers::NAME { headers::LEAST } else { CASES };
    assert!(cases >= wanted, "{name}: only {cases} cases");
    let has_both = name == headers::NAME || (read > 0 && read < cases);
    assert!(has_both, "{name}: {read} of {cases} could be read, so the cases test little");
}

/// What runs in the process of its own.
#[test]
#[ignore = "the other tests run it, a format each"]
fn child() {
    watched::child();
}

#[test]
fn every_format_of_data_is_among_those_that_are_damaged() {
    for format in Format::ALL {
        let is_it = |hostile: &formats::Format| Format::named(Path::new(hostile.file)) == Some(format);
        assert!(ALL.iter().any(is_it), "{format}: give good files of it in tests/hostile/formats.rs");
    }
}

#[test]
fn every_reader_has_a_fuzzer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap();
    let fuzzers: Vec<String> = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    for hostile in &ALL {
        let runs_it = |fuzzer: &String| fuzzer.contains(&format!(", {})", hostile.reader));
        assert!(fuzzers.iter().any(runs_it), "{}: no fuzzer of {}", hostile.name, hostile.reader);
    }
}

#[test]
fn absurd_headers_are_refused_in_words_that_name_the_field() {
    survives(headers::NAME);
}
