//! JPEG files with something behind their end, without an end, and turned by a mark in them.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rhohat::Result;
use rhohat::data::{Picture, Source};

use super::{all, fixture};

/// Baseline, progressive, and with restart markers.
const KINDS: [&str; 3] = ["grey.jpg", "progressive.jpg", "restarts.jpg"];

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// Reads a file of these bytes.
fn read(path: &Path, bytes: &[u8]) -> Result<Picture> {
    fs::write(path, bytes).unwrap();
    let Source::Images(pictures) = Source::open(path)? else { panic!("a picture") };
    pictures.read(0)
}

/// What cameras and programs put behind a picture, and what looks like its parts.
fn trailers() -> Vec<Vec<u8>> {
    let film = [&b"\0\0\0\x18ftypmp42"[..], &[0; 200], b"\xff\xda", &[7; 200]].concat();
    let other = bytes("grey.jpg");
    vec![
        film,
        vec![0; 16],
        vec![0xff; 33],
        b"\xff\xda".to_vec(),
        b"\xff\xda\0\x08 \xff\xd9 and more".to_vec(),
        b"\xff\xd8".to_vec(),
        other[..other.len() / 2].to_vec(),
        [other.clone(), other].concat(),
        b"\xff\xe2\0\x10MPF".to_vec(),
        b"SEFHe\0\0\0".to_vec(),
    ]
}

#[test]
fn what_follows_the_end_of_a_picture_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    for name in KINDS {
        let plain = read(&path, &bytes(name)).unwrap();
        for (number, trailer) in trailers().into_iter().enumerate() {
            let with =
                read(&path, &[bytes(name), trailer].concat()).unwrap_or_else(|why| panic!("{number}: {why}"));
            assert_eq!(with.pixels, plain.pixels, "{name} with trailer {number}");
        }
    }
}

#[test]
fn a_picture_that_ends_too_early_is_refused_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    for name in KINDS {
        let whole = bytes(name);
        for length in 0..whole.len() {
            let error = read(&path, &whole[..length]).expect_err(&format!("{length} bytes of {name}"));
            assert_eq!(error.exit_code(), 3);
            assert!(error.to_string().contains("photo.jpg"), "{error}");
        }
    }
}

#[test]
fn marks_that_are_filled_up_and_thumbnails_within_headers_are_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    let whole = bytes("restarts.jpg");
    let plain = read(&path, &whole).unwrap();
    let filled = [&whole[..whole.len() - 2], b"\xff\xff\xff\xd9"].concat();
    assert_eq!(read(&path, &filled).unwrap().pixels, plain.pixels);
    // A picture within the headers has an end of its own, behind which the file is cut.
    let small = bytes("grey.jpg");
    let length = (small.len() as u16 + 2).to_be_bytes();
    let with_thumbnail = [&whole[..2], b"\xff\xe5", &length, &small, &whole[2..]].concat();
    assert_eq!(read(&path, &with_thumbnail).unwrap().pixels, plain.pixels);
    for cut in [small.len() + 6, small.len() + 300, with_thumbnail.len() - 2] {
        assert!(read(&path, &with_thumbnail[..cut]).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn any_trailer_is_passed_over(which in 0usize..3, trailer in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        let plain = read(&path, &bytes(KINDS[which])).unwrap();
        let with = read(&path, &[bytes(KINDS[which]), trailer].concat()).unwrap();
        prop_assert_eq!(with.pixels, plain.pixels);
    }
}

/// EXIF data that hold nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat()
}

/// The same picture with an orientation: a segment behind the start of a JPEG, a chunk before the pixels of a PNG.
fn turned(name: &str, orientation: u8) -> Vec<u8> {
    let (whole, exif) = (bytes(name), exif(orientation));
    if name.ends_with(".jpg") {
        let length = (exif.len() as u16 + 8).to_be_bytes();
        return [&whole[..2], b"\xff\xe1", &length, b"Exif\0\0", &exif, &whole[2..]].concat();
    }
    let pixels = whole.windows(4).position(|four| four == b"IDAT").unwrap() - 4;
    let named = [&b"eXIf"[..], &exif].concat();
    let mut checksum = flate2::Crc::new();
    checksum.update(&named);
    let length = (exif.len() as u32).to_be_bytes();
    [&whole[..pixels], &length, &named, &checksum.sum().to_be_bytes(), &whole[pixels..]].concat()
}

/// Where the pixel (x, y) of the picture that is shown lies in the file of `width` × `height`, by the EXIF standard.
fn place(orientation: u8, (x, y): (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
    match orientation {
        2 => (width - 1 - x, y),
        3 => (width - 1 - x, height - 1 - y),
        4 => (x, height - 1 - y),
        5 => (y, x),
        6 => (y, height - 1 - x),
        7 => (width - 1 - y, height - 1 - x),
        8 => (width - 1 - y, x),
        _ => (x, y),
    }
}

#[test]
fn pictures_are_turned_as_their_exif_orientation_says_and_listed_so() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["grey.jpg", "progressive.jpg", "color.png", "deep.png"] {
        let path = folder.path().join(name);
        let plain = read(&path, &bytes(name)).unwrap();
        let (size, channels) = ((plain.width, plain.height), plain.channels);
        for orientation in 0..=9 {
            fs::write(&path, turned(name, orientation)).unwrap();
            let Source::Images(pictures) = Source::open(&path).unwrap() else { panic!("a picture") };
            let shown = all(&pictures).remove(0);
            let swapped = (5..=8).contains(&orientation);
            let expected = if swapped { (size.1, size.0) } else { size };
            assert_eq!(
                (pictures.list()[0].width, pictures.list()[0].height),
                expected,
                "{name} {orientation}"
            );
            assert_eq!((shown.width, shown.height), expected);
            assert_eq!(pictures.turned(), usize::from((2..=8).contains(&orientation)));
            for (i, pixel) in shown.pixels.chunks_exact(channels).enumerate() {
                let (x, y) = place(orientation, (i % shown.width, i / shown.width), size);
                let from = (y * size.0 + x) * channels;
                assert_eq!(pixel, &plain.pixels[from..from + channels], "{name} {orientation} at {i}");
            }
        }
    }
}
