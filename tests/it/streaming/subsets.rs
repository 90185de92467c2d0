//! Some of the rows of a store: whichever they are and however they are read, those of the held table.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use rhohat::data::batches::{Dataset, RowSelection};
use rhohat::data::split::{hold_out, parts};
use rhohat::data::stream::{Feed, Store, Transform, fit};
use rhohat::data::{Normalize, Subset};
use rhohat::math::params::Matrix;

use super::{COLS, ROWS, SHUFFLE, at_once, folder, open, pixels, preprocess};

/// The rows of `u8.npy` column by column.
fn fortran(path: &Path) {
    let (bytes, mut turned) = (pixels(ROWS), Vec::new());
    (0..COLS).for_each(|col| turned.extend((0..ROWS).map(|row| bytes[row * COLS + col])));
    let mut header = format!("{{'descr': '|u1', 'fortran_order': True, 'shape': ({ROWS}, {COLS}), }}");
    header.push_str(&" ".repeat(127 - 10 - header.len()));
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    std::fs::write(path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &turned].concat()).unwrap();
}

fn subset(bits: &[bool]) -> Subset {
    let rows: Vec<usize> = (0..bits.len()).filter(|&row| bits[row]).collect();
    Subset::of_runs(rows.iter().map(|&row| row..row + 1), rows.len(), bits.len())
}

/// The first of all rows, a subset of them, and the rows of the file that these are.
fn nested(of: usize, bits: &[bool], store: &Store) -> (Arc<Store>, Vec<usize>) {
    let inner = subset(&bits[..of]);
    let rows = (0..inner.len()).map(|at| inner.number(at)).collect();
    (Arc::new(store.subset(&Subset::first(of)).subset(&inner)), rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_of_a_store_are_those_of_the_table_in_any_piece_and_any_order(
        bits in prop::collection::vec(prop::bool::weighted(0.3), ROWS),
        of in 1..=ROWS,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let folder = folder();
        fortran(&folder.path().join("fortran.npy"));
        let (table, fitted) = at_once(&folder.path().join("u8.npy"), Normalize::Unit);
        for name in ["u8.npy", "shards", "fortran.npy"] {
            let (store, rows) = nested(of, &bits, &open(&folder.path().join(name)));
            prop_assert_eq!(store.rows, rows.len());
            let transform = || Transform::new(&store, &fitted);
            for pair in cuts.chunks(2) {
                let mut cut = [pair[0].index(rows.len() + 1), pair[1].index(rows.len() + 1)];
                cut.sort_unstable();
                let found = transform().rows(&store, cut[0]..cut[1]).unwrap().values;
                let wanted = rows[cut[0]..cut[1]].iter().flat_map(|&row| table.row(row));
                prop_assert!(found.iter().map(|&x| x as f32).eq(wanted.copied()), "{} {:?}", name, cut);
            }
            if rows.is_empty() {
                continue;
            }
            let listed: Vec<usize> = cuts.iter().map(|cut| cut.index(rows.len())).collect();
            let mut feed = Feed::new(Arc::clone(&store), transform(), SHUFFLE).unwrap();
            let mut out = vec![0.0; listed.len() * COLS];
            feed.numbers(&RowSelection::Listed(&listed), &mut out).unwrap();
            let wanted = listed.iter().flat_map(|&at| table.row(rows[at]));
            prop_assert!(out.iter().eq(wanted), "{}: listed", name);
        }
    }
}

#[test]
fn parts_of_a_store_are_those_of_the_table_and_their_sums_those_of_all_rows() {
    let folder = folder();
    let path = folder.path().join("f32.npy");
    let (table, _) = at_once(&path, Normalize::None);
    let plain = preprocess(Normalize::None);
    let pass = |store: &Store| -> rhohat::Result<Matrix<f32>> {
        let mut all = Vec::new();
        Transform::new(store, &plain).in_pieces(store, |_, values| {
            all.extend(values.iter().map(|&x| x as f32));
            Ok(())
        })?;
        Ok(Matrix::new(store.rows, COLS, all))
    };
    let whole = open(&path);
    pass(&whole).unwrap();
    let known = whole.check().known().expect("a complete pass");
    let store = open(&path);
    let split = hold_out(table, 80, 7);
    let [train, held_out] = store.parted(&parts(ROWS, 80, 7));
    assert_eq!(pass(&train).unwrap(), split.train);
    assert_eq!(store.check().known(), None, "one part alone");
    assert_eq!(pass(&held_out).unwrap(), split.validation);
    assert_eq!(store.check().known(), Some(known));

    // A part of other rows than an earlier process has found is no part of that whole.
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = open(&path);
    store.check().has_to_be(known);
    let [train, held_out] = store.parted(&parts(ROWS, 80, 7));
    let error = pass(&train).and_then(|_| pass(&held_out)).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("403 rows are not those"), "{error}");
}

#[test]
fn limits_are_fitted_to_the_rows_that_are_taken() {
    let folder = folder();
    let path = folder.path().join("u8.npy");
    let store = open(&path);
    let bits: Vec<bool> = (0..ROWS).map(|row| row % 5 == 2).collect();
    let some = Arc::new(store.subset(&subset(&bits)));
    let fitted = fit(&some, &preprocess(Normalize::Lecture), None, &|_| {}).unwrap();
    let held = some.table().unwrap();
    let of_table = rhohat::data::Source::Rows(held);
    let of_table = of_table.apply::<f64>(&preprocess(Normalize::Lecture)).unwrap().preprocess;
    assert_eq!(fitted.limits, of_table.limits);
    assert_ne!(fitted.limits, fit(&store, &preprocess(Normalize::Lecture), None, &|_| {}).unwrap().limits);
}
