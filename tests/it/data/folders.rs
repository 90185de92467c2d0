//! Folders of pictures with other things in them: what is taken, what is left out and told, what refuses the whole.

use std::fs;
use std::path::Path;

use rhohat::data::{SkippedFiles, Source};

use super::fixture;

/// A folder of two pictures and files with these names and bytes.
fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png"] {
        fs::copy(fixture("grey.png"), folder.path().join(name)).unwrap();
    }
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// How many pictures are read of a folder, and what is left out.
fn read(folder: &Path) -> (usize, SkippedFiles) {
    let Source::Images(pictures) = Source::open(folder).unwrap() else { panic!("pictures") };
    (pictures.list().len(), pictures.skipped().clone())
}

#[test]
fn pictures_of_kinds_that_are_not_read_are_counted_by_kind_with_the_first_names() {
    let dicom = [&[0; 128][..], b"DICM"].concat();
    let folder = folder_with(&[
        ("1.heic", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("2.HEIC", b"\0\0\0\x18ftypmif1\0\0\0\0"),
        ("3.jp2", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("4.dcm", &dicom),
        ("5", &dicom),
        ("6.jxl", b"\xff\x0a\x00\x00"),
        ("7.dng", b"II*\0\x08\0\0\0"),
        ("e.avif", b"what is this"),
    ]);
    let (count, left_out) = read(folder.path());
    assert_eq!((count, left_out.count()), (2, 8));
    let groups: Vec<_> = left_out
        .groups
        .iter()
        .map(|group| (group.what.as_str(), group.count, group.first.join(" ")))
        .collect();
    let expected = [
        ("HEIC pictures", 2, "1.heic 2.HEIC"),
        ("JPEG 2000 pictures", 1, "3.jp2"),
        ("DICOM pictures", 2, "4.dcm 5"),
        ("JPEG XL pictures", 1, "6.jxl"),
        ("camera raw pictures", 1, "7.dng"),
        ("AVIF pictures", 1, "e.avif"),
    ];
    assert_eq!(groups, expected.map(|(what, count, first)| (what, count, first.to_owned())));
    let warning = left_out.warning().unwrap();
    assert!(
        warning.starts_with("left out: 2 HEIC pictures (1.heic, 2.HEIC), 1 JPEG 2000 picture"),
        "{warning}"
    );
    assert!(warning.ends_with("convert to PNG what is to be learned from"), "{warning}");
}

#[test]
fn pictures_in_subfolders_are_counted_and_companions_of_pictures_are_not() {
    let folder = folder_with(&[
        ("more/1.png", b""),
        ("more/deep/2.jpg", b""),
        ("more/deep/3.txt", b""),
        ("others/4.heic", b""),
        ("empty/notes.md", b""),
        ("__MACOSX/5.png", b""),
        (".hidden/6.png", b""),
        ("._a.png", b"\0\x05\x16\x07"),
        (".DS_Store", b"\0\0\0\x01Bud1"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
        ("desktop.ini", b"[x]"),
        ("a.png:Zone.Identifier", b"[ZoneTransfer]"),
    ]);
    let (count, left_out) = read(folder.path());
    assert_eq!(count, 2);
    assert_eq!(left_out.to_string(), "3 pictures in subfolders (more, others)");
    assert!(
        left_out
            .warning()
            .unwrap()
            .contains("subfolders are not searched: say `recursive`, or give one of them")
    );
    let json = serde_json::to_value(&left_out).unwrap();
    let expected =
        serde_json::json!([{"what": "pictures in subfolders", "count": 3, "first": ["more", "others"]}]);
    assert_eq!(json, expected);
}

#[test]
fn files_beside_pictures_are_counted_and_no_reason_for_a_warning() {
    let folder =
        folder_with(&[("a.xml", b"<a/>"), ("labels.csv", b"a,b\n"), ("a.hdr", b"ENVI\n"), ("x.tga", b"abc")]);
    let (count, left_out) = read(folder.path());
    assert_eq!((count, left_out.to_string().as_str()), (2, "4 other files (a.hdr, a.xml, labels.csv, …)"));
    assert_eq!(left_out.warning(), None);
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_and_pipes_are_counted_and_links_to_pictures_are_read() {
    let folder = folder_with(&[]);
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link("/nonexistent/annex/1", "l1.png");
    link("/nonexistent/annex/2", "l2\u{1b}[2J.png");
    link(fixture("color.png").to_str().unwrap(), "z.png");
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe.png")).status().unwrap();
    assert!(made.success());
    let (count, left_out) = read(folder.path());
    assert_eq!(count, 3);
    assert_eq!(
        left_out.to_string(),
        "2 broken links (l1.png, l2\\u{1b}[2J.png), 1 pipe or device (pipe.png)"
    );
}

#[test]
fn a_file_that_is_named_as_a_picture_and_is_none_refuses_the_folder_and_says_what_it_is() {
    let cases: [(&str, &[u8], &str); 5] = [
        ("z.jpg", b"", "is empty"),
        (
            "z.jpg",
            b"\n<!DOCTYPE html><title>404</title>",
            "is text (HTML), not a picture: downloaded wrongly?",
        ),
        ("z.png", b"<html>404</html>", "is text (HTML), not a picture: downloaded wrongly?"),
        ("z.JPEG", b"error 404", "is text, named as an image"),
        ("z.png", b"\x07\x08\xff\x00", "none that is read (PNG, JPEG, TIFF"),
    ];
    for (name, bytes, words) in cases {
        let folder = folder_with(&[(name, bytes)]);
        let error = Source::open(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(words), "{text}");
    }
}

#[test]
fn a_folder_without_readable_pictures_says_what_it_has_instead() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in
        [("a/1.png", "1 picture in subfolders (a)"), ("b.jp2", "1 JPEG 2000 picture (b.jp2)")]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"\0\0\0\x0cjP  ").unwrap();
        let text = Source::open(folder.path()).unwrap_err().to_string();
        assert!(
            text.contains("no PNG, JPEG, TIFF, WebP, BMP, GIF or PNM images in this folder")
                && text.contains(words),
            "{text}"
        );
    }
}

#[test]
fn folders_of_files_that_are_read_by_themselves_or_not_at_all_say_so() {
    let cases: [(&str, &[u8], &str); 4] = [
        ("a.mat", b"MATLAB", "but MATLAB files, 1; give one of them"),
        ("a.csv", b"1,2\n", "but tables of text, 1; give one of them"),
        (
            "a.h5",
            b"\x89HDF\r\n\x1a\n",
            "but .h5 files, 1; a.h5: its content is HDF5; numpy.save('converted.npy', h5py.File(",
        ),
        ("a.parquet", b"PAR1....", "but .parquet files, 1; a.parquet: its content is Parquet"),
    ];
    for (name, content, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let error = Source::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
