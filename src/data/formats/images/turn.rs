//! Pictures turned and mirrored as the orientation in their files asks for.

use image::metadata::Orientation;

use super::header::ImageHeader;

/// Numbers of a picture of `(width, height)` pixels as it lies in its file, in the order of the picture as it is shown.
pub fn turned<T: Copy>(numbers: Vec<T>, &(width, height): &(usize, usize), header: &ImageHeader) -> Vec<T> {
    use Orientation::{
        FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180, Rotate270,
        Rotate270FlipH,
    };
    if header.orientation == NoTransforms {
        return numbers;
    }
    let (right, bottom) = (width - 1, height - 1);
    // The place in the file of a pixel that is shown at (x, y).
    let from = |x: usize, y: usize| match header.orientation {
        NoTransforms => (x, y),
        FlipHorizontal => (right - x, y),
        Rotate180 => (right - x, bottom - y),
        FlipVertical => (x, bottom - y),
        Rotate90FlipH => (y, x),
        Rotate90 => (y, bottom - x),
        Rotate270FlipH => (right - y, bottom - x),
        Rotate270 => (right - y, x),
    };
    let stride = numbers.len() / (width * height);
    let mut out = Vec::with_capacity(numbers.len());
    for y in 0..header.height {
        for x in 0..header.width {
            let (x, y) = from(x, y);
            out.extend_from_slice(&numbers[(y * width + x) * stride..][..stride]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GenericImageView, RgbImage};
    use proptest::prelude::*;

    use super::super::header::swaps;
    use super::*;

    proptest! {
        /// The library that turns pictures of the other kinds is the oracle.
        #[test]
        fn every_orientation_is_that_of_the_other_kinds(width in 1_usize..7, height in 1_usize..7, code in 1_u8..9) {
            let orientation = Orientation::from_exif(code).unwrap();
            let bytes: Vec<u8> = (0..width * height * 3).map(|i| (i * 7 % 251) as u8).collect();
            let mut expected: DynamicImage =
                RgbImage::from_raw(width as u32, height as u32, bytes.clone()).unwrap().into();
            expected.apply_orientation(orientation);
            let (mut shown, size) = ((width, height), (width, height));
            if swaps(orientation) {
                shown = (height, width);
            }
            let header = ImageHeader {
                width: shown.0, height: shown.1, channels: 3, orientation, pixel: 3, decoder: 0, is_float: false, count: 1,
            };
            prop_assert_eq!(expected.dimensions(), (shown.0 as u32, shown.1 as u32));
            prop_assert_eq!(turned(bytes, &size, &header), expected.into_bytes());
        }
    }
}
