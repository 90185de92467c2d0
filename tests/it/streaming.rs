//! Rows on disk: whichever way they reach an engine, it computes the same bits.

mod changed;
mod layouts;
mod limits;
mod orders;
mod shards;
mod subsets;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhohat::data::RawRows;
use rhohat::data::batches::{Dataset, ExampleSet, RowSelection};
use rhohat::data::shuffle::{BatchSampler, RunOrder, Shuffle};
use rhohat::data::stream::{Feed, Store, Transform, fit};
use rhohat::data::{Normalize, Preprocess, Scale, Source};
use rhohat::engine::device::{Choice, ParamsAndExamples, Setup};
use rhohat::engine::{Chunking, Engine};
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::train::{Recipe, train};
use tempfile::TempDir;

use crate::support;

const COLS: usize = 21;
const ROWS: usize = 403;
const SHUFFLE: Shuffle = Shuffle { seed: 5, run: Some(7), order: RunOrder::Drawn };

/// Bytes as images have them.
fn pixels(rows: usize) -> Vec<u8> {
    (0..rows * COLS).map(|i| ((i * 7919 + i / COLS * 104_729) % 251) as u8).collect()
}

fn npy(path: &Path, kind: &str, rows: usize, numbers: &[u8]) {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {COLS}), }}");
    header.push_str(&" ".repeat(127 - 10 - header.len()));
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    std::fs::write(path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), numbers].concat()).unwrap();
}

/// The same rows as bytes, as half-precision and as single-precision numbers, and in three files.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let bytes = pixels(ROWS);
    npy(&folder.path().join("u8.npy"), "|u1", ROWS, &bytes);
    // 1 + b/1024 in half precision: exponent 15, fraction b.
    let halves: Vec<u8> = bytes.iter().flat_map(|&b| (0x3c00 | u16::from(b)).to_le_bytes()).collect();
    npy(&folder.path().join("f16.npy"), "<f2", ROWS, &halves);
    let singles: Vec<u8> = bytes.iter().flat_map(|&b| (f32::from(b) / 300.0).to_le_bytes()).collect();
    npy(&folder.path().join("f32.npy"), "<f4", ROWS, &singles);
    let shards = folder.path().join("shards");
    std::fs::create_dir(&shards).unwrap();
    for (number, rows) in [(0, 0..100), (1, 100..101), (2, 101..ROWS)] {
        let part = &bytes[rows.start * COLS..rows.end * COLS];
        npy(&shards.join(format!("{number}.npy")), "|u1", rows.len(), part);
    }
    folder
}

fn open(path: &Path) -> Arc<Store> {
    match Source::open_for_training(path, None).unwrap() {
        Source::Stored(store) => store,
        other => panic!("{} is read at once: {other:?}", path.display()),
    }
}

fn preprocess(normalize: Normalize) -> Preprocess {
    Preprocess { scale: Scale::Pixels, normalize, ..Preprocess::AS_IS }
}

/// The examples as they are when the file is read at once.
fn at_once(path: &Path, normalize: Normalize) -> (Matrix<f32>, Preprocess) {
    let examples = Source::open(path).unwrap().apply(&preprocess(normalize)).unwrap();
    (examples.matrix, examples.preprocess)
}

fn feed(path: &Path, normalize: Normalize) -> Feed {
    let store = open(path);
    let fitted = fit(&store, &preprocess(normalize), None, &|_| {}).unwrap();
    let transform = Transform::new(&store, &fitted);
    Feed::new(store, transform, SHUFFLE).unwrap()
}

/// Where the examples of an engine come from.
enum Rows {
    Memory(Matrix<f32>),
    Disk { path: PathBuf, normalize: Normalize, streamed: bool },
}

struct From(Rows);

impl ParamsAndExamples for From {
    fn single(&self) -> rhohat::Result<(Params<f32>, ExampleSet)> {
        let shape = Shape { visible: COLS, hidden: 19 };
        let examples = match &self.0 {
            Rows::Memory(matrix) => matrix.clone().into(),
            Rows::Disk { path, normalize, streamed } => {
                let feed = Box::new(feed(path, *normalize));
                if *streamed { ExampleSet::Streamed(feed) } else { ExampleSet::Resident(feed) }
            }
        };
        Ok((Params::random(shape, 1), examples))
    }

    fn double(&self) -> rhohat::Result<(Params<f64>, Matrix<f64>)> {
        unreachable!("the reference holds its rows")
    }
}

fn engines(test: &str) -> Vec<Choice> {
    let software = support::software(test).map(|gpu| Choice::Gpu(Arc::new(gpu)));
    std::iter::once(Choice::Cpu).chain(software).collect()
}

fn trained(
    engine: &mut (dyn Engine + 'static),
    optimizer: Optimizer,
    batch: Option<usize>,
) -> (u64, Params<f32>) {
    let recipe = Recipe {
        yardstick: None,
        optimizer: OptimizerConfig::of(
            optimizer,
            0.9,
            DescentConfig { batch, beta_warmup: 3, ..DescentConfig::constant(0.05) },
        ),
        resampling: None,
        steps: 11,
        shuffle: SHUFFLE,
        report_every: 3,
    };
    let outcome = train(engine, &recipe, &mut ()).unwrap();
    (outcome.cost.total().to_bits(), engine.params().unwrap())
}

#[test]
fn every_kind_of_file_and_normalisation_trains_to_the_bits_of_rows_in_memory() {
    let folder = folder();
    for choice in engines("streaming") {
        for (name, normalize) in [
            ("u8.npy", Normalize::None),
            ("u8.npy", Normalize::Lecture),
            ("f16.npy", Normalize::Unit),
            ("f32.npy", Normalize::None),
            ("shards", Normalize::Unit),
        ] {
            let path = folder.path().join(name);
            let cut = Chunking { chunk: Some(64), ..Chunking::default() };
            let open = |rows| choice.open(&Setup { cut, ..Setup::default() }, &From(rows)).unwrap();
            for (optimizer, batch) in
                [(Optimizer::Adam, Some(40)), (Optimizer::Sgd, Some(150)), (Optimizer::Lbfgs, None)]
            {
                let (matrix, _) = at_once(&path, normalize);
                let expected = trained(&mut *open(Rows::Memory(matrix)), optimizer, batch);
                for streamed in [false, true] {
                    let rows = Rows::Disk { path: path.clone(), normalize, streamed };
                    let found = trained(&mut *open(rows), optimizer, batch);
                    assert!(found == expected, "{name}, {normalize:?}, {optimizer:?}, streamed: {streamed}");
                }
            }
        }
    }
}

#[test]
fn codes_and_outputs_of_fetched_rows_are_those_of_rows_in_memory() {
    let folder = folder();
    let path = folder.path().join("u8.npy");
    for choice in engines("streaming") {
        let cut = Chunking { chunk: Some(64), ..Chunking::default() };
        let open = |rows| choice.open(&Setup { cut, ..Setup::default() }, &From(rows)).unwrap();
        let mut resident = open(Rows::Memory(at_once(&path, Normalize::None).0));
        let rows = Rows::Disk { path: path.clone(), normalize: Normalize::None, streamed: true };
        let mut streamed = open(rows);
        assert_eq!(streamed.encode(60, 100).unwrap(), resident.encode(60, 100).unwrap());
        assert_eq!(streamed.reconstruct(0, 403).unwrap(), resident.reconstruct(0, 403).unwrap());
        let (cost, gradient) = streamed.gradient().unwrap();
        let (expected, expected_gradient) = resident.gradient().unwrap();
        assert_eq!(cost.total().to_bits(), expected.total().to_bits());
        assert_eq!(gradient, expected_gradient);
    }
}

#[test]
fn a_feed_gives_every_row_of_an_epoch_and_rows_out_of_order_too() {
    let folder = folder();
    let path = folder.path().join("shards");
    let (matrix, _) = at_once(&path, Normalize::None);
    let mut feed = feed(&path, Normalize::None);
    let mut order = BatchSampler::new(ROWS, SHUFFLE);
    let mut check = |list: &[usize]| {
        let mut out = vec![0.0; list.len() * COLS];
        feed.numbers(&RowSelection::Listed(list), &mut out).unwrap();
        for (row, found) in list.iter().zip(out.chunks_exact(COLS)) {
            assert_eq!(found, matrix.row(*row), "row {row}");
        }
    };
    for _ in 0..40 {
        check(order.next(33));
    }
    check(&[402, 0, 17, 17]);
    check(order.next(33));
}

#[test]
fn rows_that_are_looked_at_between_batches_never_move_the_windows() {
    let folder = folder();
    let path = folder.path().join("u8.npy");
    let (matrix, _) = at_once(&path, Normalize::None);
    let store = open(&path);
    let transform = Transform::new(&store, &preprocess(Normalize::None));
    let mut feed = Feed::new(Arc::clone(&store), transform, SHUFFLE).unwrap();
    let mut order = BatchSampler::new(ROWS, SHUFFLE);
    let mut out = vec![0.0; 20 * COLS];
    feed.numbers(&RowSelection::Listed(order.next(20)), &mut out).unwrap();
    let look: Vec<usize> = (0..40).map(|i| i * 10).collect();
    for _ in 0..20 {
        let mut out = vec![0.0; look.len() * COLS];
        feed.numbers(&RowSelection::Listed(&look), &mut out).unwrap();
        for (row, found) in look.iter().zip(out.chunks_exact(COLS)) {
            assert_eq!(found, matrix.row(*row), "row {row}");
        }
    }
    // A pass of windows over all rows would be known by its sum.
    assert_eq!(store.check().known(), None);
}

#[test]
fn rows_that_are_not_finite_are_named_with_their_file_row_and_column() {
    let folder = TempDir::new().unwrap();
    for (name, kind, good, bad) in [
        ("f16.npy", "<f2", &[0x00, 0x3c][..], &[0x00, 0x7c][..]),
        ("f32.npy", "<f4", &1f32.to_le_bytes()[..], &f32::NAN.to_le_bytes()[..]),
    ] {
        let path = folder.path().join(name);
        let mut numbers = good.repeat(50 * COLS);
        let at = (33 * COLS + 4) * good.len();
        numbers[at..at + good.len()].copy_from_slice(bad);
        npy(&path, kind, 50, &numbers);
        let mut out = vec![0.0; 10 * COLS];
        let mut feed = feed_plain(&path);
        feed.numbers(&RowSelection::Range(0..10), &mut out).unwrap();
        let error = feed.numbers(&RowSelection::Range(30..40), &mut out).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        for part in [name, "row 33", "column 4", "no finite 32-bit number"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
}

fn feed_plain(path: &Path) -> Feed {
    let store = open(path);
    let transform = Transform::new(&store, &preprocess(Normalize::None));
    Feed::new(store, transform, SHUFFLE).unwrap()
}

#[test]
fn raw_files_are_rows_of_the_width_that_is_given() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.bin");
    std::fs::write(&path, pixels(30)).unwrap();
    let open = |rows: &str| Source::open_for_training(&path, Some(rows.parse().unwrap()));
    let Source::Stored(store) = open(&format!("u8:{COLS}")).unwrap() else {
        panic!("bare rows stay on disk")
    };
    assert_eq!((store.rows, store.cols), (30, COLS));
    let error = open("f32:100").unwrap_err().to_string();
    assert!(error.contains("630 bytes") && error.contains("`raw`"), "{error}");
    for text in ["u8", "u8:", "u8:0", "i9:4", ":4", "u8:-1", "be:4", "f32xe:4"] {
        assert!(text.parse::<RawRows>().unwrap_err().contains("u8:784"), "{text}");
    }
}

#[test]
fn a_folder_of_bytes_and_of_floats_is_refused_with_both() {
    let folder = folder();
    let error = Source::open_for_training(folder.path(), None).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    assert!(text.contains("u8 numbers") && text.contains("f16.npy are f16 numbers"), "{text}");
}

#[test]
fn a_file_that_shrinks_after_it_was_opened_is_an_error_and_no_panic() {
    let folder = folder();
    let path = folder.path().join("u8.npy");
    let mut feed = feed_plain(&path);
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1_000).unwrap();
    let mut out = vec![0.0; COLS];
    let error = feed.numbers(&RowSelection::Range(400..401), &mut out).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("shorter"), "{error}");
}
