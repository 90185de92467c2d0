//! Decoded pixels as they lie, and how the numbers of a model are made of them: f32 in [0, 1] first, as pictures of every
//! source are, then f64 in the channels that the model sees.

use std::sync::Arc;

/// The pixels of one picture.
#[derive(Debug)]
pub struct Pixels {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Numbers of a pixel, of which those behind the channels are transparency.
    pub stride: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// `[height, width, stride]`.
    pub data: PixelData,
}

/// The numbers of a picture, of one type.
#[derive(Debug)]
pub enum PixelData {
    /// 255 is 1.
    Bytes(Vec<u8>),
    /// 65 535 is 1.
    Words(Vec<u16>),
    /// As they are.
    Floats(Arc<Vec<f32>>),
}

impl Pixels {
    /// Writes `out`, `[pixels, channels]` in grey (1) or colour (3), from pixel `first` on; a grey picture is repeated in all
    /// three channels.
    pub fn write(&self, first: usize, channels: usize, out: &mut [f64]) {
        let start = first * self.stride;
        match &self.data {
            PixelData::Bytes(bytes) => self.convert(&bytes[start..], channels, out, |x| f32::from(x) / 255.0),
            PixelData::Words(words) => {
                self.convert(&words[start..], channels, out, |x| f32::from(x) / 65_535.0)
            }
            PixelData::Floats(floats) => self.convert(&floats[start..], channels, out, |x| x),
        }
    }

    fn convert<T: Copy>(&self, from: &[T], channels: usize, out: &mut [f64], single: impl Fn(T) -> f32) {
        let double = |x: T| f64::from(single(x));
        let pixels = from.chunks_exact(self.stride).zip(out.chunks_exact_mut(channels));
        match (self.channels, channels) {
            (3, 1) => pixels
                .for_each(|(pixel, out)| out[0] = luma(double(pixel[0]), double(pixel[1]), double(pixel[2]))),
            (1, 3) => pixels.for_each(|(pixel, out)| out.fill(double(pixel[0]))),
            _ => pixels.for_each(|(pixel, out)| {
                out.iter_mut().zip(pixel).for_each(|(out, &x)| *out = double(x));
            }),
        }
    }

    /// All numbers in f32, transparency left out.
    pub fn single(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.width * self.height * self.channels);
        let mut line = vec![0.0; self.width * self.channels];
        for y in 0..self.height {
            self.write(y * self.width, self.channels, &mut line);
            values.extend(line.iter().map(|&x| x as f32));
        }
        values
    }
}

/// Grey of red, green and blue as Rec. 601 weighs them, like MATLAB's `rgb2gray` and Pillow's `L`.
fn luma(red: f64, green: f64, blue: f64) -> f64 {
    0.299 * red + 0.587 * green + 0.114 * blue
}
