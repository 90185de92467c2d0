//! Many files: few of them are open at a time, and one that is opened again has to be the one that it was.

use std::fs;
use std::path::Path;
use std::thread;

use rhohat::data::stream::{RowSum, Store};
use tempfile::TempDir;

use super::{COLS, npy, open, pixels};

const SHARDS: usize = 150;
const EACH: usize = 3;

/// [`SHARDS`] files of [`EACH`] rows, and what they hold.
fn shards() -> (TempDir, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    let bytes = pixels(SHARDS * EACH);
    for (number, part) in bytes.chunks(EACH * COLS).enumerate() {
        npy(&folder.path().join(format!("{number:04}.npy")), "|u1", EACH, part);
    }
    (folder, bytes)
}

fn rows(store: &Store, first: usize, count: usize) -> rhohat::Result<Vec<u8>> {
    let mut out = Vec::new();
    store.read(first, count, &mut out).map(|()| out)
}

/// Files of a folder that this process has open.
#[cfg(target_os = "linux")]
fn open_of(folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let links = fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter(|link| fs::read_link(link.as_ref().unwrap().path()).is_ok_and(|to| to.starts_with(&folder)))
        .count()
}

#[test]
fn any_number_of_files_is_read_by_several_at_once_with_few_of_them_open() {
    let (folder, bytes) = shards();
    let store = open(folder.path());
    assert_eq!(store.rows, SHARDS * EACH);
    thread::scope(|scope| {
        for turn in 0..4 {
            let (store, bytes) = (&store, &bytes);
            scope.spawn(move || {
                let list: Vec<usize> = (0..400).map(|i| (i * 7_919 + turn * 131) % (SHARDS * EACH)).collect();
                let mut out = vec![0; list.len() * COLS];
                store.read_listed(&list, &mut out).unwrap();
                let wanted: Vec<u8> =
                    list.iter().flat_map(|row| &bytes[row * COLS..][..COLS]).copied().collect();
                assert!(out == wanted, "rows of other files");
                assert!(rows(store, 0, SHARDS * EACH).unwrap() == *bytes);
            });
        }
    });
    #[cfg(target_os = "linux")]
    {
        let open = open_of(folder.path());
        assert!((1..=64).contains(&open), "{open} files are open");
    }
}

#[test]
fn a_file_that_is_opened_again_and_is_not_what_it_was_is_refused_by_its_name() {
    let longer = |path: &Path| npy(path, "|u1", EACH + 1, &[7; (EACH + 1) * COLS]);
    let replaced = |path: &Path| {
        let other = path.with_extension("other");
        npy(&other, "|u1", EACH, &[7; EACH * COLS]);
        // Clocks of file systems are coarse, and this test may be fast.
        let file = fs::File::options().write(true).open(&other).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        fs::rename(other, path).unwrap();
    };
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    let ways: [&dyn Fn(&Path); 3] = [&longer, &replaced, &gone];
    for (change, words) in ways.into_iter().zip(["bytes, and had", "another file", "no such file"]) {
        let (folder, bytes) = shards();
        let store = open(folder.path());
        // By now the first files have made room for the last.
        assert!(rows(&store, 0, SHARDS * EACH).unwrap() == bytes);
        change(&folder.path().join("0001.npy"));
        assert!(rows(&store, 0, EACH).is_ok());
        let error = rows(&store, EACH, 1).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        let text = error.to_string();
        assert!(text.contains("0001.npy") && text.contains(words), "no {words:?} in {text}");
    }
}

#[cfg(unix)]
#[test]
fn few_files_are_read_to_the_end_whatever_becomes_of_their_names() {
    let folder = super::folder();
    let store = open(&folder.path().join("shards"));
    fs::remove_dir_all(folder.path().join("shards")).unwrap();
    assert_eq!(rows(&store, 0, store.rows).unwrap(), pixels(store.rows));
}

#[test]
fn what_rows_are_known_by_tells_appended_rows_from_changed_ones_file_by_file() {
    let (folder, bytes) = shards();
    let known = open(folder.path()).fingerprint(SHARDS * EACH).unwrap();
    assert_eq!(known.len(), SHARDS);
    assert_eq!((&*known[3].name, known[3].rows), ("0003.npy", EACH as u64));
    let again = open(folder.path()).fingerprint(SHARDS * EACH).unwrap();
    assert_eq!(again, known);
    // A file more, and rows more in the last one.
    npy(
        &folder.path().join("0149.npy"),
        "|u1",
        EACH + 2,
        &[&bytes[(SHARDS - 1) * EACH * COLS..], &[9; 2 * COLS]].concat(),
    );
    npy(&folder.path().join("0150.npy"), "|u1", EACH, &[7; EACH * COLS]);
    let store = open(folder.path());
    assert_eq!(store.rows, SHARDS * EACH + 2 + EACH);
    let longer = store.fingerprint(SHARDS * EACH).unwrap();
    assert!(
        longer.len() == SHARDS && longer.iter().zip(&known).all(|(longer, known)| longer.has_rows_of(known))
    );
    assert_ne!(longer[SHARDS - 1].bytes, known[SHARDS - 1].bytes);
    assert!(store.fingerprint(store.rows).unwrap().len() == SHARDS + 1);
    // One number changed.
    let mut changed = bytes[EACH * COLS..2 * EACH * COLS].to_vec();
    changed[5] ^= 1;
    npy(&folder.path().join("0001.npy"), "|u1", EACH, &changed);
    let changed = open(folder.path()).fingerprint(SHARDS * EACH).unwrap();
    let other: Vec<usize> = (0..SHARDS).filter(|&i| !changed[i].has_rows_of(&known[i])).collect();
    assert_eq!(other, [1]);
}

#[test]
fn a_large_file_is_known_by_its_ends_and_by_blocks_between_them() {
    const LENGTH: u64 = 1 << 33;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.bin");
    let file = fs::File::create(&path).unwrap();
    file.set_len(LENGTH).unwrap();
    let sample = || {
        Store::open_raw(&path, "u8:64".parse().unwrap()).unwrap().fingerprint(LENGTH as usize / 64).unwrap()
    };
    let known = sample();
    for (at, is_seen) in
        [(0, true), ((1 << 20) - 1, true), (1 << 20, true), (LENGTH - 1, true), (3 << 20, false)]
    {
        #[cfg(unix)]
        std::os::unix::fs::FileExt::write_all_at(&file, &[1], at).unwrap();
        assert_eq!(sample()[0].has_rows_of(&known[0]), !is_seen || cfg!(not(unix)), "byte {at}");
        #[cfg(unix)]
        std::os::unix::fs::FileExt::write_all_at(&file, &[0], at).unwrap();
    }
}

#[test]
fn rows_in_memory_are_known_by_their_numbers() {
    let folder = super::folder();
    let rhohat::data::Source::Rows(table) =
        rhohat::data::Source::open(&folder.path().join("f32.npy")).unwrap()
    else {
        panic!("rows are rows");
    };
    let mut other = table.clone();
    other.values[COLS * 10] += 1e-9;
    assert_eq!(table.fingerprint(10), other.fingerprint(10));
    assert_ne!(table.fingerprint(11), other.fingerprint(11));
    assert_ne!(RowSum(1), RowSum(2));
}
