//! Files of a folder that may have come from anybody.

#![cfg(unix)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rhohat::Error;
use rhohat::io::atomic_write::write;
use rhohat::io::folder::{Claim, Folder};
use tempfile::tempdir;

/// Everything that may lie in the place of a file and is none.
const IMPOSTORS: [&str; 5] = ["pipe", "out", "zero", "nowhere", "folder"];

/// A folder with impostors, beside a file of somebody else.
fn hostile() -> (tempfile::TempDir, Folder) {
    let place = tempdir().unwrap();
    let run = place.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(place.path().join("mine"), "precious").unwrap();
    assert!(Command::new("mkfifo").arg(run.join("pipe")).status().unwrap().success());
    symlink("../mine", run.join("out")).unwrap();
    symlink("/dev/zero", run.join("zero")).unwrap();
    symlink("/no/such", run.join("nowhere")).unwrap();
    fs::create_dir(run.join("folder")).unwrap();
    (place, Folder::at(&run))
}

/// What `work` comes to, which may never wait.
fn at_once<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waits) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    waits.recv_timeout(Duration::from_secs(60)).expect("it does not wait for anybody")
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<_> =
        folder.names().unwrap().into_iter().map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_no_regular_file_is_neither_read_nor_added_to_and_says_what_it_is() {
    let (place, folder) = hostile();
    for name in IMPOSTORS {
        let refused = |error: Error| {
            assert!(matches!(error, Error::Input { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("but a file is needed"), "{text}");
        };
        let there = folder.clone();
        refused(at_once(move || there.open(name).unwrap_err()));
        let there = folder.clone();
        refused(at_once(move || there.small(name, "a text", 10).unwrap_err()));
        let there = folder.clone();
        refused(at_once(move || there.claim(name).unwrap_err()));
        refused(folder.check(&[name], &[]).unwrap_err());
        assert!(folder.has(name).unwrap());
    }
    folder.check(&["absent"], &["folder", "absent"]).unwrap();
    assert_eq!(fs::read(place.path().join("mine")).unwrap(), b"precious");
}

#[test]
fn a_link_is_never_written_through_and_a_folder_behind_one_never_entered() {
    let (place, folder) = hostile();
    for name in ["pipe", "out", "zero", "nowhere", "new"] {
        let there = folder.clone();
        at_once(move || there.write(name, |out| out.write_all(b"text")).unwrap());
        assert_eq!(folder.small(name, "a text", 10).unwrap().unwrap(), b"text");
    }
    assert_eq!(folder.write("folder", |out| out.write_all(b"")).unwrap_err().exit_code(), 6);
    symlink("..", folder.join("up")).unwrap();
    for refused in [folder.inner("up").unwrap_err(), folder.make("up").unwrap_err()] {
        assert!(refused.to_string().contains("a link, but a folder is needed"), "{refused}");
    }
    assert!(folder.inner("absent").unwrap().is_none());
    folder.make("made").unwrap().create_new("file").unwrap();
    assert_eq!(folder.make("made").unwrap().names().unwrap(), ["file"]);
    assert!(
        folder.remove("up").unwrap() && folder.remove("made").unwrap() && !folder.remove("made").unwrap()
    );
    assert_eq!(fs::read(place.path().join("mine")).unwrap(), b"precious");
}

#[test]
fn small_files_are_read_up_to_their_cap_however_long_they_are() {
    let (_place, folder) = hostile();
    fs::write(folder.join("text"), "0123456789").unwrap();
    assert_eq!(folder.small("text", "a text", 10).unwrap().unwrap().len(), 10);
    let error = folder.small("text", "a text", 9).unwrap_err();
    assert!(error.to_string().ends_with("text: 10 bytes, but a text has at most 9"), "{error}");
    fs::File::create(folder.join("sparse")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(folder.small("sparse", "a text", 10), Err(Error::Input { .. })));
    assert!(folder.small("absent", "a text", 10).unwrap().is_none());
}

#[test]
fn a_claimed_file_is_one_programs_and_no_other_name_of_it_is_written() {
    let (_place, folder) = hostile();
    let Claim::Mine(mut first) = folder.claim("lines").unwrap() else { panic!("it is free") };
    first.write_all(b"one\n").unwrap();
    assert!(matches!(folder.claim("lines").unwrap(), Claim::Busy));
    drop(first);
    fs::hard_link(folder.join("lines"), folder.join("copy")).unwrap();
    let Claim::Mine(mut second) = folder.claim("lines").unwrap() else { panic!("it was let go") };
    second.write_all(b"two\n").unwrap();
    let mut text = String::new();
    folder.open("lines").unwrap().unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(
        (text.as_str(), fs::read(folder.join("copy")).unwrap().as_slice()),
        ("one\ntwo\n", &b"one\n"[..])
    );
    assert!(matches!(folder.claim("lines").unwrap(), Claim::Busy));
}

#[test]
fn leftovers_of_programs_that_are_gone_go_and_what_is_being_written_stays() {
    let (_place, folder) = hostile();
    fs::write(folder.join(".rhohat-dead"), "half").unwrap();
    fs::write(folder.join(".rhohat-x7Gh2Q"), "of 0.1.0").unwrap();
    symlink("../mine", folder.join(".rhohat-link")).unwrap();
    fs::create_dir(folder.join(".rhohat-folder")).unwrap();
    let is_half = |name: &str| name.starts_with(&format!(".rhohat-{}", std::process::id()));
    write(&folder.join("codes.npy"), |out| {
        out.write_all(&[1; 100_000])?;
        folder.remove_leftovers().unwrap();
        assert!(names(&folder).iter().any(|name| is_half(name)), "{:?}", names(&folder));
        out.write_all(&[2; 100_000])
    })
    .unwrap();
    assert_eq!(fs::metadata(folder.join("codes.npy")).unwrap().len(), 200_000);
    let left: Vec<_> = names(&folder).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, [".rhohat-folder", ".rhohat-link"], "they are nothing that this program makes");
    Folder::at(Path::new("/no/such/folder")).remove_leftovers().unwrap();
}
