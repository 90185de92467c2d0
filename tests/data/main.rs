//! Sources, patches and preprocessing, against files and numbers from NumPy, Pillow and safetensors
//! (`tests/fixtures/make.py` wrote them).

mod built_in;
mod files;
mod folders;
mod jpeg;
mod patches;
mod pictures;
mod preprocessing;
mod refusals;

use std::path::{Path, PathBuf};

use rhohat::data::{Normalize, Picture, Pictures, Preprocess, Recipe, Scale, Source, Table};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn rows(name: &str) -> Table {
    match Source::open(&fixture(name)) {
        Ok(Source::Rows(table)) => table,
        other => panic!("{name} should be rows, not {other:?}"),
    }
}

fn pictures(name: &str) -> Vec<Picture> {
    match Source::open(&fixture(name)) {
        Ok(Source::Images(pictures)) => all(&pictures),
        other => panic!("{name} should be images, not {other:?}"),
    }
}

/// All of them, decoded.
fn all(pictures: &Pictures) -> Vec<Picture> {
    (0..pictures.list().len()).map(|number| pictures.read(number).unwrap()).collect()
}

/// Patches of `patch` pixels, grey, as they are.
fn plain(patch: usize, samples: usize) -> Recipe {
    Recipe {
        patch,
        samples,
        color: false,
        whiten: false,
        scale: Scale::Pixels,
        normalize: Normalize::None,
        limits: None,
        seed: 1,
    }
}

/// Nothing done to rows.
fn untouched(normalize: Normalize) -> Preprocess {
    Preprocess { patch: None, channels: None, whiten: false, scale: Scale::Pixels, normalize, limits: None }
}

/// The largest difference, NaN if there is one; lengths must agree.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |most, d| if d <= most { most } else { d })
}
