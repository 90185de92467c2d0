//! Sources, patches and preprocessing, against files and numbers from NumPy, Pillow and safetensors
//! (`tests/fixtures/make.py` wrote them).

mod built_in;
mod cifar;
mod class_folders;
mod files;
mod folders;
mod folders_of_arrays;
mod jpeg;
mod more_kinds;
mod own_rows;
mod patches;
mod pictures;
mod preprocessing;
mod refusals;
mod scale;
mod several;
mod shapes;
mod whitening;

use std::path::{Path, PathBuf};

use rhohat::data::{DataRecipe, Normalize, Picture, Pictures, Preprocess, Scale, Source, Table};

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
fn plain(patch: usize, samples: usize) -> DataRecipe {
    DataRecipe {
        purpose: rhohat::data::PATCHES,
        patch,
        samples,
        color: false,
        whiten: false,
        scale: Scale::Pixels,
        form: None,
        whitening: None,
        normalize: Normalize::None,
        fitted: None,
        seed: 1,
        replacement: false,
    }
}

/// Nothing done to rows.
fn untouched(normalize: Normalize) -> Preprocess {
    Preprocess { scale: Scale::Pixels, normalize, ..Preprocess::AS_IS }
}

/// The bytes of an `.npy` of version 1 with these entries of its header.
fn npy(descr: &str, fortran: bool, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    npy_with(&format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"), numbers)
}

/// The same with any header.
fn npy_with(header: &str, numbers: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16 + 1).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), b"\n", numbers].concat()
}

/// The bytes of f32.
fn singles(numbers: impl IntoIterator<Item = f32>) -> Vec<u8> {
    numbers.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// The largest difference, NaN if there is one; lengths must agree.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |most, d| if d <= most { most } else { d })
}
