//! Rows of every type of number and every order of bytes and of dimensions: read where they lie, they are those that are read
//! at once.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use rhohat::data::batches::{Dataset, RowSelection};
use rhohat::data::dtype::{DType, Endian};
use rhohat::data::shuffle::{RunOrder, Shuffle};
use rhohat::data::stream::{Feed, RowSum, Store, Transform, fit};
use rhohat::data::{Normalize, Opened, Preprocess, Reading, Scale, Source};
use tempfile::tempdir;

use super::preprocess;

/// NumPy's name of a type.
fn descr(dtype: DType, endian: Endian) -> String {
    let order = match (dtype.size(), endian) {
        (1, _) => '|',
        (_, Endian::Little) => '<',
        (_, Endian::Big) => '>',
    };
    let kind = match dtype {
        DType::Bool => "b",
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => "u",
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => "i",
        _ => "f",
    };
    format!("{order}{kind}{}", dtype.size())
}

/// A number of this type, lowest byte first: small and whole, negative where it can be.
fn number(dtype: DType, i: usize) -> Vec<u8> {
    let whole = (i * 7919 % 101) as i64
        - if matches!(descr(dtype, Endian::Little).as_bytes()[1], b'b' | b'u') { 0 } else { 50 };
    match dtype {
        DType::Bool => vec![u8::from(whole % 3 == 0)],
        DType::F16 => {
            // Of 1 + b/1024: exponent 15.
            (0x3c00 | (i * 7919 % 1013) as u16).to_le_bytes().to_vec()
        }
        // Of 1 + b/128: exponent 127.
        DType::Bf16 => (0x3f80 | (i * 37 % 128) as u16).to_le_bytes().to_vec(),
        DType::F32 => (whole as f32 / 8.0).to_le_bytes().to_vec(),
        DType::F64 => (whole as f64 / 7.0).to_le_bytes().to_vec(),
        _ => whole.to_le_bytes()[..dtype.size()].to_vec(),
    }
}

/// An `.npy` of `dtype` whose number at each place of the file tells the place.
fn array(path: &Path, (dtype, endian): (DType, Endian), fortran: bool, shape: &[usize]) {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    let order = if fortran { "True" } else { "False" };
    let header = format!(
        "{{'descr': '{}', 'fortran_order': {order}, 'shape': ({},), }}\n",
        descr(dtype, endian),
        lengths.join(", ")
    );
    let numbers = (0..shape.iter().product::<usize>()).flat_map(|i| {
        let mut number = number(dtype, i);
        if endian == Endian::Big {
            number.reverse();
        }
        number
    });
    let length = (header.len() as u16).to_le_bytes();
    let start = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    fs::write(path, start.into_iter().chain(numbers).collect::<Vec<u8>>()).unwrap();
}

fn opened(path: &Path, reading: &Reading) -> Source {
    Opened::new(path, reading).unwrap().source
}

/// The examples as a feed hands them out: mini-batches in windows, then a pass.
fn fed(store: &Arc<Store>, preprocess: &Preprocess) -> (Vec<Vec<f32>>, Vec<f32>) {
    let fitted = fit(store, preprocess, None, &|_| {}).unwrap();
    let shuffle = Shuffle { seed: 3, run: Some(2), order: RunOrder::Drawn };
    let mut feed = Feed::new(Arc::clone(store), Transform::new(store, &fitted), shuffle).unwrap();
    let (rows, cols) = feed.size();
    let mut one = |selection: &RowSelection<'_>| {
        let mut out = vec![0.0; selection.len() * cols];
        feed.numbers(selection, &mut out).unwrap();
        out
    };
    let singles = (0..rows).rev().map(|row| one(&RowSelection::Listed(&[row]))).collect();
    let mut all = Vec::new();
    for first in (0..rows).step_by(3) {
        all.extend(one(&RowSelection::Range(first..rows.min(first + 3))));
    }
    (singles, all)
}

fn kinds() -> impl Strategy<Value = DType> {
    // NumPy has no bfloat16.
    let all: Vec<DType> = DType::ALL.into_iter().filter(|&dtype| dtype != DType::Bf16).collect();
    prop::sample::select(all)
}

fn axes() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "count,length",
        "length,count",
        "count,length,length",
        "count,count,length",
        "length,count,length",
        "length,length,count",
        "count,length,count",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn streamed_rows_have_the_bits_of_held_ones_whatever_their_type_and_order(
        dtype in kinds(), big: bool, fortran: bool, axes in axes(),
        lengths in proptest::collection::vec(2_usize..7, 3),
        normalize in prop::sample::select(vec![Normalize::None, Normalize::Unit, Normalize::Lecture]),
    ) {
        let folder = tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let endian = if big { Endian::Big } else { Endian::Little };
        let shape = &lengths[..axes.split(',').count()];
        array(&path, (dtype, endian), fortran, shape);
        let axes = axes.parse().unwrap();
        let reading = Reading { axes: Some(axes), ..Reading::default() };
        let recipe = Preprocess { scale: Scale::AsIs, ..preprocess(normalize) };
        let Source::Stored(store) = opened(&path, &reading) else {
            // Neighbouring rows and neighbouring numbers lie apart.
            let apart = ["count,count,length", "count,length,count"];
            prop_assert!(fortran && apart.contains(&reading.axes.unwrap().to_string().as_str()), "{shape:?}");
            return Ok(());
        };
        // The same array in an archive is read at once.
        let table = held(&path, &reading);
        prop_assert_eq!(&store.table().unwrap().values, &table.values);
        // Rows of one value have no scale.
        let Ok(examples) = Source::Rows(table).apply::<f32>(&recipe) else { return Ok(()) };
        let held = examples.matrix;
        let (singles, all) = fed(&store, &recipe);
        prop_assert_eq!(&all, &held.values);
        for (row, found) in (0..held.rows).rev().zip(singles) {
            prop_assert_eq!(&found[..], held.row(row));
        }
    }
}

/// The table of an array that is read at once: as a folder of one file is by [`Source::open`].
fn held(path: &Path, reading: &Reading) -> rhohat::data::Table {
    let packed = path.with_file_name("a.npz");
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    let (mut entry, config) = archive.new_file("a.npy").start().unwrap();
    let mut writer = config.wrap(&mut entry);
    std::io::Write::write_all(&mut writer, &fs::read(path).unwrap()).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
    fs::write(&packed, archive.finish().unwrap()).unwrap();
    match opened(&packed, reading) {
        Source::Rows(table) => table,
        other => panic!("an archive is read at once: {other:?}"),
    }
}

#[test]
fn rows_have_one_hash_however_they_lie_and_samples_of_them_follow_appended_rows() {
    let folder = tempdir().unwrap();
    let rows: Vec<f32> = (0..40).map(|i| (i * i) as f32).collect();
    let write = |name: &str, count: usize, fortran: bool, big: bool| {
        let path = folder.path().join(name);
        let place = |i: usize| if fortran { i % count * 4 + i / count } else { i };
        let numbers: Vec<u8> = (0..count * 4)
            .flat_map(|i| if big { rows[place(i)].to_be_bytes() } else { rows[place(i)].to_le_bytes() })
            .collect();
        let descr = if big { ">f4" } else { "<f4" };
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({count}, 4), }}\n");
        let length = (header.len() as u16).to_le_bytes();
        fs::write(&path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &numbers].concat()).unwrap();
        let Source::Stored(store) = opened(&path, &Reading::default()) else { panic!("rows stay on disk") };
        store
    };
    let sum = |store: &Store| {
        let mut bytes = Vec::new();
        store.read(0, store.rows, &mut bytes).unwrap();
        RowSum::of(&bytes, store.row_bytes(), 0)
    };
    let plain = write("a.npy", 10, false, false);
    for (fortran, big) in [(true, false), (false, true), (true, true)] {
        let other = write("b.npy", 10, fortran, big);
        assert_eq!(sum(&other), sum(&plain), "{fortran} {big}");
        let shorter = write("c.npy", 7, fortran, big);
        let [was, is] = [&shorter, &other].map(|store| store.fingerprint(7).unwrap());
        assert!(is[0].has_rows_of(&was[0]), "{fortran} {big}");
        assert!(!other.fingerprint(8).unwrap()[0].has_rows_of(&was[0]));
    }
}

#[test]
fn a_number_that_is_not_finite_is_named_by_its_row_in_any_order() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npy");
    array(&path, (DType::F64, Endian::Big), true, &[50, 6]);
    let mut bytes = fs::read(&path).unwrap();
    // Row 33, column 4: the column is 50 numbers long.
    let at = bytes.len() - 300 * 8 + (4 * 50 + 33) * 8;
    bytes[at..at + 8].copy_from_slice(&1e39_f64.to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let Source::Stored(store) = opened(&path, &Reading::default()) else { panic!("rows stay on disk") };
    let text = store.table().unwrap_err().to_string();
    assert!(
        text.contains("row 33, column 4 (counted from 0) holds 1e39, which is no finite 32-bit"),
        "{text}"
    );
}

#[test]
fn bare_numbers_of_every_type_and_order_of_bytes_are_rows() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.bin");
    for dtype in DType::ALL {
        for (endian, order) in [(Endian::Little, ""), (Endian::Big, "be")] {
            let numbers = (0..20).flat_map(|i| {
                let mut number = number(dtype, i);
                if endian == Endian::Big {
                    number.reverse();
                }
                number
            });
            fs::write(&path, numbers.collect::<Vec<u8>>()).unwrap();
            let raw = format!("{}{order}:5", dtype.name()).parse().unwrap();
            let reading = Reading { raw: Some(raw), ..Reading::default() };
            let Source::Stored(store) = opened(&path, &reading) else { panic!("bare rows stay on disk") };
            let wanted: Vec<u8> = (0..20).flat_map(|i| number(dtype, i)).collect();
            let wanted = dtype.decode(&wanted, Endian::Little);
            assert_eq!((store.rows, &store.table().unwrap().values), (4, &wanted), "{raw}");
            assert_eq!(raw.to_string().parse(), Ok(raw));
        }
    }
}
