//! What folders hold of arrays: rows or a picture each, beside pictures or alone, and what is refused or named of them.

use std::fs;

use rhohat::data::{DataContents, Meaning, Opened, Reading};
use tempfile::tempdir;

use super::shapes::{axes, counting, meaning, pictures, put, refused};
use super::{fixture, npy, singles};

#[test]
fn a_folder_of_pictures_and_arrays_is_refused_until_it_is_said_which_are_meant() {
    let folder = tempdir().unwrap();
    fs::copy(fixture("grey.png"), folder.path().join("a.png")).unwrap();
    put(folder.path(), "stray.npy", &counting(&[4, 3], false));
    let words = ["picture files, 1 (a.png)", "arrays, 1 (stray.npy)", "`as` pictures", "`as` rows"];
    refused(Opened::new(folder.path(), &Reading::default()), &words);
    let taken = Opened::new(folder.path(), &meaning(Meaning::Pictures)).unwrap().description;
    assert!(matches!(taken.contents, DataContents::Pictures { count: 1, .. }));
    assert!(taken.line(taken.usual_scale()).contains("stray.npy"), "{}", taken.line(taken.usual_scale()));
    let taken = Opened::new(folder.path(), &meaning(Meaning::Rows)).unwrap().description;
    assert_eq!(taken.contents, DataContents::Rows { rows: 4, cols: 3 });
    assert!(taken.line(taken.usual_scale()).contains("left out: 1 other file (a.png)"));
}

#[test]
fn arrays_of_a_folder_are_rows_or_a_picture_each() {
    let folder = tempdir().unwrap();
    for name in ["a.npy", "b.NPY", "c"] {
        put(folder.path(), name, &counting(&[12, 10], false));
    }
    let opened = Opened::new(folder.path(), &Reading::default()).unwrap();
    assert_eq!(opened.description.contents, DataContents::Rows { rows: 36, cols: 10 });
    let doubt = opened.description.ambiguity.expect("files of the shape of pictures");
    assert!(doubt.contains("3 files of one shape") && doubt.contains("`as` pictures"), "{doubt}");
    let opened = Opened::new(folder.path(), &meaning(Meaning::Pictures)).unwrap();
    let stack = pictures(&opened.source);
    assert_eq!((stack.len(), stack[2].height, stack[2].width, stack[2].pixels[11]), (3, 12, 10, 11.0));
    assert!(stack[1].name.ends_with("b.NPY"));
    let three = tempdir().unwrap();
    for name in ["a.npy", "b.npy"] {
        put(three.path(), name, &counting(&[5, 8, 9], false));
    }
    assert_eq!(pictures(&Opened::new(three.path(), &Reading::default()).unwrap().source).len(), 10);
}

#[cfg(unix)]
#[test]
fn what_a_folder_of_rows_holds_besides_is_counted_and_named() {
    let folder = tempdir().unwrap();
    put(folder.path(), "a.npy", &counting(&[100, 3], false));
    put(folder.path(), "notes.txt", b"text");
    put(folder.path(), ".hidden.npy", b"");
    std::os::unix::fs::symlink("/nowhere/b.npy", folder.path().join("b.npy")).unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe.npy")).status();
    assert!(made.unwrap().success());
    let taken = Opened::new(folder.path(), &Reading::default()).unwrap().description;
    let line = taken.line(taken.usual_scale());
    for words in [
        "1 broken link (b.npy)",
        "1 subfolder (more)",
        "1 pipe or device (pipe.npy)",
        "1 other file (notes.txt)",
    ] {
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn images_and_their_labels_in_one_folder_are_refused_with_both_shapes() {
    let folder = tempdir().unwrap();
    put(folder.path(), "images.npy", &counting(&[20, 8, 9], false));
    put(folder.path(), "labels.npy", &counting(&[20, 10], false));
    let words = ["labels.npy: an array of shape [20, 10]", "images.npy is [20, 8, 9]", "folder of its own"];
    refused(Opened::new(folder.path(), &Reading::default()), &words);
    // Whichever comes first.
    put(folder.path(), "a.npy", &counting(&[20, 10], false));
    let words = ["images.npy: an array of shape [20, 8, 9]", "a.npy is [20, 10]", "`as` pictures"];
    refused(Opened::new(folder.path(), &Reading::default()), &words);
    fs::remove_file(folder.path().join("a.npy")).unwrap();
    let said = Opened::new(folder.path(), &meaning(Meaning::Pictures)).unwrap();
    assert_eq!(pictures(&said.source).len(), 21);
}

#[test]
fn pictures_of_bytes_and_of_floats_in_one_folder_are_refused_with_both_kinds() {
    let folder = tempdir().unwrap();
    put(folder.path(), "bytes.npy", &npy("|u1", false, "(2, 8, 9)", &[7; 144]));
    put(folder.path(), "floats.npy", &counting(&[2, 8, 9], false));
    let words = ["floats.npy: pictures of f32", "bytes.npy are u8", "divided by 255", "one kind of number"];
    for reading in [Reading::default(), meaning(Meaning::Pictures), axes("count,h,w")] {
        refused(Opened::new(folder.path(), &reading), &words);
    }
    put(folder.path(), "bytes.npy", &npy("<f8", false, "(2, 8, 9)", &[0; 144 * 8]));
    assert_eq!(pictures(&Opened::new(folder.path(), &Reading::default()).unwrap().source).len(), 4);
}

#[test]
fn arrays_in_a_folder_are_doubted_as_single_ones_are() {
    let folder = tempdir().unwrap();
    let doubt =
        || Opened::new(folder.path(), &Reading::default()).unwrap().description.ambiguity.expect("a doubt");
    put(folder.path(), "IMAGES.npy", &counting(&[64, 64, 10], false));
    let said = doubt();
    assert!(said.contains("IMAGES.npy: ") && said.contains("`axes` h,w,count"), "{said}");
    let taken = Opened::new(folder.path(), &axes("h,w,count")).unwrap().description;
    assert_eq!((taken.ambiguity, taken.axes.unwrap().to_string()), (None, "h,w,count".to_owned()));
    fs::remove_file(folder.path().join("IMAGES.npy")).unwrap();
    let random = |i: u32| f32::from((i.wrapping_mul(2_654_435_761) >> 16) as u16);
    put(folder.path(), "columns.npy", &npy("<f4", false, "(16, 200)", &singles((0..3200).map(random))));
    let said = doubt();
    assert!(said.contains("16 rows of 200") && said.contains("`axes` length,count"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_read_is_not_left_out_beside_arrays() {
    let folder = tempdir().unwrap();
    put(folder.path(), "a.npy", &counting(&[100, 3], false));
    // Nothing is mapped at its beginning, where reading fails.
    std::os::unix::fs::symlink("/proc/self/mem", folder.path().join("shard")).unwrap();
    let error = Opened::new(folder.path(), &Reading::default()).unwrap_err();
    assert_eq!(error.exit_code(), 6, "{error}");
    assert!(error.to_string().contains("shard"), "{error}");
}
