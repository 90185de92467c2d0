//! The binary versions of CIFAR: records of labels and pixels, guessed by name, length and labels together.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::{Opened, Pictures, Source};
use rhohat::{DataFormat, Meaning, Reading};

/// So many records, their labels the numbers of the pictures.
fn records(format: DataFormat, count: usize) -> Vec<u8> {
    let labels = |i: usize| {
        if format == DataFormat::Cifar10 { vec![i as u8 % 10] } else { vec![i as u8 % 20, 99 - i as u8] }
    };
    let pixel = |i: usize, at: usize| (at * 7 + i * 31 + at / 1024) as u8;
    (0..count).flat_map(|i| labels(i).into_iter().chain((0..3072).map(move |at| pixel(i, at)))).collect()
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn said(format: DataFormat) -> Reading {
    Reading { format: Some(format), ..Reading::default() }
}

fn pictures(path: &Path, reading: &Reading) -> std::sync::Arc<Pictures> {
    match Opened::new(path, reading).unwrap().source {
        Source::Images(pictures) => pictures,
        other => panic!("pictures, not {other:?}"),
    }
}

fn refused(path: &Path, reading: &Reading, words: &[&str]) {
    let error = Opened::new(path, reading).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn planes_of_red_green_and_blue_become_pixels_and_the_last_label_counts() {
    let folder = tempfile::tempdir().unwrap();
    for (format, skipped, label) in [(DataFormat::Cifar10, 1, "1"), (DataFormat::Cifar100, 2, "98")] {
        let bytes = records(format, 3);
        let path = file(folder.path(), "any.dat", &bytes);
        let read = pictures(&path, &said(format));
        let labels = read.labels().unwrap();
        assert_eq!((labels.of.len(), labels.names[labels.of[1] as usize].as_str()), (3, label));
        let picture = read.read(1).unwrap();
        assert_eq!((picture.width, picture.height, picture.channels), (32, 32, 3));
        let start = (skipped + 3072) + skipped;
        for (at, x) in picture.pixels.iter().enumerate() {
            let byte = bytes[start + at % 3 * 1024 + at / 3];
            assert_eq!(*x, f32::from(byte) / 255.0, "number {at}");
        }
    }
}

#[test]
fn name_length_and_labels_are_guessed_from_together_and_none_of_them_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = records(DataFormat::Cifar10, 4);
    let path = file(folder.path(), "data_batch_2.bin", &bytes);
    let opened = Opened::new(&path, &Reading::default()).unwrap();
    let line = opened.description.line(opened.description.usual_scale());
    assert!(line.contains("4 pictures in colour, 32×32 (u8), divided by 255"), "{line}");
    let path = file(folder.path(), "train.bin", &records(DataFormat::Cifar100, 2));
    assert_eq!(pictures(&path, &Reading::default()).list().len(), 2);
    let known = ["no known format"];
    refused(&file(folder.path(), "batch.bin", &bytes), &Reading::default(), &known);
    refused(&file(folder.path(), "data_batch_3.bin", &bytes[1..]), &Reading::default(), &known);
    let mut other = bytes.clone();
    other[3073] = 10;
    refused(&file(folder.path(), "data_batch_4.bin", &other), &Reading::default(), &known);
}

#[test]
fn a_file_of_another_length_or_other_labels_is_refused_with_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = records(DataFormat::Cifar10, 2);
    let path = file(folder.path(), "a.bin", &bytes[..5000]);
    refused(
        &path,
        &said(DataFormat::Cifar10),
        &["5000 bytes", "3073", "1 pictures and 1927 bytes", "truncated"],
    );
    let path = file(folder.path(), "b.bin", &bytes);
    refused(&path, &said(DataFormat::Cifar100), &["6146 bytes", "3074", "say `format` cifar10"]);
    let mut other = bytes.clone();
    other[3073] = 77;
    let path = file(folder.path(), "c.bin", &other);
    refused(&path, &said(DataFormat::Cifar10), &["picture 1", "[77]", "cifar10"]);
    refused(&file(folder.path(), "d.bin", b""), &said(DataFormat::Cifar10), &["0 bytes"]);
    let rows = Reading { meaning: Some(Meaning::Rows), ..said(DataFormat::Cifar10) };
    refused(&file(folder.path(), "e.bin", &bytes), &rows, &["`as` rows is for arrays"]);
    let raw = Reading { raw: Some("u8:3073".parse().unwrap()), ..said(DataFormat::Cifar10) };
    refused(&folder.path().join("e.bin"), &raw, &["`raw` gives rows", "`format` cifar10"]);
}

#[test]
fn a_folder_is_its_files_to_learn_from_with_the_names_of_classes_that_lie_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    for (name, count) in [("data_batch_2.bin", 2), ("data_batch_1.bin", 3), ("test_batch.bin", 5)] {
        file(folder.path(), name, &records(DataFormat::Cifar10, count));
    }
    let names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    file(folder.path(), "batches.meta.txt", (names.join("\n") + "\n\n").as_bytes());
    for reading in [Reading::default(), said(DataFormat::Cifar10)] {
        let read = pictures(folder.path(), &reading);
        assert_eq!(read.list().len(), 5);
        let labels = read.labels().unwrap();
        assert_eq!(
            (labels.of.as_slice(), labels.names.as_slice()),
            (&[0, 1, 2, 0, 1][..], &names.map(str::to_owned)[..])
        );
        assert_eq!(read.skipped().to_string(), "2 other files (batches.meta.txt, test_batch.bin)");
    }
    let none = tempfile::tempdir().unwrap();
    refused(none.path(), &said(DataFormat::Cifar10), &["no file in this folder ends in .bin"]);
}
