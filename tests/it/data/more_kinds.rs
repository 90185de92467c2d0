//! Pictures of other kinds than PNG and JPEG, against the numbers that Pillow and tifffile read (`tests/fixtures/pictures.py`).

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::{Opened, Picture, Source, Table};
use rhohat::{Error, Reading};

use super::{all, fixture};

/// The pictures that have numbers beside them.
fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture("pictures")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| numbers_of(path).exists()).collect();
    cases.sort();
    assert!(cases.len() > 45, "{}", cases.len());
    cases
}

/// The file of the numbers of a picture.
fn numbers_of(path: &Path) -> PathBuf {
    format!("{}.npy", path.display()).into()
}

fn open(path: &Path) -> Result<Picture, Error> {
    let Source::Images(pictures) = Source::open(path)? else { panic!("{} is a picture", path.display()) };
    pictures.read(0)
}

#[test]
fn every_picture_has_the_size_the_channels_and_the_numbers_that_other_programs_read() {
    for path in cases() {
        let is = open(&path).unwrap();
        let rows = Reading { meaning: Some(rhohat::Meaning::Rows), ..Reading::default() };
        let Source::Rows(Table { values, rows, cols, .. }) = opened_whole(&numbers_of(&path), &rows) else {
            panic!()
        };
        assert_eq!((is.height, is.width * is.channels), (rows, cols), "{}", path.display());
        // Of a lossy picture colours are spread over neighbours, which decoders round differently.
        let most = if path.ends_with("lossy.webp") { 2.1 / 255.0 } else { 0.0 };
        for (at, (&is, &should)) in is.pixels.iter().zip(&values).enumerate() {
            let difference = (f64::from(is) - should).abs();
            assert!(difference <= most, "{}: number {at} is {is}, not {should}", path.display());
        }
    }
}

fn opened_whole(path: &Path, reading: &Reading) -> Source {
    match Opened::new(path, reading).unwrap().source {
        Source::Stored(store) => Source::Rows(store.table().unwrap()),
        other => other,
    }
}

#[test]
fn kinds_of_numbers_and_colours_that_are_not_read_are_refused_with_the_way_out() {
    let cases = [
        ("refused_cmyk.tif", ["CMYK", "PIL.Image.open"]),
        ("refused_jpeg.tif", ["packed as JPEG", "PIL.Image.open"]),
        ("refused_int16.tif", ["16-bit signed integers", "tifffile.imread"]),
        ("refused_bands.tif", ["5 channels", "numpy.save"]),
        ("refused_nan.tif", ["NaN at row 2, column 5", "numpy.nan_to_num"]),
    ];
    for (name, words) in cases {
        let error = open(&fixture("pictures").join(name)).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.exit_code(), 3, "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn a_file_that_is_cut_short_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    // The first picture of several may be whole.
    for path in
        cases().into_iter().filter(|path| !path.ends_with("animated.gif") && !path.ends_with("pages.tif"))
    {
        let whole = fs::read(&path).unwrap();
        let cut = folder.path().join(path.file_name().unwrap());
        // The last bytes may be padding, or say only that nothing follows.
        for length in [whole.len() / 4, whole.len() / 2, whole.len() * 3 / 4] {
            fs::write(&cut, &whole[..length]).unwrap();
            let error = open(&cut).expect_err(&format!("{} of {length} bytes", path.display()));
            assert_eq!(error.exit_code(), 3, "{error}");
        }
    }
}

#[test]
fn pictures_of_floats_and_of_bytes_are_on_two_scales_and_not_taken_together() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["grey8.tif", "grey32f.tif"] {
        fs::copy(fixture("pictures").join(name), folder.path().join(name)).unwrap();
    }
    let text = Source::open(folder.path()).unwrap_err().to_string();
    assert!(
        text.contains("grey8.tif") && text.contains("bytes or words") && text.contains("floats"),
        "{text}"
    );
    fs::remove_file(folder.path().join("grey8.tif")).unwrap();
    let opened = Opened::new(folder.path(), &Reading::default()).unwrap();
    let line = opened.description.line(opened.description.usual_scale());
    assert!(line.contains("(f32)") && line.contains("as they are"), "{line}");
    let Source::Images(pictures) = &opened.source else { panic!("pictures") };
    assert!(all(pictures)[0].pixels.iter().any(|&x| x < -1.0));
}

#[test]
fn raw_files_of_cameras_are_tiff_by_content_and_refused_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.NEF");
    fs::copy(fixture("pictures/grey8.tif"), &path).unwrap();
    let text = Source::open(&path).unwrap_err().to_string();
    assert!(text.contains("camera raw") && text.contains("rawpy.imread"), "{text}");
}
