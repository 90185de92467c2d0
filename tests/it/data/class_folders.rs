//! Folders of classes: pictures in folders of DATA, and the labels that the folders' names give them.

use std::fs;
use std::path::Path;

use rhohat::Reading;
use rhohat::data::{Opened, Source};

use super::fixture;

/// As folders are read with `recursive`.
fn searched() -> Reading {
    Reading { recursive: true, ..Reading::default() }
}

/// A folder with a picture of each of these names.
fn tree(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixture("grey.png"), path).unwrap();
    }
    folder
}

/// The pictures by their paths within the folder, their labels, and what is left out.
fn read(folder: &Path) -> (Vec<String>, Vec<String>, String) {
    let Source::Images(pictures) = Opened::new(folder, &searched()).unwrap().source else {
        panic!("pictures")
    };
    let within = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    let names = pictures.list().iter().map(|picture| within(&picture.name)).collect();
    let labels = pictures.labels();
    let label = |&number: &u32| labels.unwrap().names[number as usize].clone();
    let labels = labels.map(|labels| labels.of.iter().map(label).collect()).unwrap_or_default();
    (names, labels, pictures.skipped().to_string())
}

#[test]
fn pictures_of_all_folders_come_in_the_order_of_their_paths_with_the_first_folder_as_label() {
    let folder = tree(&[
        "b/2.png",
        "a/9.png",
        "c.png",
        "a/deep/er/1.png",
        "a-b/1.png",
        ".git/1.png",
        "__MACOSX/a.png",
        "b/._2.png",
    ]);
    fs::write(folder.path().join("b/notes.txt"), "text").unwrap();
    let (names, labels, left_out) = read(folder.path());
    assert_eq!(names, ["a/9.png", "a/deep/er/1.png", "a-b/1.png", "b/2.png", "c.png"]);
    assert_eq!(labels, ["a", "a", "a-b", "b", "."]);
    assert_eq!(left_out, "1 other file (notes.txt)");
}

#[test]
fn a_folder_without_folders_has_no_labels() {
    let folder = tree(&["1.png", "2.png"]);
    assert_eq!(read(folder.path()).1, Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_told_and_not_followed_so_that_a_loop_ends() {
    let folder = tree(&["a/1.png"]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    std::os::unix::fs::symlink(fixture("color.png"), folder.path().join("a/2.png")).unwrap();
    let (names, _, left_out) = read(folder.path());
    assert_eq!(names, ["a/1.png", "a/2.png"]);
    assert_eq!(left_out, "1 link to a folder (loop)");
}

#[test]
fn folders_are_searched_to_a_depth_and_what_lies_deeper_is_counted() {
    let deep = |depth: usize| format!("{}1.png", "d/".repeat(depth));
    let folder = tree(&[&deep(16), &deep(17)]);
    let (names, _, left_out) = read(folder.path());
    assert_eq!(names, [deep(16)]);
    assert_eq!(left_out, "1 folder below the sixteenth level (d)");
}

#[test]
fn a_bad_picture_in_a_folder_refuses_the_whole_by_its_path() {
    let folder = tree(&["a/1.png"]);
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/2.png"), "").unwrap();
    let text = Opened::new(folder.path(), &searched()).unwrap_err().to_string();
    assert!(text.contains("b/2.png") && text.contains("is empty"), "{text}");
}

#[test]
fn a_file_is_no_folder_to_be_searched() {
    let text = Opened::new(&fixture("grey.png"), &searched()).unwrap_err().to_string();
    assert!(text.contains("`recursive` is for folders"), "{text}");
}
