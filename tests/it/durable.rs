//! Files are replaced whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rhohat::io::atomic_write::write;
use tempfile::tempdir;

#[test]
fn a_failure_leaves_the_older_file_and_nothing_else() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    write(&path, |out| out.write_all(b"first")).unwrap();
    let failing = |out: &mut dyn Write| {
        out.write_all(b"half")?;
        Err(io::Error::other("disk on fire"))
    };
    let error = write(&path, failing).unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().ends_with("disk on fire"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_keeps_pointing_at_the_file_that_is_replaced() {
    let folder = tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "older").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    write(&link, |out| out.write_all(b"newer")).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"newer");
}

#[cfg(unix)]
#[test]
fn devices_are_written_to_and_not_replaced() {
    write(Path::new("/dev/null"), |out| out.write_all(b"gone")).unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_folder_in_the_way_is_an_error() {
    let folder = tempdir().unwrap();
    assert_eq!(write(folder.path(), |out| out.write_all(b"")).unwrap_err().exit_code(), 6);
}
