//! Bad input gets one clear line, exit code 3 (2 for flags), and never a panic.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rhohat::Error;
use rhohat::data::dtype::DType;
use rhohat::data::{DataRecipe, Normalize, Preprocess, Source, Table};

use super::{fixture, plain, untouched};

/// Checks the form of an error and that it says all of `words`.
fn assert_says(error: Error, exit_code: u8, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.exit_code(), exit_code, "{text}");
    assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

/// Opens a file of these bytes and this name; it must be refused in these words.
fn assert_refused(name: &str, bytes: &[u8], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = read(&path).expect_err(name);
    assert_says(error, 3, &[&[name], words].concat());
}

/// Opens a file, and decodes what is in it where it is pictures.
fn read(path: &Path) -> rhohat::Result<()> {
    if let Source::Images(pictures) = Source::open(path)? {
        (0..pictures.list().len()).try_for_each(|number| pictures.read(number).map(|_| ()))?;
    }
    Ok(())
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

#[test]
fn a_missing_file() {
    assert_says(Source::open(Path::new("nowhere.npy")).unwrap_err(), 3, &["nowhere.npy: no such file"]);
}

#[test]
fn a_folder_without_images() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "no image").unwrap();
    let name = folder.path().to_str().unwrap();
    assert_says(
        Source::open(folder.path()).unwrap_err(),
        3,
        &[name, "no PNG, JPEG", "images in this folder", "npy"],
    );
}

#[test]
fn a_folder_with_files_named_as_pictures_that_are_none_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture("grey.gif"), folder.path().join("b.gif")).unwrap();
    fs::copy(fixture("make.py"), folder.path().join("c.png")).unwrap();
    fs::copy(fixture("make.py"), folder.path().join("d.png")).unwrap();
    fs::copy(fixture("grey.png"), folder.path().join("a.png")).unwrap();
    assert_says(
        Source::open(folder.path()).unwrap_err(),
        3,
        &["c.png", "text", "none that is read (PNG, JPEG"],
    );
}

#[test]
fn text_in_the_clothes_of_an_array() {
    assert_refused(
        "table.npy",
        b"one,two\nthree,four\n",
        &["named like a NumPy array", "content is text", "numpy.save"],
    );
}

#[test]
fn files_of_other_kinds() {
    assert_refused("rows.npz", b"PK\x03\x04....", &["no whole zip archive"]);
    assert_refused("empty.png", b"", &["named like an image", "content is empty"]);
    assert_refused("noise", &[7, 8, 255, 0], &["no known format"]);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    assert_refused("a.heic", heic, &["a picture of a kind that is not read: HEIC", "pillow_heif", "a.heic"]);
    assert_refused("a.pam", b"P7\nWIDTH 2\n", &["kind that is not read: PAM", "PIL.Image.open"]);
    assert_refused("other.gz", &packed(b"hello"), &["holds no IDX"]);
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn arrays_of_things_that_are_no_rows() {
    let refused = |name: &str, words: &[&str]| assert_refused(name, &bytes(name), words);
    refused("rows_object.npy", &["'|O'"]);
    refused("rows_record.npy", &["structured"]);
    refused("line.npy", &["[4]", "reshape"]);
    refused("none.npy", &["[0, 4]", "no numbers"]);
    refused("labels-idx1-ubyte", &["labels"]);
    refused("several.safetensors", &["FILE:TENSOR", "codes [6, 4], halves [6, 4], scale [3], whole [2, 2]"]);
}

#[test]
fn tensors_that_are_not_there_or_no_rows() {
    let open = |tensor: &str| {
        let path = format!("{}:{tensor}", fixture("several.safetensors").display());
        Source::open(&PathBuf::from(path)).unwrap_err()
    };
    assert_says(open("missing"), 3, &["no tensor is called missing", "codes [6, 4]"]);
    assert_says(open("scale"), 3, &["tensor scale has shape [3]"]);
}

#[test]
fn arrays_of_an_archive_that_are_not_there() {
    let path = fixture("several.npz");
    let named = |name: &str| PathBuf::from(format!("{}:{name}", path.display()));
    assert_says(Source::open(&path).unwrap_err(), 3, &["several.npz", "FILE.npz:NAME", "rows, stack"]);
    assert_says(Source::open(&named("codes")).unwrap_err(), 3, &["no array is called codes", "rows, stack"]);
}

#[test]
fn tensors_and_arrays_of_a_file_are_opened_for_training_by_name() {
    for name in ["several.safetensors:codes", "several.npz:rows", "one.npz"] {
        let size = match Source::open_for_training(&fixture(name), None).unwrap() {
            Source::Stored(store) if name.contains("safetensors") => (store.rows, store.cols),
            Source::Rows(table) if name.contains("npz") => (table.rows, table.cols),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(size, (6, 4), "{name}");
    }
}

/// The bytes of an `.npy` with this header and nothing behind it but `data`.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn headers_that_promise_what_the_file_does_not_hold() {
    let huge =
        |shape: &str| npy(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"), &[0; 8]);
    assert_refused("huge.npy", &huge("(1152921504606846976, 2)"), &["1152921504606846976", "holds 8"]);
    assert_refused("long.npy", &huge("(1000, 2)"), &["promises 16000 bytes", "holds 8"]);
    assert_refused("short.npy", &huge("(0, 2)"), &["promises 0 bytes", "holds 8"]);
    assert_refused("odd.npy", &huge("(-1, 2)"), &["shape (-1, 2)"]);
    let header = [&[0, 0, 8, 3][..], &[255; 12]].concat();
    assert_refused("huge.idx", &header, &["4294967295", "holds 0"]);
    let nothing = [&[0, 0, 8, 4, 0, 0, 0, 0][..], &[255; 12]].concat();
    assert_refused("nothing.idx", &nothing, &["[0, 4294967295", "no numbers"]);
    assert_refused("huge.gz", &packed(&header), &["cannot come out of"]);
    let more = [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1; 50]].concat();
    assert_refused("more.gz", &packed(&more), &["more comes out of it than shape [1, 2] promises"]);
}

#[test]
fn numbers_that_are_not_finite_are_named_by_row_and_column() {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}";
    for (bad, name) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf"), (1e39, "1e39")] {
        let values = [0.0, 1.0, 2.0, 3.0, bad, 5.0].map(f64::to_le_bytes).concat();
        assert_refused("bad.npy", &npy(header, &values), &["row 1, column 1", name]);
    }
}

#[test]
fn every_truncation_of_every_format() {
    let names = [
        "rows_lf4.npy",
        "rows_v3.npy",
        "images-idx3-ubyte",
        "images-idx3-ubyte.gz",
        "one.safetensors",
        "one.npz",
        "grey.jpg",
    ];
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let (path, whole) = (folder.path().join(name), bytes(name));
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = read(&path).expect_err(&format!("{length} bytes of {name}"));
            assert_says(error, 3, &[name]);
        }
    }
}

#[test]
fn a_truncated_png_unless_only_its_end_mark_is_missing() {
    let whole = bytes("color.png");
    let end_mark = 12;
    for length in 0..whole.len() - end_mark {
        assert_refused("cut.png", &whole[..length], &[]);
    }
}

#[test]
fn a_png_that_says_it_is_huge() {
    let mut bytes = bytes("grey.png");
    // The header chunk: type at 12, width and height at 16, checksum of both at 29.
    bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    assert_refused("huge.png", &bytes, &["32768 pixels"]);
}

#[test]
fn a_picture_smaller_than_the_patch() {
    let source = Source::open(&fixture("dot.png")).unwrap();
    let words = ["dot.png", "1×1", "8×8", "`patch`"];
    assert_says(source.training_set::<f32>(&plain(8, 10)).unwrap_err(), 3, &words);
    let preprocess = Preprocess { patch: Some(8), channels: Some(1), ..untouched(Normalize::None) };
    assert_says(source.apply::<f32>(&preprocess).unwrap_err(), 3, &words);
}

#[test]
fn recipes_that_contradict_the_data() {
    let image = Source::open(&fixture("grey.png")).unwrap();
    let refused = |source: &Source, recipe: DataRecipe| source.training_set::<f32>(&recipe).unwrap_err();
    assert_says(refused(&image, plain(0, 1)), 2, &["`patch` 0"]);
    assert_says(refused(&image, plain(8, 0)), 2, &["`samples` 0"]);
    assert_says(refused(&image, plain(8, usize::MAX / 64)), 2, &["`samples`", "GiB"]);
    assert_says(refused(&image, DataRecipe { color: true, ..plain(8, 1) }), 2, &["`color`", "grey"]);
    let flat = Source::Rows(Table { rows: 2, cols: 3, dtype: DType::F64, values: vec![0.1; 6] });
    assert_says(refused(&flat, DataRecipe { whiten: true, ..plain(8, 1) }), 2, &["`whiten`", "rows"]);
    for (normalize, name) in [(Normalize::Lecture, "lecture"), (Normalize::Unit, "unit")] {
        assert_says(refused(&flat, DataRecipe { normalize, ..plain(8, 1) }), 3, &[name, "`normalize` none"]);
    }
}

#[test]
fn data_that_do_not_fit_the_model() {
    let image = Source::open(&fixture("grey.png")).unwrap();
    let error = image.apply::<f32>(&untouched(Normalize::None)).unwrap_err();
    assert_says(error, 3, &["images", "trained on rows"]);
    let rows = Source::open(&fixture("rows_lf4.npy")).unwrap();
    let preprocess = Preprocess { patch: Some(8), channels: Some(1), ..untouched(Normalize::None) };
    assert_says(rows.apply::<f32>(&preprocess).unwrap_err(), 3, &["4 numbers", "8×8×1 = 64"]);
}

proptest! {
    /// Damage anywhere in a file is read or refused, but never a panic.
    #[test]
    fn damaged_files_never_panic(which in 0usize..8, place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let names = [
            "rows_fortran.npy", "stack_color_fortran.npy", "images-idx3-ubyte", "images-idx3-ubyte.gz",
            "several.safetensors", "color.png", "palette.png", "grey.jpg",
        ];
        let mut damaged = bytes(names[which]);
        let place = place.index(damaged.len());
        damaged[place] = byte;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), damaged).unwrap();
        if let Err(error) = read(file.path()) {
            assert_says(error, 3, &[]);
        }
    }
}
