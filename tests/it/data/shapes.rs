//! What arrays hold: rows or pictures, whatever the order of their dimensions, and what is said where that is not plain.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::{Axes, DataContents, Meaning, Opened, Picture, Reading, Source, Table};
use rhohat::{Error, Result};
use tempfile::{TempDir, tempdir};

use super::{all, fixture, npy, npy_with, singles};

pub(super) fn axes(text: &str) -> Reading {
    Reading { axes: Some(text.parse().unwrap()), ..Reading::default() }
}

pub(super) fn meaning(meaning: Meaning) -> Reading {
    Reading { meaning: Some(meaning), ..Reading::default() }
}

/// A file of this name and these bytes, in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// An array of f32 that count up from 0, in either order.
pub(super) fn counting(shape: &[usize], fortran: bool) -> Vec<u8> {
    let total: usize = shape.iter().product();
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    let number = |place: usize| {
        let mut rest = place;
        let mut number = 0;
        // The index of each dimension, of which the first is the fastest in Fortran's order.
        let mut index = vec![0; shape.len()];
        let order: Vec<usize> =
            if fortran { (0..shape.len()).collect() } else { (0..shape.len()).rev().collect() };
        for dimension in order {
            index[dimension] = rest % shape[dimension];
            rest /= shape[dimension];
        }
        for (length, i) in shape.iter().zip(index) {
            number = number * length + i;
        }
        number as f32
    };
    npy("<f4", fortran, &format!("({},)", lengths.join(", ")), &singles((0..total).map(number)))
}

fn rows(source: Source) -> Table {
    match source {
        Source::Rows(table) => table,
        Source::Stored(store) => store.table().unwrap(),
        Source::Images(_) => panic!("rows"),
    }
}

pub(super) fn pictures(source: &Source) -> Vec<Picture> {
    let Source::Images(pictures) = source else { panic!("pictures") };
    all(pictures)
}

fn read(bytes: &[u8], reading: &Reading) -> Result<Opened> {
    let (_folder, path) = file("a.npy", bytes);
    let opened = Opened::new(&path, reading)?;
    // A store reads from the file, which is about to go.
    let source = match opened.source {
        stored @ Source::Stored(_) => Source::Rows(rows(stored)),
        other => other,
    };
    Ok(Opened { source, ..opened })
}

pub(super) fn refused(found: Result<Opened>, words: &[&str]) {
    let error: Error = found.expect_err("it is refused");
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn axes_put_dimensions_of_pictures_in_order() {
    for fortran in [false, true] {
        // Place (h, w, k) holds (h·3 + w)·2 + k.
        let stack = pictures(&read(&counting(&[4, 3, 2], fortran), &axes("h,w,count")).unwrap().source);
        assert_eq!(stack.len(), 2);
        assert_eq!((stack[1].height, stack[1].width, stack[1].channels), (4, 3, 1));
        let wanted: Vec<f32> = (0..12).map(|place| (2 * place + 1) as f32).collect();
        assert_eq!(stack[1].pixels, wanted);

        let stack = pictures(&read(&counting(&[2, 3, 4, 5], fortran), &axes("count,c,h,w")).unwrap().source);
        assert_eq!((stack.len(), stack[1].height, stack[1].width, stack[1].channels), (2, 4, 5, 3));
        let at = |h: usize, w: usize, c: usize| ((3 + c) * 20 + h * 5 + w) as f32;
        assert_eq!(stack[1].pixels[(2 * 5 + 4) * 3 + 1], at(2, 4, 1));

        let one = pictures(&read(&counting(&[3, 4, 5], fortran), &axes("c,h,w")).unwrap().source);
        assert_eq!((one.len(), one[0].channels, one[0].pixels[1]), (1, 3, 20.0));
        let one = pictures(&read(&counting(&[4, 5, 3], fortran), &axes("h,w,c")).unwrap().source);
        assert_eq!((one.len(), one[0].width, one[0].pixels[1]), (1, 5, 1.0));
    }
}

#[test]
fn axes_put_dimensions_of_rows_in_order() {
    for fortran in [false, true] {
        let table = rows(read(&counting(&[2, 3], fortran), &axes("length,count")).unwrap().source);
        assert_eq!((table.rows, table.cols, &table.values[..]), (3, 2, &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0][..]));
        let counted: Vec<f64> = (0..24).map(f64::from).collect();
        let table = rows(read(&counting(&[2, 3, 4], fortran), &axes("count,count,length")).unwrap().source);
        assert_eq!((table.rows, table.cols, &table.values), (6, 4, &counted));
        let table = rows(read(&counting(&[2, 3, 4], fortran), &meaning(Meaning::Rows)).unwrap().source);
        assert_eq!((table.rows, table.cols, &table.values), (2, 12, &counted));
    }
}

#[test]
fn rows_that_lie_together_stay_on_disk_whatever_their_dimensions() {
    for (shape, reading, size) in [
        (&[5, 2, 3][..], meaning(Meaning::Rows), (5, 6)),
        (&[5, 2, 3], axes("count,count,length"), (10, 3)),
        (&[5, 6], axes("count,length"), (5, 6)),
    ] {
        let (_folder, path) = file("a.npy", &counting(shape, false));
        let Source::Stored(store) = Opened::new(&path, &reading).unwrap().source else { panic!("{shape:?}") };
        assert_eq!((store.rows, store.cols), size);
        assert_eq!(store.table().unwrap().values, (0..30).map(f64::from).collect::<Vec<_>>());
    }
}

#[test]
fn two_dimensions_may_be_one_picture_and_idx_files_pictures() {
    let one = pictures(&read(&counting(&[4, 5], false), &meaning(Meaning::Pictures)).unwrap().source);
    assert_eq!((one.len(), one[0].height, one[0].width), (1, 4, 5));
    let opened = Opened::new(&fixture("images-idx3-ubyte.gz"), &meaning(Meaning::Pictures)).unwrap();
    let stack = pictures(&opened.source);
    assert_eq!((stack.len(), stack[1].height, stack[1].width, stack[1].pixels[11]), (2, 3, 4, 23.0 / 255.0));
}

#[test]
fn axes_that_do_not_fit_are_refused_with_both() {
    let bytes = counting(&[4, 3, 2], false);
    refused(read(&bytes, &axes("h,w")), &["[4, 3, 2]", "`axes` h,w names 2 dimensions"]);
    let both = Reading { meaning: Some(Meaning::Rows), ..axes("h,w,count") };
    refused(read(&bytes, &both), &["`axes` h,w,count", "`as` rows", "leave one out"]);
    refused(read(&bytes, &axes("h,w,c")), &["2 channels", "a[..., :1]"]);
    for text in ["h,w,x", "h,h,w", "count", "length", "h,w,length", "count,c,c,h,w", ""] {
        let why = text.parse::<Axes>().unwrap_err();
        assert!(why.contains("count,c,h,w"), "{text}: {why}");
    }
    assert_eq!("N, height ,Width,channels".parse::<Axes>().unwrap().to_string(), "count,h,w,c");
}

#[test]
fn channels_that_do_not_stand_last_are_refused_with_what_works() {
    let read = |shape: &[usize]| read(&counting(shape, false), &Reading::default());
    refused(read(&[2, 3, 8, 9]), &["9 channels", "`axes` count,c,h,w", "numpy.moveaxis(a, 1, -1)"]);
    refused(read(&[8, 9, 3, 5]), &["`axes` h,w,c,count", "numpy.moveaxis(a, -1, 0)"]);
    refused(read(&[2, 8, 9, 4]), &["a[..., :3]"]);
    refused(read(&[2, 8, 9, 7]), &["`as` rows"]);
    refused(read(&[2, 2, 2, 2, 2]), &["5 dimensions", "`axes` count,length,length,length,length"]);
    refused(read(&[7]), &["one dimension", "a.reshape(-1, WIDTH)"]);
}

#[test]
fn bad_numbers_are_named_by_what_their_dimensions_are() {
    let mut bytes = counting(&[4, 3, 2], false);
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    refused(read(&bytes, &axes("h,w,count")), &["row 3, column 2, picture 1"]);
    let (_folder, path) = file("a.npy", &bytes);
    let Source::Stored(store) = Opened::new(&path, &axes("length,count,count")).unwrap().source else {
        panic!("rows stay on disk")
    };
    assert!(store.table().unwrap_err().to_string().contains("row 5, column 3"));
}

#[test]
fn headers_are_read_as_all_programs_write_them() {
    let numbers = singles((0..6).map(|i| i as f32));
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (np.int64(2), np.int64(3)), }",
        "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2, 3)}",
        "{'shape':(2,3),'fortran_order':False,'descr':'<f4'}",
        "  { 'shape' : ( 2 , 3 , ) ,\n 'descr' : u'=f4' , 'fortran_order' : False , }   ",
    ] {
        let (_folder, path) = file("a.npy", &npy_with(header, &numbers));
        for stays in [true, false] {
            let source = if stays { Source::open_for_training(&path, None) } else { Source::open(&path) };
            let table = rows(source.unwrap_or_else(|why| panic!("{header}: {why}")));
            assert_eq!((table.rows, table.cols, table.values[5]), (2, 3, 5.0), "{header}");
        }
    }
    let damaged = npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ", &numbers);
    refused(read(&damaged, &Reading::default()), &["cannot be read; the file is damaged"]);
    let twice = [npy("<f4", false, "(2, 3)", &numbers), npy("<f4", false, "(1, 3)", &numbers[..12])].concat();
    refused(read(&twice, &Reading::default()), &["promises 24 bytes, the file holds"]);
}

#[test]
fn shapes_with_two_readings_name_the_other_one() {
    let doubt =
        |shape: &[usize]| read(&counting(shape, false), &Reading::default()).unwrap().description.ambiguity;
    let says = |shape: &[usize], words: &str| {
        let doubt = doubt(shape).unwrap_or_else(|| panic!("{shape:?} is not doubted"));
        assert!(doubt.contains(words), "{shape:?}: {doubt}");
    };
    says(&[64, 48, 3], "`axes` h,w,c");
    says(&[100, 28, 28], "`as` rows");
    assert_eq!(doubt(&[100, 7]), None);
    let said = read(&counting(&[64, 48, 3], false), &axes("count,h,w")).unwrap();
    assert_eq!(said.description.ambiguity, None);
    // Columns without a rule.
    let random = |i: u32| f32::from((i.wrapping_mul(2_654_435_761) >> 16) as u16);
    let columns = npy("<f4", false, "(16, 200)", &singles((0..3200).map(random)));
    let doubt =
        read(&columns, &Reading::default()).unwrap().description.ambiguity.expect("fewer rows than columns");
    assert!(doubt.contains("16 rows of 200") && doubt.contains("`axes` length,count"), "{doubt}");
}

#[test]
fn arrays_of_a_folder_are_rows_whatever_their_order_of_bytes_and_dimensions() {
    let folder = tempdir().unwrap();
    let open = |reading: &Reading| Opened::new(folder.path(), reading).unwrap().source;
    put(folder.path(), "a.npy", &counting(&[4, 3], true));
    let big: Vec<u8> = (0..6).flat_map(|i| (100.0 + i as f32).to_be_bytes()).collect();
    put(folder.path(), "b.npy", &npy(">f4", false, "(2, 3)", &big));
    let Source::Stored(store) = open(&Reading::default()) else { panic!("rows stay on disk") };
    let wanted: Vec<f64> = (0..12).chain(100..106).map(f64::from).collect();
    assert_eq!(store.table().unwrap().values, wanted);
    // Numbers of several types are held.
    let doubles: Vec<u8> = (0..3).flat_map(|i| f64::from(i).to_le_bytes()).collect();
    put(folder.path(), "c.npy", &npy("<f8", false, "(1, 3)", &doubles));
    let Source::Rows(table) = open(&Reading::default()) else { panic!("rows in memory") };
    assert_eq!((table.rows, &table.values[18..]), (7, &[0.0, 1.0, 2.0][..]));
}

#[test]
fn files_of_a_folder_that_hold_no_rows_are_refused_by_their_names() {
    let folder = tempdir().unwrap();
    put(folder.path(), "a.npy", &counting(&[0, 36], false));
    refused(Opened::new(folder.path(), &Reading::default()), &["a.npy", "[0, 36]", "no numbers"]);
    put(folder.path(), "a.npy", b"text");
    refused(Opened::new(folder.path(), &Reading::default()), &["its content is none", "save it anew"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_array_of_an_archive_is_named_wherever_it_lies() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempdir().unwrap();
    let inner = folder.path().join(std::ffi::OsStr::from_bytes(b"dir\xff"));
    fs::create_dir(&inner).unwrap();
    fs::copy(fixture("several.npz"), inner.join("a.npz")).unwrap();
    let whole = Opened::new(&inner.join("a.npz"), &Reading::default());
    refused(whole, &["several arrays"]);
    let missing = Opened::new(&inner.join("a.npz:nothing"), &Reading::default());
    refused(missing, &["no array is called nothing"]);
}

#[test]
fn files_with_headers_are_no_bare_numbers() {
    let raw = |path: &Path, rows: &str| {
        Opened::new(path, &Reading { raw: Some(rows.parse().unwrap()), ..Reading::default() })
    };
    for (name, what) in [
        ("rows_lf4.npy", "a NumPy array"),
        ("one.npz", "an archive of NumPy arrays"),
        ("one.safetensors", "a safetensors file"),
        ("images-idx3-ubyte", "an IDX file"),
        ("images-idx3-ubyte.gz", "a gzip file"),
        ("grey.png", "an image"),
    ] {
        refused(raw(&fixture(name), "u8:1"), &[name, what, "leave `raw` out"]);
    }
    // Numbers that begin as the header of an IDX or a gzip file, and are none.
    for bytes in [[0, 0, 8, 1, 0, 0, 0, 9], [0x1f, 0x8b, 9, 1, 0, 0, 0, 9], [0x1f, 0x8b, 8, 0x20, 0, 0, 0, 9]]
    {
        let (_folder, path) = file("rows.u8", &bytes);
        assert!(raw(&path, "u8:4").is_ok(), "{bytes:?}");
    }
    let folder = tempdir().unwrap();
    put(folder.path(), "a.u8", &[0; 8]);
    put(folder.path(), "b.txt", b"four");
    refused(raw(folder.path(), "u8:4"), &["several endings (.txt, .u8)", "one file"]);
    fs::remove_file(folder.path().join("b.txt")).unwrap();
    put(folder.path(), "b.U8", b"four");
    let taken = raw(folder.path(), "u8:4").unwrap().description;
    assert_eq!((taken.contents, taken.files), (DataContents::Rows { rows: 3, cols: 4 }, 2));
}
