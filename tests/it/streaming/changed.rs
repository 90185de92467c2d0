//! Rows that change while they are read: every pass over all of them is compared with the one before, whichever way it
//! goes.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use rhohat::data::Normalize;
use rhohat::data::batches::{Dataset, RowSelection};
use rhohat::data::shuffle::{BatchSampler, RunOrder, Shuffle};
use rhohat::data::stream::{Feed, RowSum, Store, Transform, fit};
use tempfile::TempDir;

use super::{COLS, ROWS, SHUFFLE, folder, open, pixels, preprocess};

/// The ways over all rows.
const WAYS: [(&str, Shuffle); 4] = [
    ("in pieces", SHUFFLE),
    ("in windows", SHUFFLE),
    ("in windows whose order is computed", Shuffle { seed: 5, run: Some(7), order: RunOrder::Computed }),
    ("one by one", Shuffle { seed: 5, run: None, order: RunOrder::Drawn }),
];

fn feed(store: &Arc<Store>, shuffle: Shuffle) -> Feed {
    let transform = Transform::new(store, &preprocess(Normalize::None));
    Feed::new(Arc::clone(store), transform, shuffle).unwrap().comparing_epochs()
}

/// Some passes over all rows.
fn pass(feed: &mut Feed, way: (&str, Shuffle), order: &mut BatchSampler, times: usize) -> rhohat::Result<()> {
    let mut out = vec![0.0; 40 * COLS];
    for _ in 0..times {
        for first in (0..ROWS).step_by(40) {
            let range = first..(first + 40).min(ROWS);
            let list = order.next(40).to_vec();
            let wanted =
                if way.0 == "in pieces" { RowSelection::Range(range) } else { RowSelection::Listed(&list) };
            feed.numbers(&wanted, &mut out[..wanted.len() * COLS])?;
        }
    }
    Ok(())
}

/// Changes a number in place: a file that is written anew is empty for a moment, which rows that are read ahead may meet.
fn spoil(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let at = bytes.len() - 5;
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[bytes[at] ^ 1]).unwrap();
}

#[test]
fn every_way_over_the_rows_finds_one_sum_which_a_change_in_place_breaks() {
    let mut sums = Vec::new();
    for way in WAYS {
        let folder = folder();
        let path = folder.path().join("u8.npy");
        let store = open(&path);
        let (mut feed, mut order) = (feed(&store, way.1), BatchSampler::new(ROWS, way.1));
        assert_eq!(store.check().known(), None, "{}", way.0);
        pass(&mut feed, way, &mut order, 3).unwrap();
        sums.push(store.check().known());
        spoil(&path);
        let error = pass(&mut feed, way, &mut order, 2).expect_err(way.0);
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        for part in ["u8.npy", "changed while it was read", "403 rows"] {
            assert!(text.contains(part), "{}: no {part:?} in {text}", way.0);
        }
        // The row may have been read ahead of the fourth.
        assert!(text.contains("pass 4") || text.contains("pass 5"), "{text}");
    }
    assert_eq!(sums, [Some(RowSum::of(&pixels(ROWS), COLS, 0)); 4]);
}

#[test]
fn limits_and_examples_come_of_the_same_rows() {
    let folder = folder();
    let path = folder.path().join("u8.npy");
    let store = open(&path);
    fit(&store, &preprocess(Normalize::Unit), None, &|_| {}).unwrap();
    assert_eq!(store.check().known(), Some(RowSum::of(&pixels(ROWS), COLS, 0)));
    let transform = Transform::new(&store, &preprocess(Normalize::None));
    transform.in_pieces(&store, |_, _| Ok(())).unwrap();
    spoil(&path);
    assert!(transform.in_pieces(&store, |_, _| Ok(())).is_err());
}

#[test]
fn what_an_earlier_sitting_has_read_is_compared_with_the_first_whole_pass() {
    for way in WAYS {
        let folder = folder();
        let store = open(&folder.path().join("u8.npy"));
        store.check().has_to_be(RowSum(7));
        // In the middle of an epoch, of which nothing can be said.
        let taken = 200;
        let mut order = BatchSampler::after(ROWS, way.1, taken);
        let mut feed = feed(&store, way.1).after(taken);
        let mut out = vec![0.0; ROWS * COLS];
        let rest = order.next(ROWS).to_vec();
        feed.numbers(&RowSelection::Listed(&rest), &mut out[..rest.len() * COLS]).unwrap();
        let error = pass(&mut feed, way, &mut order, 2).expect_err(way.0);
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        for part in ["u8.npy", "0000000000000007", "`data_changed`"] {
            assert!(text.contains(part), "{}: no {part:?} in {text}", way.0);
        }
    }
}

#[test]
fn rows_that_are_asked_for_out_of_order_make_no_pass() {
    let folder = folder();
    let store = open(&folder.path().join("u8.npy"));
    let mut feed = feed(&store, SHUFFLE);
    let mut out = vec![0.0; ROWS * COLS];
    feed.numbers(&RowSelection::Listed(&[402, 0, 7, 7]), &mut out[..4 * COLS]).unwrap();
    feed.numbers(&RowSelection::Range(3..ROWS), &mut out[3 * COLS..]).unwrap();
    assert_eq!(store.check().known(), None);
    feed.numbers(&RowSelection::Range(0..ROWS), &mut out).unwrap();
    assert!(store.check().known().is_some());
}

#[test]
fn a_changed_folder_names_the_file_that_was_written_to() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shards");
    fs::create_dir(&path).unwrap();
    for number in 0..3 {
        super::npy(&path.join(format!("{number}.npy")), "|u1", 50, &pixels(50));
    }
    let store = open(&path);
    let transform = Transform::new(&store, &preprocess(Normalize::None));
    transform.in_pieces(&store, |_, _| Ok(())).unwrap();
    let file = fs::File::options().write(true).open(path.join("1.npy")).unwrap();
    use std::io::{Seek, SeekFrom, Write};
    (&file).seek(SeekFrom::Start(200)).unwrap();
    (&file).write_all(&[255; 4]).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let error = transform.in_pieces(&store, |_, _| Ok(())).unwrap_err().to_string();
    assert!(error.contains("1.npy") && error.contains("pass 2"), "{error}");
}
