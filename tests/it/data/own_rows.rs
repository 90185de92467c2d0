//! Rows that the caller has in memory.

use rhohat::data::identity::Identity;
use rhohat::data::{DataRecipe, Normalize, Opened, Scale, Source, Table, npy};

use super::plain;

fn values() -> Vec<f32> {
    (0..60).map(|i| (i * i % 37) as f32 / 7.0 - 1.0).collect()
}

#[test]
fn own_rows_become_the_examples_that_a_file_of_the_same_numbers_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    npy::write(&path, 15, 4, &values()).unwrap();
    let (own, file) = (Source::rows(values(), 4).unwrap(), Source::open(&path).unwrap());
    let identity = |source: &Source| Identity::of(source, None).unwrap().0;
    assert_eq!(identity(&own), identity(&file));
    for normalize in [Normalize::None, Normalize::Unit, Normalize::Lecture] {
        let recipe = DataRecipe { normalize, scale: Scale::AsIs, ..plain(2, 1) };
        let examples = |source: &Source| {
            let examples = source.training_set::<f32>(&recipe).unwrap();
            (examples.matrix.values, examples.means, examples.preprocess)
        };
        assert_eq!(examples(&own), examples(&file), "{normalize:?}");
    }
}

#[test]
fn own_rows_are_described_as_rows_in_memory_and_taken_as_they_are() {
    let Opened { source, description } = Table::from_values(values(), 4).unwrap().into();
    assert!(matches!(source, Source::Rows(Table { rows: 15, cols: 4, .. })));
    let scale = description.usual_scale();
    assert_eq!(scale, Scale::AsIs);
    assert_eq!(description.line(scale), "rows in memory: 15 rows of 4 numbers (f32), taken as they are");
    assert!(description.json(scale)["path"].is_null());
}

#[test]
fn own_rows_that_are_cut_or_not_finite_are_refused() {
    for (values, width) in [(vec![0.5; 7], 3), (vec![], 3), (vec![1.0], 0), (vec![f32::INFINITY, 1.0], 2)] {
        assert_eq!(Source::rows(values, width).unwrap_err().exit_code(), 3);
    }
}
