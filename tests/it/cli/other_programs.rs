//! Files of other programs: named with the line that makes rows of them, and read where their writers were odd.

use std::fs;

use tempfile::tempdir;

use super::taken_for::has;
use super::{fixture, rhohat};

#[test]
fn files_of_other_programs_are_named_with_the_line_that_converts_them() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let gz = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let array = fs::read(fixture("rows_lf4.npy")).unwrap();
    let cases: [(&str, Vec<u8>, &[&str]); 14] = [
        (
            "data_batch_1",
            b"\x80\x04\x95".to_vec(),
            &["a Python pickle", "pickle.load(open('", "data_batch_1', 'rb'), encoding='bytes')"],
        ),
        ("old.pt", b"\x80\x02\x8a\x0al\xfc".to_vec(), &["a PyTorch file", "torch.load('", "old.pt'"]),
        (
            "lfs.npy",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n".to_vec(),
            &["a git-lfs pointer", "git lfs pull"],
        ),
        ("page.idx", b"<!DOCTYPE html>\n<html>".to_vec(), &["a web page", "download it again"]),
        ("rows.npy.gz", gz(&array), &["a NumPy array", "numpy.load(gzip.open('", "rows.npy.gz'))"]),
        ("a.h5", b"\x89HDF\r\n\x1a\n".to_vec(), &["HDF5", "h5py.File('", "a.h5')"]),
        ("a.mat", b"MATLAB 5.0 MAT-file".to_vec(), &["MATLAB", "without the end of its header"]),
        ("b.mat", b"MATLAB 7.3 MAT-file".to_vec(), &["version 7.3", "h5py.File('", "b.mat')", ".T"]),
        ("a.parquet", b"PAR1....".to_vec(), &["Parquet", "pandas.read_parquet('", "a.parquet')"]),
        ("a.json", b"[[1, 2], [3, 4]]".to_vec(), &["JSON", "json.load(open('", "a.json'))"]),
        ("a.bin", vec![7, 8, 255, 0], &["no known format", "--raw"]),
        ("a.xz", b"\xfd7zXZ\0".to_vec(), &["unpack it"]),
        ("cut", Vec::new(), &["is empty"]),
        ("a.txt", b"hello world\n".to_vec(), &["no table of numbers"]),
    ];
    for (name, content, words) in &cases {
        fs::write(folder.join(name), content).unwrap();
        rhohat(folder, &["train", name]).refused(3, &[&[*name], *words].concat());
    }
    fs::copy(fixture("sparse.npz"), folder.join("sparse.npz")).unwrap();
    rhohat(folder, &["train", "sparse.npz"])
        .refused(3, &["a sparse matrix", "scipy.sparse.load_npz('", "sparse.npz')"]);
    for (fixture_name, words) in [
        ("rows_object.npy", "numpy.stack([numpy.asarray(x, 'float32') for x in numpy.load("),
        ("rows_record.npy", "structured_to_unstructured(numpy.load("),
    ] {
        rhohat(folder, &["train", &fixture(fixture_name)]).refused(3, &[words]);
    }
}

#[test]
fn gzip_files_of_several_members_and_with_zeros_behind_them_are_whole() {
    let folder = tempdir().unwrap();
    let gz = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let raw = fs::read(fixture("images-idx3-ubyte")).unwrap();
    let members = [gz(&raw[..20]), gz(&raw[20..]), vec![0; 4096]].concat();
    fs::write(folder.path().join("members.gz"), members).unwrap();
    let outcome = rhohat(folder.path(), &["train", "members.gz", "--dry-run", "--json"]);
    has(
        &outcome,
        "members.gz: 2 rows of 12 numbers (u8), an array of shape [2, 3, 4] as count,length,length, divided by 255",
    );
    assert_eq!(outcome.json()["examples"], 2);
}
