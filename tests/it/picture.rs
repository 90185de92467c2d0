//! Pictures of features and reconstructions.

use std::path::PathBuf;

use rhohat::data::{Form, Picture, Preprocess, Scale};
use rhohat::run::picture::{features, form_of, photograph, too_large};

/// Squares of `side` pixels.
fn square(side: usize, channels: usize) -> Form {
    Form { height: side, width: side, channels }
}

#[test]
fn a_feature_is_scaled_by_its_own_largest_value_and_framed_in_black() {
    let weights = [2.0, -2.0, 0.0, 1.0, 0.1, 0.0, 0.0, -0.1];
    let canvas = features(&weights, square(2, 1), Some(1)).unwrap();
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
        let canvas = features(&weights, square(1, 1), Some(1)).unwrap();
        assert_eq!((canvas.width, canvas.height), (2 * columns + 1, 2 * lines + 1), "{hidden} units");
    }
}

#[test]
fn a_unit_without_weights_is_grey() {
    let canvas = features(&[0.0], square(1, 1), Some(1)).unwrap();
    assert_eq!(canvas.pixels[4], 128);
}

#[test]
fn colours_stay_together_and_pixels_are_enlarged() {
    let weights = [1.0, 0.0, -1.0];
    let canvas = features(&weights, square(1, 3), Some(2)).unwrap();
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
    assert_eq!(features(&weights, tile, None).unwrap().width, (50 * 21 + 1) * 3);
    assert_eq!(features(&weights, tile, Some(1)).unwrap().width, 50 * 21 + 1);
    let error = features(&weights, tile, Some(1000)).unwrap_err();
    assert!(error.to_string().contains("`scale` 1000: 1051 patch pixels"), "{error}");
}

#[test]
fn features_that_no_picture_has_room_for_are_known_before_there_is_a_model() {
    let tile = |side| square(side, 1);
    assert_eq!(too_large(128 * 128, tile(254)), None);
    let reason = too_large(128 * 128, tile(255)).unwrap();
    assert!(reason.contains("16384 pictures of 255×255 pixels take 32769 pixels a side"), "{reason}");
    assert!(too_large(usize::MAX, tile(usize::MAX)).is_some());
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
    let canvas = features(&[1.0, 0.0, 0.0, 0.0, 0.0, -1.0], form, Some(1)).unwrap();
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
