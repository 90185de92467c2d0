//! What raw numbers are divided by: rows by nothing unless it is said, pictures and IDX by 255, and the way back.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rhohat::data::batches::{Dataset, RowSelection};
use rhohat::data::dtype::DType;
use rhohat::data::shuffle::Shuffle;
use rhohat::data::stream::{Feed, Transform, fit};
use rhohat::data::{DataRecipe, Normalize, Opened, Preprocess, Reading, Scale, Source, Table};
use tempfile::tempdir;

use super::{fixture, npy, plain, untouched};

const ROWS: usize = 61;
const COLS: usize = 9;

fn bytes() -> Vec<u8> {
    (0..ROWS * COLS).map(|i| (i * 7919 % 256) as u8).collect()
}

fn open(path: &Path) -> Opened {
    Opened::new(path, &Reading::default()).unwrap()
}

fn learned(source: &Source, scale: Scale) -> Vec<f64> {
    source.training_set(&DataRecipe { scale, ..plain(1, 1) }).unwrap().matrix.values
}

#[test]
fn rows_of_bytes_are_as_they_are_unless_a_divisor_is_given() {
    let Opened { source, description: taken } = open(&fixture("rows_u1.npy"));
    assert_eq!(taken.usual_scale(), Scale::AsIs);
    let raw: Vec<f64> = (0..24).map(|i| f64::from(i * 10)).collect();
    assert_eq!(learned(&source, taken.usual_scale()), raw);
    let divided: Vec<f64> = raw.iter().map(|x| x / 255.0).collect();
    assert_eq!(learned(&source, Scale::Divide(255.0)), divided);
    // That is what version 0.1.0 made of them.
    assert_eq!(learned(&source, Scale::Pixels), divided);
}

#[test]
fn bytes_of_idx_files_and_of_pictures_are_divided_by_255() {
    let Opened { source, description: taken } = open(&fixture("images-idx3-ubyte"));
    assert_eq!(taken.usual_scale(), Scale::Pixels);
    assert_eq!(learned(&source, taken.usual_scale())[23], 23.0 / 255.0);
    // Two dimensions of an IDX file are no pictures to cut, but pixels all the same.
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.idx");
    fs::write(&path, [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[51, 255]].concat()).unwrap();
    let Opened { source, description: taken } = open(&path);
    assert_eq!(learned(&source, taken.usual_scale()), [0.2, 1.0]);
    assert_eq!(open(&fixture("stack_grey.npy")).description.usual_scale(), Scale::Pixels);
}

#[test]
fn floats_are_divided_where_it_is_said_and_only_there() {
    let values = vec![0.0, 51.0, 102.0, 255.0];
    let source = Source::Rows(Table { rows: 2, cols: 2, dtype: DType::F32, values: values.clone() });
    assert_eq!(learned(&source, Scale::Pixels), values);
    assert_eq!(learned(&source, Scale::AsIs), values);
    assert_eq!(learned(&source, Scale::Divide(255.0)), [0.0, 0.2, 0.4, 1.0]);
}

#[test]
fn held_and_streamed_rows_have_one_scale_in_every_normalisation_bit_for_bit() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    fs::write(&path, npy("|u1", false, &format!("({ROWS}, {COLS})"), &bytes())).unwrap();
    let Source::Stored(store) = open(&path).source else { panic!("rows that stay on disk") };
    let held = Source::open(&path).unwrap();
    for scale in [Scale::AsIs, Scale::Divide(255.0), Scale::Divide(7.0), Scale::Pixels] {
        for normalize in [Normalize::None, Normalize::Unit, Normalize::Lecture] {
            let preprocess = Preprocess { scale, ..untouched(normalize) };
            let wanted = held.apply::<f32>(&preprocess).unwrap();
            let fitted = fit(&store, &preprocess, None, &|_| {}).unwrap();
            assert_eq!(fitted.limits, wanted.preprocess.limits, "{scale:?} {normalize:?}");
            let transform = Transform::new(&store, &fitted);
            // Bytes become numbers by a table where nothing else decides: devices have the same one.
            let codes = transform.codes().map(|codes| codes.table.clone());
            let mut feed = Feed::new(Arc::clone(&store), transform, Shuffle::rows(0)).unwrap();
            let mut found = vec![0.0; ROWS * COLS];
            feed.numbers(&RowSelection::Range(0..ROWS), &mut found).unwrap();
            assert!(found == wanted.matrix.values, "{scale:?} {normalize:?}");
            if let Some(table) = codes {
                let by_table: Vec<f32> = bytes().iter().map(|&byte| table[usize::from(byte)]).collect();
                assert!(by_table == wanted.matrix.values, "{scale:?} {normalize:?}");
            }
        }
    }
}

#[test]
fn restoring_undoes_the_scale_by_which_the_data_came() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    fs::write(&path, npy("|u1", false, &format!("({ROWS}, {COLS})"), &bytes())).unwrap();
    let source = Source::open(&path).unwrap();
    for scale in [Scale::AsIs, Scale::Divide(255.0), Scale::Pixels] {
        for normalize in [Normalize::None, Normalize::Unit] {
            let examples = source.apply::<f32>(&Preprocess { scale, ..untouched(normalize) }).unwrap();
            let restored = examples.preprocess.restore(examples.matrix.values, &examples.means);
            // Two roundings of numbers up to 255, half an ulp of 2⁷ to 2⁸ each.
            let bound = 2.0 * 255.0 * f32::powi(2.0, -24);
            for (&raw, found) in bytes().iter().zip(restored) {
                assert!((f32::from(raw) - found).abs() <= bound, "{scale:?} {normalize:?}: {raw} {found}");
            }
        }
    }
    // Floats of a model of pixels were not divided, and are not multiplied.
    let floats = Source::Rows(Table { rows: 1, cols: 2, dtype: DType::F32, values: vec![0.25, 1.0] });
    let examples = floats.apply::<f32>(&untouched(Normalize::None)).unwrap();
    let restored = examples.preprocess.restore(examples.matrix.values, &[]);
    assert_eq!(restored, [0.25, 1.0]);
}

#[test]
fn metadata_without_a_scale_are_those_of_0_1_0_and_stay_so() {
    let old = r#"{"patch":null,"channels":null,"whiten":false,"normalize":"none","limits":null}"#;
    let preprocess: Preprocess = serde_json::from_str(old).unwrap();
    assert_eq!(preprocess, untouched(Normalize::None));
    assert_eq!(serde_json::to_string(&preprocess).unwrap(), old);
    for (scale, text) in [(Scale::AsIs, "\"divide\":1.0"), (Scale::Divide(255.0), "\"divide\":255.0")] {
        let preprocess = Preprocess { scale, ..untouched(Normalize::None) };
        let json = serde_json::to_string(&preprocess).unwrap();
        assert!(json.contains(text), "{json}");
        assert_eq!(serde_json::from_str::<Preprocess>(&json).unwrap(), preprocess);
    }
}

#[test]
fn divisors_that_make_no_sense_are_refused() {
    for text in ["0", "-255", "0.5", "nan", "inf", "many", ""] {
        let why = text.parse::<Scale>().unwrap_err();
        assert!(why.contains("from 1 up") && why.contains("255"), "{text}: {why}");
    }
    assert_eq!("1".parse::<Scale>(), Ok(Scale::AsIs));
    assert_eq!("255".parse::<Scale>(), Ok(Scale::Divide(255.0)));
    assert!(serde_json::from_str::<Scale>("0").is_err());
}
