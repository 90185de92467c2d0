//! A picture made ready for cutting: f64, in the channels that the model sees, whitened where it asks for that.

use rayon::prelude::*;

use super::Picture;
use super::whiten::{Planner, whiten};

/// What patches are cut from.
pub struct Field<'a> {
    /// The picture it was made of, for its size and name.
    pub picture: &'a Picture,
    /// 1 or 3.
    pub channels: usize,
    /// `[height, width, channels]`.
    pub values: Vec<f64>,
}

/// Makes all pictures ready, in their order.
pub fn prepare(pictures: &[Picture], channels: usize, whitened: bool) -> Vec<Field<'_>> {
    let ready = |planner: &mut Planner, picture| {
        let mut values = with_channels(picture, channels);
        if whitened {
            whiten(planner, &mut values, picture.width, channels);
        }
        Field { picture, channels, values }
    };
    pictures.par_iter().map_init(Planner::new, ready).collect()
}

/// The pixels in grey (1) or colour (3); a grey picture is repeated in all three channels.
fn with_channels(picture: &Picture, channels: usize) -> Vec<f64> {
    let pixels = picture.pixels.iter().map(|&x| f64::from(x));
    match (picture.channels, channels) {
        (3, 1) => picture.pixels.chunks_exact(3).map(luma).collect(),
        (1, 3) => pixels.flat_map(|grey| [grey; 3]).collect(),
        _ => pixels.collect(),
    }
}

/// Grey of a red, green and blue pixel as Rec. 601 weighs them, like MATLAB's `rgb2gray` and Pillow's `L`.
fn luma(pixel: &[f32]) -> f64 {
    0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2])
}
