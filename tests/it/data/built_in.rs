//! The dead-leaves pictures.

use rhohat::data::{Picture, Source};

fn built_in(seed: u64) -> Vec<Picture> {
    let Source::Images(pictures) = Source::built_in(seed) else { panic!("built-in data are images") };
    (0..pictures.list().len()).map(|number| pictures.read(number).unwrap()).collect()
}

/// FNV-1a over the bits of all pixels.
fn hash(pictures: &[Picture]) -> u64 {
    let bytes =
        pictures.iter().flat_map(|picture| &picture.pixels).flat_map(|pixel| pixel.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn there_are_ten_of_512_by_512_in_grey_between_0_and_1() {
    let pictures = built_in(1);
    assert_eq!(pictures.len(), 10);
    for picture in &pictures {
        assert_eq!((picture.width, picture.height, picture.channels), (512, 512, 1));
        assert_eq!(picture.pixels.len(), 512 * 512);
        assert!(picture.pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }
}

#[test]
fn every_platform_draws_these_bits() {
    assert_eq!(hash(&built_in(1)), 14_279_917_776_913_458_922);
    assert_eq!(hash(&built_in(2)), 12_306_883_643_607_580_696);
}

#[test]
fn no_two_pictures_are_alike() {
    let pictures = built_in(1);
    for (i, picture) in pictures.iter().enumerate() {
        assert!(pictures[..i].iter().all(|other| other.pixels != picture.pixels));
    }
}

/// Mean power of the pictures over the horizontal frequencies `band` / 512 cycles/pixel, straight from the definition.
fn power(pictures: &[Vec<f64>], band: std::ops::Range<usize>) -> f64 {
    let mut sum = 0.0;
    for picture in pictures {
        let mut profile = vec![0.0; 512];
        picture.iter().enumerate().for_each(|(i, pixel)| profile[i % 512] += pixel);
        for k in band.clone() {
            let angle = |x: usize| std::f64::consts::TAU * (k * x % 512) as f64 / 512.0;
            let real: f64 = profile.iter().enumerate().map(|(x, p)| p * angle(x).cos()).sum();
            let imaginary: f64 = profile.iter().enumerate().map(|(x, p)| p * angle(x).sin()).sum();
            sum += real * real + imaginary * imaginary;
        }
    }
    sum / (pictures.len() * band.len()) as f64
}

#[test]
fn whitening_flattens_their_steep_spectrum() {
    let source = Source::built_in(1);
    let spectrum_falls = |whiten: bool| {
        let recipe = rhohat::data::Preprocess {
            patch: Some(512),
            channels: Some(1),
            whiten,
            ..super::untouched(rhohat::data::Normalize::None)
        };
        let whole = source.apply::<f64>(&recipe).unwrap().matrix;
        let pictures: Vec<Vec<f64>> = (0..whole.rows).map(|i| whole.row(i).to_vec()).collect();
        power(&pictures, 12..24) / power(&pictures, 96..144)
    };
    // A straight edge has power ∝ f⁻²; curved ones fall faster still: at least (120/18)² = 44.
    let (raw, white) = (spectrum_falls(false), spectrum_falls(true));
    assert!(raw > 44.0, "raw pictures fall by {raw}");
    // The filter's power at 120/512 over that at 18/512 is 44·exp(−2(0.234/0.4)⁴) = 35, and a little less or more
    // across the bands, which reach a fifth to either side and more.
    let flattened = raw / white;
    assert!((25.0..50.0).contains(&flattened), "{raw} became {white}, flatter by {flattened}");
}
