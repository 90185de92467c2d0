//! Files of SciPy and by hand (tests/fixtures/make_tables.py) and of Octave (make_octave.m), whose numbers are closed forms of their places.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::{DataContents, Opened, Reading, Source, Table};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mat").join(name)
}

fn open(name: &str, axes: Option<&str>) -> Opened {
    let axes = axes.map(|axes| axes.parse().unwrap());
    Opened::new(&fixture(name), &Reading { axes, ..Reading::default() }).unwrap()
}

fn rows(opened: Opened) -> Table {
    let Source::Rows(table) = opened.source else { panic!("no rows") };
    table
}

fn refused(path: &Path) -> String {
    let error = Source::open(path).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    error.to_string()
}

/// The six rows of four numbers that most fixtures hold.
fn grid() -> Vec<f64> {
    (0..24).map(|i| (f64::from(i) - 7.0) / 8.0).collect()
}

#[test]
fn files_of_every_level_packing_and_order_of_bytes_hold_the_same_rows() {
    for (name, dtype) in [
        ("rows.mat", "f64"),
        ("rows_packed.mat", "f32"),
        ("rows_level4.mat", "f64"),
        ("rows_big.mat", "f64"),
        ("level4_big.mat", "f64"),
        ("octave_4.mat", "f64"),
        ("octave_6.mat", "f64"),
        ("octave_7.mat", "f64"),
    ] {
        let opened = open(name, None);
        assert!(opened.description.line(crate::data::Scale::AsIs).contains(".mat:"), "{name}");
        let table = rows(opened);
        assert_eq!((table.rows, table.cols, table.dtype.name()), (6, 4, dtype), "{name}");
        assert_eq!(table.values, grid(), "{name}");
    }
    let columns = rows(open("rows.mat", Some("length,count")));
    assert_eq!((columns.rows, columns.cols), (4, 6));
    assert_eq!(columns.values[..6], [0, 4, 8, 12, 16, 20].map(|i| grid()[i]));
}

#[test]
fn numbers_of_every_class_are_read_packed_and_unpacked() {
    let kinds = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"];
    let names = ["f64", "f32", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"];
    for file in ["classes.mat", "classes_packed.mat"] {
        for (kind, name) in kinds.iter().zip(names) {
            let table = rows(open(&format!("{file}:of_{kind}"), None));
            let least = if kind.starts_with('u') { 0 } else { -9 };
            let wanted: Vec<f64> = (least..least + 18).map(f64::from).collect();
            assert_eq!((table.dtype.name(), table.values), (name, wanted), "{file} {kind}");
        }
        let truth = rows(open(&format!("{file}:truth"), None));
        assert_eq!(truth.dtype.name(), "bool");
        assert_eq!(truth.values[..7], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }
}

#[test]
fn numbers_that_are_stored_in_less_bytes_have_the_type_of_their_class() {
    let bytes = rows(open("small.mat", None));
    assert_eq!((bytes.dtype.name(), bytes.rows), ("f64", 6));
    assert_eq!(bytes.values, (0..24).map(f64::from).collect::<Vec<_>>());
    let packed = rows(open("small_packed.mat", None));
    assert_eq!(packed.values, (-7..17).map(f64::from).collect::<Vec<_>>());
    // Four bytes stand in the tag itself.
    let tiny = rows(open("tiny.mat", None));
    assert_eq!((tiny.dtype.name(), tiny.values), ("bool", vec![0.0, 1.0, 1.0, 0.0]));
}

#[test]
fn the_last_dimension_counts_pictures_and_other_orders_are_said() {
    for name in ["stack.mat", "stack_packed.mat"] {
        let Opened { source: Source::Images(pictures), description } = open(name, None) else {
            panic!("{name}")
        };
        let DataContents::Pictures { count, smallest, .. } = description.contents else { panic!("{name}") };
        assert_eq!((count, smallest), (6, (5, 4)));
        let second = pictures.read(1).unwrap();
        assert_eq!(second.pixels, (20..40).map(|i| i as f32 / 64.0).collect::<Vec<_>>());
        let lines = rows(open(name, Some("count,length,length")));
        assert_eq!((lines.rows, lines.cols, lines.values[1]), (4, 30, 20.0 / 64.0));
    }
    let Source::Images(pictures) = open("color.mat", None).source else { panic!() };
    let first = pictures.read(0).unwrap();
    assert_eq!((first.height, first.width, first.channels), (3, 4, 3));
    // Two pictures lie between each other.
    assert_eq!(first.pixels[..3], [0, 2, 4].map(|i| (i * 3) as f32 / 255.0));
}

#[test]
fn variables_that_are_no_dense_arrays_of_real_numbers_are_named() {
    let why = refused(&fixture("others.mat"));
    for word in [
        "sparse 6×4 sparse",
        "text 1×4 char",
        "cell 1×2 cell",
        "record 1×1 struct",
        "wave 6×4 complex double",
    ] {
        assert!(why.contains(word), "{why}");
    }
    for (name, word) in
        [("sparse", "full(sparse)"), ("text", "double(text)"), ("wave", "abs(wave)"), ("no", "no variable")]
    {
        let why = refused(&fixture(&format!("others.mat:{name}")));
        assert!(why.contains(word) && why.contains("record 1×1 struct"), "{why}");
    }
    let several = refused(&fixture("classes.mat"));
    assert!(several.contains("FILE.mat:NAME") && several.contains("of_i2 9×2 int16"), "{several}");
}

#[test]
fn damage_of_every_part_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let changed = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(fixture(name)).unwrap();
        change(&mut bytes);
        let path = folder.path().join("a.mat");
        fs::write(&path, bytes).unwrap();
        refused(&path)
    };
    for cut in [129, 140, 200, 300] {
        let why = changed("rows.mat", &|bytes| bytes.truncate(cut));
        assert!(why.contains("truncated or damaged") || why.contains("without variables"), "{cut}: {why}");
    }
    // The checksum of what is packed.
    let why = changed("small_packed.mat", &|bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(why.contains("corrupt deflate stream"), "{why}");
    // More rows than numbers.
    let why = changed("rows.mat", &|bytes| bytes[160] = 7);
    assert!(why.contains("rows 7×4 double has 192 bytes of numbers"), "{why}");
    let why = changed("rows_level4.mat", &|bytes| bytes[4] = 200);
    assert!(why.contains("does not fit"), "{why}");
    let why = changed("rows.mat", &|bytes| bytes.truncate(128));
    assert!(why.contains("without variables"), "{why}");
}

#[test]
fn version_7_3_is_refused_with_the_line_that_converts_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.mat");
    let mut bytes = b"MATLAB 7.3 MAT-file".to_vec();
    bytes.resize(124, b' ');
    bytes.extend(b"\0\x02IM");
    fs::write(&path, bytes).unwrap();
    let why = refused(&path);
    assert!(why.contains("7.3") && why.contains("h5py"), "{why}");
}
