//! Pictures of features and reconstructions.

use std::path::PathBuf;

use rhohat::data::{Form, Neighbours, Picture, Preprocess, Scale};
use rhohat::run::picture::{Layout, features, form_of, photograph, too_large, usual_count, why_no_form};

/// Squares of `side` pixels.
fn square(side: usize, channels: usize) -> Form {
    Form { height: side, width: side, channels }
}

/// So many screen pixels a pixel.
fn zoom(zoom: usize) -> Layout {
    Layout { zoom: Some(zoom), ..Layout::default() }
}

#[test]
fn a_feature_is_scaled_by_its_own_largest_value_and_framed_in_black() {
    let weights = [2.0, -2.0, 0.0, 1.0, 0.1, 0.0, 0.0, -0.1];
    let canvas = features(&weights, square(2, 1), zoom(1)).unwrap();
    assert_eq!((canvas.width, canvas.height, canvas.channels), (7, 4, 1));
    #[rustfmt::skip]
    let wanted = [
        0, 0, 0, 0, 0, 0, 0,
        0, 255, 0, 0, 255, 128, 0,
        0, 128, 191, 0, 128, 0, 0,
        0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(canvas.pixels, wanted);
}

#[test]
fn the_grid_has_as_many_columns_as_the_root_of_the_units_rounded_up() {
    for (hidden, columns, lines) in [(1, 1, 1), (2, 2, 1), (4, 2, 2), (5, 3, 2), (10, 4, 3), (25, 5, 5)] {
        let weights = vec![1.0; hidden];
        let canvas = features(&weights, square(1, 1), zoom(1)).unwrap();
        assert_eq!((canvas.width, canvas.height), (2 * columns + 1, 2 * lines + 1), "{hidden} units");
    }
}

#[test]
fn a_unit_without_weights_is_grey() {
    let canvas = features(&[0.0], square(1, 1), zoom(1)).unwrap();
    assert_eq!(canvas.pixels[4], 128);
}

#[test]
fn colours_stay_together_and_pixels_are_enlarged() {
    let weights = [1.0, 0.0, -1.0];
    let canvas = features(&weights, square(1, 3), zoom(2)).unwrap();
    assert_eq!((canvas.width, canvas.height), (6, 6));
    for (x, y) in [(2, 2), (3, 2), (2, 3), (3, 3)] {
        assert_eq!(canvas.pixels[(y * 6 + x) * 3..][..3], [255, 128, 0]);
    }
    assert_eq!(canvas.pixels.iter().filter(|&&byte| byte > 0).count(), 8);
}

#[test]
fn large_pictures_are_not_enlarged_unless_asked_for() {
    let weights = vec![1.0; 400 * 2500];
    let tile = square(20, 1);
    assert_eq!(features(&weights, tile, Layout::default()).unwrap().width, (50 * 21 + 1) * 3);
    assert_eq!(features(&weights, tile, zoom(1)).unwrap().width, 50 * 21 + 1);
    let error = features(&weights, tile, zoom(1000)).unwrap_err();
    assert!(error.to_string().contains("`zoom` 1000: 1051 patch pixels"), "{error}");
}

#[test]
fn features_that_no_picture_has_room_for_are_known_before_there_is_a_model() {
    let tile = |side| square(side, 1);
    assert_eq!(too_large(128 * 128, tile(254), Layout::default()), None);
    let reason = too_large(128 * 128, tile(255), Layout::default()).unwrap();
    assert!(reason.contains("16384 pictures of 255×255 pixels take 32769 pixels a side"), "{reason}");
    assert!(too_large(usize::MAX, tile(usize::MAX), Layout::default()).is_some());
}

#[test]
fn the_patch_comes_from_the_preprocessing_or_is_a_grey_square() {
    let rows = Preprocess { scale: Scale::Pixels, ..Preprocess::AS_IS };
    let color = Preprocess { patch: Some(4), channels: Some(3), ..rows.clone() };
    assert_eq!(form_of(Some(&color), 48), Some(square(4, 3)));
    assert_eq!(form_of(Some(&rows), 784), Some(square(28, 1)));
    assert_eq!(form_of(None, 9), Some(square(3, 1)));
    assert_eq!(form_of(None, 10), None);
}

#[test]
fn rows_have_the_form_that_was_said_and_pictures_of_them_need_be_no_squares() {
    let form: Form = "2x3".parse().unwrap();
    let rows = Preprocess { form: Some(form), ..Preprocess::AS_IS };
    assert_eq!(form_of(Some(&rows), 6), Some(form));
    assert_eq!(form_of(Some(&rows), 9), None);
    let canvas = features(&[1.0, 0.0, 0.0, 0.0, 0.0, -1.0], form, zoom(1)).unwrap();
    assert_eq!((canvas.width, canvas.height), (5, 4));
    #[rustfmt::skip]
    let wanted = [
        0, 0, 0, 0, 0,
        0, 255, 128, 128, 0,
        0, 128, 128, 0, 0,
        0, 0, 0, 0, 0,
    ];
    assert_eq!(canvas.pixels, wanted);
}

#[test]
fn photographs_clip_and_whitened_ones_are_centred() {
    let pixels = vec![-0.5, 0.0, 0.5, 2.0];
    let picture = Picture { name: PathBuf::new(), width: 2, height: 2, channels: 1, pixels };
    assert_eq!(photograph(&picture, false).pixels, [0, 0, 128, 255]);
    assert_eq!(photograph(&picture, true).pixels, [96, 128, 159, 255]);
}

#[test]
fn features_stand_in_rows_of_any_length() {
    let tile = square(1, 1);
    let in_rows = |count: usize, per_row: usize| {
        let layout = Layout { per_row: Some(per_row), zoom: Some(1) };
        features(&vec![1.0; count], tile, layout).map(|canvas| (canvas.width, canvas.height))
    };
    assert_eq!(in_rows(10, 5).unwrap(), (11, 5));
    assert_eq!(in_rows(10, 1).unwrap(), (3, 21));
    assert_eq!(in_rows(10, 99).unwrap(), (21, 3), "no wider than there are features");
    assert!(in_rows(10, 0).unwrap_err().to_string().contains("`per_row` 0"));
    assert!(in_rows(20_000, 1).unwrap_err().to_string().contains("take 40001 pixels a side"));
}

#[test]
fn as_many_features_are_drawn_as_can_be_looked_at() {
    assert_eq!(usual_count(4096, square(8, 1)), 4096);
    assert_eq!(usual_count(16_384, square(28, 1)), 4096);
    assert_eq!(usual_count(16_384, square(100, 3)), 40 * 40);
    assert_eq!(usual_count(16_384, square(5000, 1)), 1);
    // Which fits without being asked for a zoom.
    let canvas = features(&vec![0.5; 4096 * 64], square(8, 1), Layout::default()).unwrap();
    assert!(canvas.width <= 4096 && canvas.width > 3000, "{}", canvas.width);
}

#[test]
fn rows_whose_neighbours_are_unlike_are_no_pictures_unless_it_is_said() {
    let neighbours = |across, down, ends, any| Some(Neighbours { across, down, ends: Some(ends), any });
    let rows = |neighbours| Preprocess { neighbours, ..Preprocess::AS_IS };
    let digits = rows(neighbours(0.33, 0.52, -0.005, -0.002));
    assert_eq!(form_of(Some(&digits), 64), Some(square(8, 1)));
    let noise = rows(neighbours(0.01, -0.001, 0.0, 0.0));
    assert_eq!(form_of(Some(&noise), 36), None);
    let why = why_no_form(Some(&noise), 36);
    assert!(why.contains("by 0.01 across and 0.00 down, any two by 0.00"), "{why}");
    let series = rows(neighbours(0.97, 0.83, 0.98, 0.67));
    assert_eq!(form_of(Some(&series), 64), None);
    assert!(why_no_form(Some(&series), 64).contains("as in a series, by 0.98"));
    let said = Preprocess { form: Some(square(6, 1)), ..noise };
    assert_eq!(form_of(Some(&said), 36), Some(square(6, 1)));
    assert!(why_no_form(None, 192).contains("192 numbers are no square"));
}
