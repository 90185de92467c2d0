//! Pictures made ready for cutting, as many at once as fit into a given memory: decoded, and whitened where the model
//! asks for that. How many are made ready at a time changes no bit.

use std::ops::Range;
use std::sync::Arc;

use super::picture::PictureInfo;
use super::pictures::Pictures;
use super::pixels::Pixels;
use super::whiten::{self, whiten};
use crate::error::{Error, Result};
use crate::io::memory::{Bytes, available, is_given};
use crate::io::threads;
use crate::math::params::Real;

/// The form in which a picture lies ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// As it was decoded or whitened: each patch makes its own numbers of the pixels.
    #[default]
    AsMade,
    /// The numbers of all pixels in f64, for patches that overlap.
    Double,
    /// The same rounded to f32, for patches that nothing more is done to.
    Single,
}

impl Kept {
    /// Bytes of a number that is kept beside the picture as it was made.
    fn bytes(self) -> u64 {
        match self {
            Self::AsMade => 0,
            Self::Double => 8,
            Self::Single => 4,
        }
    }
}

/// A picture from which patches are cut.
#[derive(Debug)]
enum PreparedImage {
    /// The pixels as they were decoded.
    Plain(Pixels),
    /// Planes `[height, width]` of a whitened picture; one that stands for all channels where it is grey.
    White { width: usize, planes: Vec<Vec<f64>> },
    /// `[height, width, channels]` of the model.
    Double { width: usize, values: Vec<f64> },
    /// The same in f32.
    Single { width: usize, values: Vec<f32> },
}

impl PreparedImage {
    /// Makes a picture ready.
    fn of(pictures: &Pictures, number: usize, channels: usize, whitened: bool, kept: Kept) -> Result<Self> {
        let made = Self::made(pictures, number, channels, whitened)?;
        let &PictureInfo { width, height, .. } = &pictures.list()[number];
        Ok(match kept {
            Kept::AsMade => made,
            Kept::Double => Self::Double { width, values: made.values(width, height, channels) },
            Kept::Single => Self::Single { width, values: made.values(width, height, channels) },
        })
    }

    /// All numbers `[height, width, channels]`.
    fn values<T: Real>(&self, width: usize, height: usize, channels: usize) -> Vec<T> {
        let mut values = vec![T::from_f64(0.0); height * width * channels];
        let mut line = vec![0.0; width * channels];
        for (y, out) in values.chunks_exact_mut(width * channels).enumerate() {
            self.write((0, y), channels, &mut line);
            out.iter_mut().zip(&line).for_each(|(out, &x)| *out = T::from_f64(x));
        }
        values
    }

    /// Decodes a picture, and whitens it.
    fn made(pictures: &Pictures, number: usize, channels: usize, whitened: bool) -> Result<Self> {
        let pixels = pictures.decode(number)?;
        if !whitened {
            return Ok(Self::Plain(pixels));
        }
        let (width, count) = (pixels.width, channels.min(pixels.channels));
        let mut planes = Vec::with_capacity(count);
        for channel in 1..count {
            planes.push(whiten(whiten::plane(&pixels, channel - 1, count), width));
        }
        // The last one does without the pixels.
        let last = whiten::plane(&pixels, count - 1, count);
        drop(pixels);
        planes.push(whiten(last, width));
        Ok(Self::White { width, planes })
    }

    /// Writes the patch `[patch, patch, channels]` whose first pixel is (`left`, `top`).
    fn cut(&self, patch: usize, channels: usize, (left, top): (usize, usize), out: &mut [f64]) {
        for (y, line) in out.chunks_exact_mut(patch * channels).enumerate() {
            self.write((left, top + y), channels, line);
        }
    }

    /// The same in f32.
    fn cut_single(&self, patch: usize, channels: usize, (left, top): (usize, usize), out: &mut [f32]) {
        let mut double = [0.0; LINE];
        for (y, line) in out.chunks_exact_mut(patch * channels).enumerate() {
            if let Self::Single { width, values } = self {
                let start = ((top + y) * width + left) * channels;
                line.copy_from_slice(&values[start..start + line.len()]);
                continue;
            }
            for (part, line) in line.chunks_mut(LINE / channels * channels).enumerate() {
                let double = &mut double[..line.len()];
                self.write((left + part * (LINE / channels), top + y), channels, double);
                line.iter_mut().zip(double).for_each(|(out, x)| *out = *x as f32);
            }
        }
    }

    /// Writes neighbouring pixels `[pixels, channels]` of one row, from (`left`, `y`) on.
    fn write(&self, (left, y): (usize, usize), channels: usize, line: &mut [f64]) {
        match self {
            Self::Plain(pixels) => pixels.write(y * pixels.width + left, channels, line),
            Self::White { width, planes } => {
                let start = y * width + left;
                for (i, x) in line.iter_mut().enumerate() {
                    *x = planes[i % channels % planes.len()][start + i / channels];
                }
            }
            Self::Double { width, values } => {
                let start = (y * width + left) * channels;
                line.copy_from_slice(&values[start..start + line.len()]);
            }
            Self::Single { width, values } => {
                let start = (y * width + left) * channels;
                line.iter_mut().zip(&values[start..]).for_each(|(out, &x)| *out = f64::from(x));
            }
        }
    }
}

/// Small pictures that are made ready at a time, for each thread, and the bytes that they may take.
const MOST: usize = 64;
const SMALL: u64 = 32 << 20;
/// Numbers of a line that are rounded together.
const LINE: usize = 96;

/// Makes pictures ready in a given order.
#[derive(Debug)]
pub struct PreparedImages {
    pictures: Arc<Pictures>,
    /// Side of a patch, pixels.
    patch: usize,
    /// 1 or 3.
    channels: usize,
    whiten: bool,
    kept: Kept,
    /// Bytes that all that is under way may take.
    capacity: u64,
    /// Numbers of the pictures, in the order in which they will be asked for.
    order: Vec<usize>,
    /// Those that are ready: the place of the first in the order, and the images.
    ready: (usize, Vec<PreparedImage>),
}

impl PreparedImages {
    /// Pictures of `order`, ascending, in patches of `patch` × `patch` × `channels`. `memory` is what may be taken;
    /// `None` is what the machine has left.
    ///
    /// # Errors
    /// [`Error::Input`] with the numbers where one picture alone takes more.
    pub fn new(
        pictures: Arc<Pictures>,
        (patch, channels): (usize, usize),
        (whiten, kept): (bool, Kept),
        memory: Option<Bytes>,
        order: Vec<usize>,
    ) -> Result<Self> {
        let capacity = memory.or_else(available).map_or(u64::MAX, |bytes| bytes.0);
        let images =
            Self { pictures, patch, channels, whiten, kept, capacity, order, ready: (0, Vec::new()) };
        let largest = images.order.iter().rev().max_by_key(|&&number| images.bytes_of(number));
        match largest.map(|&number| (number, images.bytes_of(number))) {
            Some((number, bytes)) if bytes > capacity => {
                let picture = &images.pictures.list()[number];
                let fact = too_large(picture.width, picture.height, whiten, bytes);
                let there = format!("{} of memory are there for it", Bytes(capacity));
                Err(Error::input(&picture.name, format!("{fact}, but {there}; {}", remedy(whiten))))
            }
            _ => Ok(images),
        }
    }

    /// From now on `memory` may be taken, but for one picture alone; pictures that are ready are let go.
    pub fn set_capacity(&mut self, memory: Bytes) {
        self.capacity = memory.0;
        self.ready = (0, Vec::new());
    }

    /// Refuses rows of so many bytes that are to be in memory beside the pictures.
    pub fn check_beside(&self, bytes: u64) -> Result<()> {
        let largest = self.largest();
        if bytes.saturating_add(largest) <= self.capacity {
            return Ok(());
        }
        let needed = format!("{} for their patches and {} for one of them", Bytes(bytes), Bytes(largest));
        let fact = format!("pictures need {needed}, but {} of memory are there", Bytes(self.capacity));
        Err(Error::input(&self.pictures.list()[0].name, format!("{fact}; give fewer or smaller pictures")))
    }

    fn bytes_of(&self, number: usize) -> u64 {
        let &PictureInfo { width, height, .. } = &self.pictures.list()[number];
        let kept = self.kept.bytes() * (width * height * self.channels) as u64;
        self.pictures.bytes_of(number, self.channels, self.whiten) + kept
    }

    /// Most bytes that one picture takes while it is made ready.
    pub fn largest(&self) -> u64 {
        self.order.iter().map(|&number| self.bytes_of(number)).max().unwrap_or_default()
    }

    /// Writes the patch of the picture `number` whose first pixel is at `place`, across and down; the picture is made
    /// ready, and others after it as far as there is memory, unless it is.
    ///
    /// # Errors
    /// A file that is damaged, or has changed since it was listed.
    pub fn cut(&mut self, number: usize, place: (usize, usize), out: &mut [f64]) -> Result<()> {
        let at = self.order.partition_point(|&other| other < number);
        let ready = self.readied(at)?;
        self.ready.1[at - ready.start].cut(self.patch, self.channels, place, out);
        Ok(())
    }

    /// Makes the picture at the place `at` of the order ready, and others after it as far as there is memory, unless it
    /// is; hands back the places of those that are.
    ///
    /// # Errors
    /// As [`PreparedImages::cut`].
    pub fn readied(&mut self, at: usize) -> Result<Range<usize>> {
        if !self.ready().contains(&at) {
            self.make_ready(at)?;
        }
        Ok(self.ready())
    }

    /// The places in the order of pictures that are ready.
    fn ready(&self) -> Range<usize> {
        self.ready.0..self.ready.0 + self.ready.1.len()
    }

    /// As [`PreparedImages::cut`] of a picture that is ready, at the place `at` of the order.
    ///
    /// # Panics
    /// If it is not.
    pub fn cut_ready(&self, at: usize, place: (usize, usize), out: &mut [f64]) {
        self.ready.1[at - self.ready.0].cut(self.patch, self.channels, place, out);
    }

    /// The same in f32, rounded once.
    ///
    /// # Panics
    /// As there.
    pub fn cut_single(&self, at: usize, place: (usize, usize), out: &mut [f32]) {
        self.ready.1[at - self.ready.0].cut_single(self.patch, self.channels, place, out);
    }

    /// Lets those go that are ready, and makes others ready from `at` on.
    fn make_ready(&mut self, at: usize) -> Result<()> {
        self.ready = (at, Vec::new());
        let mut left = self.capacity;
        let fits = |number: &&usize| {
            let bytes = self.bytes_of(**number);
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        };
        let threads = threads::count();
        // One a thread; of small ones many, so that threads seldom wait for one another.
        let mut small = SMALL;
        let is_wanted = |(place, number): &(usize, &usize)| {
            small = small.saturating_sub(self.bytes_of(**number));
            *place < threads || (*place < MOST * threads && small > 0)
        };
        let wanted = self.order[at..].iter().enumerate().take_while(is_wanted);
        // The first one always: it has been found to fit.
        let count = wanted.map(|(_, number)| number).take_while(fits).count().max(1);
        let bytes = self.order[at..at + count].iter().map(|&number| self.bytes_of(number)).sum();
        if !is_given(bytes) {
            let name = &self.pictures.list()[self.order[at]].name;
            let fact = format!("out of memory: the system refuses {} for pictures", Bytes(bytes));
            return Err(Error::device(format!("{}: {fact}; raise the limit (ulimit -v)", name.display())));
        }
        let make = |&number: &usize| {
            PreparedImage::of(&self.pictures, number, self.channels, self.whiten, self.kept)
        };
        // Collected first, so that of several bad files the first is reported.
        let images: Vec<Result<PreparedImage>> = threads::map(&self.order[at..at + count], make);
        self.ready.1 = images.into_iter().collect::<Result<_>>()?;
        Ok(())
    }
}

/// The memory of a picture, in words.
pub fn too_large(width: usize, height: usize, whiten: bool, bytes: u64) -> String {
    let what = if whiten { "whitened" } else { "decoded" };
    format!("{width}×{height} pixels take {} while they are {what}", Bytes(bytes))
}

/// The way out where a picture takes too much memory.
pub fn remedy(whiten: bool) -> &'static str {
    if whiten {
        "scale it down, cut it or leave it out, or do without whitening"
    } else {
        "scale it down, cut it or leave it out"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Picture;

    #[test]
    fn as_many_pictures_are_made_ready_as_the_capacity_that_is_left_allows() {
        let picture = |number: usize| Picture {
            name: format!("{number}").into(),
            width: 16,
            height: 16,
            channels: 1,
            pixels: (0..256).map(|pixel| (pixel * (number + 3) % 17) as f32).collect(),
        };
        let pictures = Arc::new(Pictures::of((0..4).map(picture).collect()));
        let one = pictures.bytes_of(0, 1, true);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        pool.install(|| {
            let memory = Some(Bytes(100 * one));
            let how = (true, Kept::AsMade);
            let mut images = PreparedImages::new(pictures, (4, 1), how, memory, vec![0, 1, 2, 3]).unwrap();
            let mut patches = [[0.0; 16]; 2];
            images.cut(0, (2, 3), &mut patches[0]).unwrap();
            assert_eq!(images.ready.1.len(), 4);
            for (capacity, ready) in [(2 * one, 2), (one, 1), (0, 1)] {
                images.set_capacity(Bytes(capacity));
                assert!(images.ready.1.is_empty());
                images.cut(0, (2, 3), &mut patches[1]).unwrap();
                assert_eq!(images.ready.1.len(), ready);
                assert_eq!(patches[0], patches[1]);
            }
        });
    }
}
