//! Models of patches on whole pictures: what `convolve` makes at a position is what `encode` makes of the patch that
//! lies there, whatever the preprocessing, and features are the means of that.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::{Data, Error, Form, Matrix, Model, Normalize, Pool, Trainer, WhiteningKind};
use tempfile::{TempDir, tempdir};

use crate::support;

/// Side of the patches.
const PATCH: usize = 4;
/// Sigmoid codes in f32 of sums of at most 48 products, of weights that may be folded: some 2⁻²⁴ times their sizes,
/// which here stay below 50, times a slope of at most 1/4.
const CODE: f64 = 5e-6;

/// A stack of pictures `[count, height, width, channels]` with values from 0 to 1.
#[derive(Clone)]
struct Stack {
    count: usize,
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<f32>,
}

impl Stack {
    /// Waves, of which each picture has its own, and noise.
    fn waves(count: usize, (height, width): (usize, usize), channels: usize, seed: u32) -> Self {
        let mut noise = 2_463_534_242 ^ seed.wrapping_mul(2_654_435_761);
        let value = |i: usize| {
            let (channel, x, y) = (i % channels, i / channels % width, i / channels / width % height);
            let picture = (i / channels / width / height) as f32 + seed as f32 * 0.37;
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let wave = ((x as f32) * (0.5 + 0.1 * picture) + (y as f32) * 0.8 + channel as f32).sin();
            0.5 + 0.35 * wave + 0.1 * (noise as f32 / u32::MAX as f32 - 0.5)
        };
        let values = (0..count * height * width * channels).map(value).collect();
        Self { count, height, width, channels, values }
    }

    /// The patches at every position, `step` pixels apart, as rows `[positions, PATCH, PATCH, channels]`.
    fn patches(&self, step: usize) -> Vec<f32> {
        let &Self { count, height, width, channels, .. } = self;
        let mut rows = Vec::new();
        for picture in 0..count {
            for y in (0..=height - PATCH).step_by(step) {
                for x in (0..=width - PATCH).step_by(step) {
                    for line in y..y + PATCH {
                        let start = ((picture * height + line) * width + x) * channels;
                        rows.extend_from_slice(&self.values[start..start + PATCH * channels]);
                    }
                }
            }
        }
        rows
    }

    /// Writes `.npy`.
    fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let Self { count, height, width, channels, values } = self;
        let colour = if *channels == 3 { ", 3" } else { "" };
        let shape = format!("({count}, {height}, {width}{colour})");
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        header.extend(std::iter::repeat_n(' ', 117 - header.len()));
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\0".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn data(&self, folder: &Path, name: &str) -> Data {
        Data::open(self.write(folder, name)).unwrap()
    }
}

/// How the examples of a model are made.
#[derive(Clone, Copy, Debug)]
enum Made {
    By(Normalize),
    White(WhiteningKind, Normalize),
}

/// All kinds of preprocessing.
const ALL: [Made; 10] = [
    Made::By(Normalize::Lecture),
    Made::By(Normalize::Unit),
    Made::By(Normalize::MinMax),
    Made::By(Normalize::Standard),
    Made::By(Normalize::Mean),
    Made::By(Normalize::None),
    Made::White(WhiteningKind::Zca, Normalize::None),
    Made::White(WhiteningKind::Zca, Normalize::Unit),
    Made::White(WhiteningKind::Pca, Normalize::Standard),
    Made::White(WhiteningKind::Olshausen, Normalize::Lecture),
];

fn model(folder: &Path, made: Made, channels: usize) -> Model {
    let pictures = Stack::waves(6, (23, 19), channels, 1).data(folder, "training.npy");
    let data = pictures.patches(PATCH, 400).color(channels == 3);
    let data = match made {
        Made::By(normalize) => data.normalize(normalize),
        Made::White(kind, normalize) => {
            let data = data.normalize(normalize).whitening(kind);
            if kind == WhiteningKind::Pca { data.variance(0.95) } else { data }
        }
    };
    Trainer::new(7).rho(0.2).steps(8).device("cpu").fit(&data).unwrap().model
}

/// Features by the formula, of codes `[pictures · down · across, h]`.
fn pooled(codes: &Matrix<f32>, pictures: usize, [down, across]: [usize; 2], side: usize) -> Vec<f64> {
    let (u, v) = (down / side, across / side);
    let mut features = Vec::new();
    for picture in 0..pictures {
        for unit in 0..codes.cols {
            for region in 0..u * v {
                let (top, left) = (region / v * side, region % v * side);
                let places = (0..side * side).map(|at| (top + at / side, left + at % side));
                let code =
                    |(y, x): (usize, usize)| f64::from(codes.row((picture * down + y) * across + x)[unit]);
                features.push(places.map(code).sum::<f64>() / (side * side) as f64);
            }
        }
    }
    features
}

fn farthest(found: &[f32], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let off = found.iter().zip(wanted).map(|(&x, y)| (f64::from(x) - y).abs());
    off.fold(0.0, |most, off| if off <= most { most } else { off })
}

fn folder() -> TempDir {
    tempdir().unwrap()
}

#[test]
fn features_are_the_pooled_codes_that_encode_makes_of_the_patch_at_each_position() {
    let folder = folder();
    let at = folder.path();
    let sizes = [(4, 4), (9, 13), (17, 6), (12, 12), (4, 21)];
    for (number, made) in ALL.into_iter().enumerate() {
        for channels in [1, 3] {
            let model = model(at, made, channels);
            for (turn, size) in sizes.into_iter().enumerate() {
                let stack = Stack::waves(3, size, channels, (7 * number + turn) as u32);
                let pictures = stack.data(at, "pictures.npy");
                // Filtered as wholes, pictures have other patches than those cut here: side by side alone they are
                // those of encode.
                let is_filtered = matches!(made, Made::White(WhiteningKind::Olshausen, _));
                let step = if is_filtered { PATCH } else { 1 + (number + turn) % 3 };
                let positions = [size.0, size.1].map(|size| (size - PATCH) / step + 1);
                let codes = if is_filtered {
                    model.encode(&pictures).unwrap()
                } else {
                    let rows = Data::from_rows(stack.patches(step), PATCH * PATCH * channels).unwrap();
                    model.encode(&rows).unwrap()
                };
                for side in 1..=positions[0].min(positions[1]).min(4) {
                    let pool = Pool::new(side).step(step);
                    let features = model.convolve(&pictures, pool).unwrap();
                    let wanted = pooled(&codes, 3, positions, side);
                    let off = farthest(&features.values, &wanted);
                    assert!(off <= CODE, "{made:?} {channels} {size:?} {side} {step}: {off:e}");
                    let regions: usize = positions.iter().map(|count| count / side).product();
                    assert_eq!((features.rows, features.cols), (3, 7 * regions));
                }
            }
        }
    }
}

#[test]
fn where_nothing_is_folded_features_of_one_position_have_the_bits_of_codes() {
    let folder = folder();
    for made in [Made::By(Normalize::Lecture), Made::By(Normalize::None)] {
        let model = model(folder.path(), made, 3);
        let stack = Stack::waves(2, (11, 9), 3, 5);
        let rows = Data::from_rows(stack.patches(1), PATCH * PATCH * 3).unwrap();
        let codes = model.encode(&rows).unwrap();
        let features = model.convolve(&stack.data(folder.path(), "pictures.npy"), Pool::new(1)).unwrap();
        let wanted: Vec<f32> = pooled(&codes, 2, [8, 6], 1).iter().map(|&x| x as f32).collect();
        assert_eq!(features.values, wanted, "{made:?}");
    }
}

#[test]
fn a_model_whose_weights_would_cancel_once_they_are_folded_is_not_folded() {
    let folder = folder();
    // Flat but for one part in 10⁵: decorrelated with next to no ε its weights are multiplied by as much.
    let flat =
        |stack: Stack| Stack { values: stack.values.iter().map(|x| 0.5 + 1e-5 * x).collect(), ..stack };
    let training = flat(Stack::waves(6, (23, 19), 1, 1)).data(folder.path(), "training.npy");
    let data = training.patches(PATCH, 400).normalize(Normalize::None).whitening(WhiteningKind::Zca);
    let trainer = Trainer::new(7).rho(0.2).steps(8).device("cpu");
    let model = trainer.fit(&data.epsilon(1e-14)).unwrap().model;
    let stack = flat(Stack::waves(2, (9, 9), 1, 4));
    let codes = model.encode(&Data::from_rows(stack.patches(1), PATCH * PATCH).unwrap()).unwrap();
    let features = model.convolve(&stack.data(folder.path(), "pictures.npy"), Pool::new(3)).unwrap();
    let off = farthest(&features.values, &pooled(&codes, 2, [6, 6], 3));
    assert!(off <= CODE, "{off:e}");
}

#[test]
fn a_model_of_rows_that_are_square_pictures_is_one_of_patches() {
    let folder = folder();
    let rows = Stack::waves(4, (20, 20), 1, 2).patches(2);
    let form = Form { height: PATCH, width: PATCH, channels: 1 };
    let data = Data::from_rows(rows, PATCH * PATCH).unwrap().shape(form).normalize(Normalize::Standard);
    let model = Trainer::new(5).rho(0.2).steps(8).device("cpu").fit(&data).unwrap().model;
    let stack = Stack::waves(2, (8, 10), 1, 3);
    let codes = model.encode(&Data::from_rows(stack.patches(1), PATCH * PATCH).unwrap()).unwrap();
    let features = model.convolve(&stack.data(folder.path(), "pictures.npy"), Pool::new(2)).unwrap();
    let off = farthest(&features.values, &pooled(&codes, 2, [5, 7], 2));
    assert!(off <= CODE, "{off:e}");
}

#[test]
fn features_come_picture_after_picture_and_are_the_same_on_every_device() {
    let folder = folder();
    let model = model(folder.path(), Made::White(WhiteningKind::Zca, Normalize::None), 3);
    // More positions than are computed at a time.
    let pictures = Stack::waves(5, (40, 50), 3, 9).data(folder.path(), "pictures.npy");
    let pool = Pool::new(9);
    let whole = model.convolve(&pictures, pool).unwrap();
    let mut convolved = model.convolved(&pictures, pool).unwrap();
    assert_eq!((convolved.pictures(), convolved.positions(), convolved.shape()), (5, [37, 47], [7, 4, 5]));
    let (mut found, mut pieces) = (Vec::new(), 0);
    while let Some(features) = convolved.next_features().unwrap() {
        assert!(features.len().is_multiple_of(convolved.features()));
        found.extend(features);
        pieces += 1;
    }
    assert!(pieces > 1);
    assert_eq!(found, whole.values);
    let wanted: Vec<f64> = whole.values.iter().map(|&x| f64::from(x)).collect();
    let mut devices = vec!["reference"];
    devices.extend(support::software("features on a device").map(|_| "software"));
    let mut model = model;
    for device in devices {
        model = model.device(device);
        let off = farthest(&model.convolve(&pictures, pool).unwrap().values, &wanted);
        assert!(off <= CODE, "{device}: {off:e}");
    }
}

#[test]
fn what_is_no_stack_of_pictures_for_patches_is_refused_with_the_way_out() {
    let folder = folder();
    let at = folder.path();
    let of_patches = model(at, Made::By(Normalize::None), 1);
    let pictures = |size| Stack::waves(2, size, 1, 1).data(at, &format!("{size:?}.npy"));
    let refused = |model: &Model, data: &Data, pool: Pool, code: u8, words: &[&str]| {
        let error: Error = model.convolve(data, pool).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.exit_code(), code, "{text}");
        assert!(words.iter().all(|words| text.contains(words)), "{text}");
    };
    let small = pictures((3, 30));
    refused(&of_patches, &small, Pool::new(1), 3, &["30×3 pixels are smaller", "4×4", "larger pictures"]);
    let usual = pictures((10, 12));
    refused(&of_patches, &usual, Pool::new(8), 2, &["`pool` 8", "9×7 of a picture", "at most 7"]);
    refused(&of_patches, &usual, Pool::new(0), 2, &["`pool` 0", "1 pools nothing"]);
    refused(&of_patches, &usual, Pool::new(1).step(0), 2, &["`step` 0"]);
    let both = Data::open_all([at.join("(10, 12).npy"), at.join("(3, 30).npy")]).unwrap();
    refused(&of_patches, &both, Pool::new(1), 3, &["30×3 pixels, but", "has 12×10", "one size"]);
    let rows = Data::from_rows(vec![0.5; 160], 16).unwrap();
    refused(&of_patches, &rows, Pool::new(1), 3, &["these are rows", "`as` pictures"]);
    let trainer = || Trainer::new(3).steps(1).device("cpu");
    let many = Stack::waves(1, (20, 20), 1, 2).patches(1);
    let of_rows = trainer().fit(&Data::from_rows(many.clone(), 16).unwrap()).unwrap().model;
    refused(&of_rows, &usual, Pool::new(1), 3, &["trained on rows", "`shape` 8x8"]);
    let oblong = Form { height: 2, width: 8, channels: 1 };
    let oblong = trainer().fit(&Data::from_rows(many.clone(), 16).unwrap().shape(oblong)).unwrap().model;
    refused(&oblong, &usual, Pool::new(1), 3, &["form 2x8", "patches are square"]);
    let square = Form { height: 4, width: 4, channels: 1 };
    let divided = Data::from_rows(many, 16).unwrap().shape(square).divide(10.0).unwrap();
    refused(&trainer().fit(&divided).unwrap().model, &usual, Pool::new(1), 3, &["divided by 10", "white"]);
}
