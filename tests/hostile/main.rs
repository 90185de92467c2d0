//! Files that nobody should have written: thousands of damaged ones a format, and absurd headers made by hand. Each format
//! runs in a process of its own (`watched`), whose memory and time are measured case by case: no panic, no abort, no case
//! of a second or more, at most 64 MiB and twice what was decoded, and every error one line that names the file.

mod formats;
mod headers;
mod mutate;
mod readers;
mod watched;

use formats::ALL;
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
fn every_format_is_tested() {
    let tested = [
        "npy",
        "npz",
        "idx",
        "gz",
        "png",
        "jpeg",
        "safetensors",
        "model",
        "toml",
        "json",
        "checkpoint",
        "raw",
    ];
    assert_eq!(ALL.iter().map(|format| format.name).collect::<Vec<_>>(), tested);
}

#[test]
fn absurd_headers_are_refused_in_words_that_name_the_field() {
    survives(headers::NAME);
}

#[test]
fn damaged_npy() {
    survives("npy");
}

#[test]
fn damaged_npz() {
    survives("npz");
}

#[test]
fn damaged_idx() {
    survives("idx");
}

#[test]
fn damaged_gz() {
    survives("gz");
}

#[test]
fn damaged_png() {
    survives("png");
}

#[test]
fn damaged_jpeg() {
    survives("jpeg");
}

#[test]
fn damaged_safetensors() {
    survives("safetensors");
}

#[test]
fn damaged_model() {
    survives("model");
}

#[test]
fn damaged_configuration() {
    survives("toml");
}

#[test]
fn damaged_cache_of_kernels() {
    survives("json");
}

#[test]
fn damaged_checkpoint() {
    survives("checkpoint");
}

#[test]
fn damaged_raw() {
    survives("raw");
}
