//! Pictures that are decoded one by one: the bits of pictures that are decoded at once, in whatever memory.

use std::fs;
use std::sync::Arc;

use image::{DynamicImage, GenericImageView};
use rhohat::data::batches::{Dataset, RowSelection};
use rhohat::data::{DataRecipe, Examples, GridRows, Normalize, Picture, Pictures, Preprocess, Scale, Source};
use rhohat::io::memory::Bytes;

use super::{fixture, plain, untouched};

/// A folder of four fixtures: 16×12 pixels in grey, colour, colour by a palette, and grey of 16 bits.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["color.png", "deep.png", "grey.png", "palette.png"] {
        fs::copy(fixture(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn pictures(source: &Source) -> Arc<Pictures> {
    let Source::Images(pictures) = source else { panic!("pictures") };
    Arc::clone(pictures)
}

/// FNV-1a over the bits of numbers in f32.
fn hash(examples: &Examples<f32>) -> u64 {
    let bytes = examples.matrix.values.iter().flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What 0.1.0 wrote under `--save-patches` with these settings.
#[test]
fn patches_are_those_of_version_0_1_0() {
    let folder = folder();
    let source = Source::open(folder.path()).unwrap();
    let drawn = |source: &Source, recipe: DataRecipe| hash(&source.training_set(&recipe).unwrap());
    let raw = DataRecipe { seed: 7, ..plain(5, 300) };
    assert_eq!(drawn(&source, raw.clone()), 5_740_735_105_219_860_925);
    assert_eq!(drawn(&source, DataRecipe { color: true, ..raw }), 9_103_890_469_223_960_068);
    let white = DataRecipe { seed: 8, whiten: true, normalize: Normalize::Lecture, ..plain(4, 200) };
    assert_eq!(drawn(&source, white.clone()), 13_148_086_476_620_091_543);
    assert_eq!(drawn(&source, DataRecipe { color: true, ..white }), 6_713_658_188_117_172_198);
    let deep = Source::open(&fixture("deep.png")).unwrap();
    let unit = DataRecipe { seed: 3, whiten: true, normalize: Normalize::Unit, ..plain(12, 40) };
    assert_eq!(drawn(&deep, unit), 109_094_800_651_040_240);
    let lecture = DataRecipe { seed: 2, whiten: true, normalize: Normalize::Lecture, ..plain(8, 500) };
    assert_eq!(drawn(&Source::built_in(2), lecture), 11_441_843_507_967_723_375);
}

#[test]
fn how_many_pictures_are_under_way_changes_no_bit() {
    let folder = folder();
    let source = Source::open(folder.path()).unwrap();
    let recipe = DataRecipe { whiten: true, normalize: Normalize::Lecture, ..plain(4, 200) };
    let free: Examples<f64> = source.training_set(&recipe).unwrap();
    let need = pictures(&source).largest(&free.preprocess).bytes;
    for memory in [need, Bytes(2 * need.0), Bytes(1 << 40)] {
        let within: Examples<f64> = source.training_set_within(&recipe, Some(memory)).unwrap();
        assert_eq!(within.matrix, free.matrix);
    }
    let error = source.training_set_within::<f64>(&recipe, Some(Bytes(need.0 - 1))).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    assert!(
        text.contains("16×12 pixels take") && text.contains("whitened") && text.contains("scale it down"),
        "{text}"
    );
}

#[test]
fn rows_on_a_grid_come_in_any_pieces_with_the_bits_of_all() {
    let folder = folder();
    let source = Source::open(folder.path()).unwrap();
    for normalize in [Normalize::None, Normalize::Lecture, Normalize::Unit] {
        let grid = Preprocess { patch: Some(3), channels: Some(3), whiten: true, ..untouched(normalize) };
        let whole: Examples<f64> = source.apply(&grid).unwrap();
        let mut rows = GridRows::new(pictures(&source), &grid, Some(Bytes(1 << 20))).unwrap();
        assert_eq!((rows.size(), rows.preprocess()), ((80, 27), &whole.preprocess));
        assert_eq!(rows.grids(), whole.grid.as_deref().unwrap());
        for range in [0..80, 0..7, 7..60, 19..21, 3..3, 79..80, 0..1] {
            let piece = rows.rows(range.clone()).unwrap();
            assert_eq!(piece.values, whole.matrix.values[range.start * 27..range.end * 27]);
            let means = if normalize == Normalize::Lecture { &whole.means[range] } else { &[] };
            assert_eq!(piece.means, means);
        }
        let mut out = vec![f32::NAN; 4 * 27];
        Dataset::numbers(&mut rows, &RowSelection::Listed(&[70, 3, 3, 41]), &mut out).unwrap();
        let listed = [70, 3, 3, 41].into_iter().flat_map(|row| whole.matrix.row(row)).map(|&x| x as f32);
        assert!(out.iter().copied().eq(listed));
        Dataset::numbers(&mut rows, &RowSelection::Range(30..34), &mut out).unwrap();
        assert!(out.iter().copied().eq(whole.matrix.values[30 * 27..34 * 27].iter().map(|&x| x as f32)));
    }
}

#[test]
fn numbers_of_every_kind_of_pixel_are_those_of_the_image_library() {
    let folder = tempfile::tempdir().unwrap();
    let noise = image::ImageBuffer::from_fn(300, 41, |x, y| {
        image::Rgba([0, 1, 2, 3].map(|channel| (x * 219 + y * 1_607 * (channel + 1) + 7 * channel) as u16))
    });
    let deep = DynamicImage::ImageRgba16(noise);
    let kinds = [
        deep.to_luma8().into(),
        deep.to_luma_alpha8().into(),
        deep.to_rgb8().into(),
        deep.to_rgba8().into(),
        deep.to_luma16().into(),
        deep.to_luma_alpha16().into(),
        deep.to_rgb16().into(),
        deep.clone(),
    ];
    for (number, image) in kinds.into_iter().enumerate() {
        let image: DynamicImage = image;
        let path = folder.path().join(format!("{number}.png"));
        image.save(&path).unwrap();
        let source = Source::open(&path).unwrap();
        let Picture { width, height, channels, pixels, .. } = pictures(&source).read(0).unwrap();
        assert_eq!((width as u32, height as u32), image.dimensions());
        let expected =
            if channels == 3 { image.to_rgb32f().into_raw() } else { image.to_luma32f().into_raw() };
        assert_eq!(pixels, expected, "{:?}", image.color());
    }
}

#[test]
fn of_pictures_that_are_one_patch_each_none_is_taken_twice() {
    let picture = |number: usize| Picture {
        name: format!("{number}").into(),
        width: 2,
        height: 2,
        channels: 1,
        pixels: vec![number as f32; 4],
    };
    let source: Source = (0..100).map(picture).collect::<Vec<_>>().into();
    let drawn = |samples| {
        let matrix = source.training_set::<f32>(&plain(2, samples)).unwrap().matrix;
        (0..matrix.rows).map(|row| matrix.row(row)[0] as usize).collect::<Vec<_>>()
    };
    for samples in [100, 10_000] {
        assert_eq!(drawn(samples), (0..100).collect::<Vec<_>>());
    }
    let some = drawn(40);
    assert_eq!(some.len(), 40);
    assert!(some.is_sorted_by(|a, b| a < b), "{some:?}");
    // Version 0.1.0 drew them like patches: what it saved of such pictures.
    let old = DataRecipe { replacement: true, ..plain(2, 300) };
    assert_eq!(hash(&source.training_set(&old).unwrap()), 6_551_224_957_522_848_773);
    // Of smaller patches, one may be drawn as often as chance has it.
    assert_eq!(source.training_set::<f32>(&plain(1, 10_000)).unwrap().matrix.rows, 10_000);
}

#[test]
fn pictures_come_back_as_they_were_from_a_model_that_divided_rows() {
    let source = Source::open(&fixture("grey.png")).unwrap();
    let divided = Scale::of(255.0).unwrap();
    let grid = Preprocess { patch: Some(4), channels: Some(1), scale: divided, ..untouched(Normalize::None) };
    let mut rows = GridRows::new(pictures(&source), &grid, None).unwrap();
    assert_eq!(rows.preprocess().scale, Scale::Pixels);
    let values = rows.rows(0..12).unwrap().values;
    let restored = rows.preprocess().restore(values.iter().map(|&x| x as f32).collect(), &[]);
    let again = rows.preprocess().pictures(&restored, rows.grids()).unwrap();
    assert_eq!(again[0].pixels, pictures(&source).read(0).unwrap().pixels);
}

#[test]
fn a_picture_that_has_changed_since_it_was_listed_is_refused() {
    let folder = folder();
    let source = Source::open(folder.path()).unwrap();
    fs::copy(fixture("dot.png"), folder.path().join("deep.png")).unwrap();
    let error = source.training_set::<f32>(&plain(4, 500)).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("deep.png: it has changed"), "{error}");
}

#[test]
fn what_a_grid_leaves_out_is_told_in_numbers() {
    let source = Source::open(&fixture("color.png")).unwrap();
    let text = pictures(&source).cropped(5).unwrap();
    assert!(text.contains("16×12 pixels") && text.contains("15×10 are taken, 1 column"), "{text}");
    assert!(text.contains("2 rows at the bottom"), "{text}");
    assert_eq!(pictures(&source).cropped(4), None);
}
