//! Patches: drawn at random, cut on a grid, put together again.

use std::path::PathBuf;

use rhohat::data::{DataRecipe, Grid, Normalize, Picture, Preprocess, Source};

use super::{plain, untouched};

/// A picture whose numbers all differ: `start`, `start` + 1, …
fn counting(width: usize, height: usize, channels: usize, start: usize) -> Picture {
    let pixels = (0..width * height * channels).map(|i| (start + i) as f32).collect();
    Picture { name: PathBuf::from("counting"), width, height, channels, pixels }
}

/// Cuts images on a grid and does nothing else.
fn grid_of(patch: usize, channels: usize) -> Preprocess {
    Preprocess { patch: Some(patch), channels: Some(channels), ..untouched(Normalize::None) }
}

#[test]
fn a_seed_draws_the_same_patches_and_another_seed_others() {
    let source = Source::from(vec![counting(40, 30, 1, 0)]);
    let draw = |seed| source.training_set::<f32>(&DataRecipe { seed, ..plain(8, 50) }).unwrap().matrix;
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn a_patch_is_a_square_of_its_picture() {
    let source = Source::from(vec![counting(9, 7, 3, 0)]);
    let examples = source.training_set::<f64>(&DataRecipe { color: true, ..plain(2, 20) }).unwrap();
    assert_eq!((examples.matrix.rows, examples.matrix.cols), (20, 12));
    for i in 0..20 {
        let row = examples.matrix.row(i);
        // From a line of the picture to the next, the numbers grow by its width × channels.
        let expected =
            [0, 27].into_iter().flat_map(|down| (0..6).map(move |along| row[0] + f64::from(down + along)));
        assert_eq!(row, expected.collect::<Vec<f64>>());
    }
}

#[test]
fn every_position_of_every_picture_is_drawn_equally_often() {
    // 6 positions in the first picture, 1 in the second, 2 in the third.
    let source = Source::from(vec![counting(4, 3, 1, 0), counting(2, 2, 1, 100), counting(2, 3, 1, 200)]);
    let samples = 9000;
    let examples = source.training_set::<f64>(&plain(2, samples)).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    (0..samples).for_each(|i| *counts.entry(examples.matrix.row(i)[0] as usize).or_insert(0) += 1);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6, 100, 200, 202]);
    // Binomial with p = 1/9: mean 1000, deviation √(9000·8)/9 = 29.8; five of them.
    assert!(counts.values().all(|&count: &usize| count.abs_diff(1000) < 149), "{counts:?}");
}

#[test]
fn grid_patches_make_the_picture_again_less_what_was_left_over() {
    let source = Source::from(vec![counting(16, 12, 3, 0), counting(5, 10, 3, 9000)]);
    let examples = source.apply::<f32>(&grid_of(5, 3)).unwrap();
    let grids = examples.grid.unwrap();
    assert_eq!(grids, [Grid { across: 3, down: 2 }, Grid { across: 1, down: 2 }]);
    let again = examples.preprocess.pictures(&examples.matrix.values, &grids).unwrap();
    assert_eq!((again[0].width, again[0].height, again[0].channels), (15, 10, 3));
    let expected = (0..10).flat_map(|y| (0..45).map(move |along| (y * 48 + along) as f32));
    assert_eq!(again[0].pixels, expected.collect::<Vec<f32>>());
    assert_eq!(again[1].pixels, counting(5, 10, 3, 9000).pixels);
}

#[test]
fn rows_make_no_pictures() {
    assert!(untouched(Normalize::None).pictures(&[0.0; 4], &[]).is_none());
}

#[test]
fn colour_becomes_grey_by_rec_601_and_grey_is_repeated_for_a_model_of_colour() {
    let color = Picture { pixels: vec![1.0, 0.5, 0.25], ..counting(1, 1, 3, 0) };
    let grey = Source::from(vec![color]).apply::<f64>(&grid_of(1, 1)).unwrap();
    assert!((grey.matrix.values[0] - (0.299 + 0.587 * 0.5 + 0.114 * 0.25)).abs() < 1e-15);
    let repeated = Source::from(vec![counting(1, 1, 1, 3)]).apply::<f64>(&grid_of(1, 3)).unwrap();
    assert_eq!(repeated.matrix.values, [3.0; 3]);
}
