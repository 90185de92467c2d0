//! GIF files: the first picture, in its colours or, where all of them are, in grey. What it leaves of the screen has the colour
//! that is transparent, or the first one, as Pillow has it.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use image::metadata::Orientation;

use super::damage::{changed, damage, damaged, numbers};
use super::file::PictureFile;
use super::header::{BUFFERS, ImageHeader, check_size};
use super::lzw::{LZW_TABLES, Lzw};
use crate::data::pixels::{PixelData, Pixels};
use crate::error::{Error, Result};

/// Most pixels out of a byte: a code of at least three bits stands for at most 4 096 of them.
const MOST_PIXELS: u64 = 3 * 4096;

/// The first picture of a file.
struct FirstImage {
    /// Across and down, of the screen.
    screen: (usize, usize),
    /// Its place on the screen.
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    is_interlaced: bool,
    colours: Vec<[u8; 3]>,
    transparent: Option<u8>,
}

impl FirstImage {
    fn is_grey(&self) -> bool {
        self.colours.iter().all(|[r, g, b]| r == g && g == b)
    }
}

/// The header of a file.
pub fn header(file: &PictureFile<'_>) -> Result<ImageHeader> {
    let (path, mut from) = (file.path, file.reader());
    let image = first(path, &mut from)?;
    let (width, height) = image.screen;
    if (image.width * image.height).max(width * height) as u64 > file.length.saturating_mul(MOST_PIXELS) {
        let fact = format!("{width}×{height} pixels, more than can come out of so short a file");
        return Err(Error::input(path, format!("{fact}; it is truncated or damaged")));
    }
    let channels = if image.is_grey() { 1 } else { 3 };
    // A row of numbers of colours, and the tables.
    let decoder = image.width as u64 + LZW_TABLES + BUFFERS;
    let orientation = Orientation::NoTransforms;
    let count = if is_followed(from).unwrap_or(false) { 2 } else { 1 };
    Ok(ImageHeader { width, height, channels, orientation, pixel: channels, decoder, is_float: false, count })
}

/// The pixels of the first picture.
pub fn decode(file: &PictureFile<'_>, header: &ImageHeader) -> Result<Pixels> {
    let (path, mut from) = (file.path, file.reader());
    let image = first(path, &mut from)?;
    if image.screen != (header.width, header.height) || image.is_grey() != (header.channels == 1) {
        return Err(changed(path));
    }
    let failed = |error| damage(path, error);
    let mut bits = [0];
    from.read_exact(&mut bits).map_err(failed)?;
    // Pillow reads 2 to 8; a code has one bit more, and at most twelve.
    if !(1..=8).contains(&bits[0]) {
        return Err(damaged(path, &format!("numbers of {} bits", bits[0])));
    }
    let ImageHeader { width, height, channels, .. } = *header;
    let colour = |index: u8| image.colours.get(usize::from(index)).copied().unwrap_or_default();
    let mut bytes: Vec<u8> = numbers(path, width * height * channels)?;
    let outside = colour(image.transparent.unwrap_or(0));
    bytes.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&outside[..channels]));
    let mut indices = Lzw::of_gif(BufReader::new(SubBlocks { from, left: 0, is_over: false }), bits[0]);
    let mut row = vec![0; image.width];
    for y in order(image.height, image.is_interlaced) {
        indices.read_exact(&mut row).map_err(failed)?;
        if image.top + y >= height {
            continue;
        }
        let start = ((image.top + y) * width + image.left.min(width)) * channels;
        let end = (image.top + y + 1) * width * channels;
        for (pixel, &index) in bytes[start..end].chunks_exact_mut(channels).zip(&row) {
            pixel.copy_from_slice(&colour(index)[..channels]);
        }
    }
    Ok(Pixels { width, height, stride: channels, channels, data: PixelData::Bytes(bytes) })
}

/// Reads up to the data of the first picture.
fn first(path: &Path, from: &mut impl BufRead) -> Result<FirstImage> {
    let failed = |error| damage(path, error);
    let mut screen = [0; 13];
    from.read_exact(&mut screen).map_err(failed)?;
    let two = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let size = (two(&screen[6..]), two(&screen[8..]));
    let mut colours = palette(screen[10], from).map_err(failed)?;
    let mut transparent = None;
    loop {
        let mut block = [0; 2];
        from.read_exact(&mut block[..1]).map_err(failed)?;
        match block[0] {
            b'!' => {
                from.read_exact(&mut block[1..]).map_err(failed)?;
                if block[1] == 0xf9 {
                    // Its length, flags, a delay, a number, and an end.
                    let mut control = [0; 6];
                    from.read_exact(&mut control).map_err(failed)?;
                    transparent = (control[1] & 1 == 1).then_some(control[4]);
                    if control[0] != 4 || control[5] != 0 {
                        return Err(damaged(path, "an extension of another length"));
                    }
                } else {
                    skip(from).map_err(failed)?;
                }
            }
            b',' => break,
            b';' => return Err(Error::input(path, "a GIF without a picture; leave it out")),
            other => return Err(damaged(path, &format!("a block of kind {other:#04x}"))),
        }
    }
    let mut place = [0; 9];
    from.read_exact(&mut place).map_err(failed)?;
    if let own @ [_, ..] = &palette(place[8], from).map_err(failed)?[..] {
        colours = own.to_vec();
    }
    if colours.is_empty() {
        return Err(damaged(path, "no table of colours"));
    }
    let [left, top, width, height] = [0, 2, 4, 6].map(|at| two(&place[at..]));
    for (width, height) in [size, (width, height)] {
        check_size(path, (width as u64, height as u64), 3)?;
    }
    Ok(FirstImage {
        screen: size,
        left,
        top,
        width,
        height,
        is_interlaced: place[8] & 0x40 != 0,
        colours,
        transparent,
    })
}

/// The colours that flags tell of.
fn palette(flags: u8, from: &mut impl Read) -> io::Result<Vec<[u8; 3]>> {
    if flags & 0x80 == 0 {
        return Ok(Vec::new());
    }
    let mut colours = vec![[0; 3]; 2 << (flags & 7)];
    from.read_exact(colours.as_flattened_mut())?;
    Ok(colours)
}

/// Passes over blocks of up to 255 bytes, to the empty one behind them.
fn skip(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let mut length = [0];
        from.read_exact(&mut length)?;
        if length[0] == 0 {
            return Ok(());
        }
        from.read_exact(&mut [0; 255][..usize::from(length[0])])?;
    }
}

/// Whether another picture stands behind the first, whose data come next.
fn is_followed(mut from: impl BufRead) -> io::Result<bool> {
    from.read_exact(&mut [0])?;
    skip(&mut from)?;
    loop {
        let mut block = [0; 2];
        from.read_exact(&mut block[..1])?;
        match block[0] {
            b'!' => {
                from.read_exact(&mut block[1..])?;
                skip(&mut from)?;
            }
            other => return Ok(other == b','),
        }
    }
}

/// The rows of a picture in the order in which they lie in the file.
fn order(height: usize, is_interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if is_interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
    passes.iter().flat_map(move |&(first, step)| (first..height).step_by(step))
}

/// The bytes of blocks that each tell their length.
struct SubBlocks<R> {
    from: R,
    left: usize,
    is_over: bool,
}

impl<R: Read> Read for SubBlocks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.is_over {
            let mut length = [0];
            self.from.read_exact(&mut length)?;
            self.left = usize::from(length[0]);
            self.is_over = self.left == 0;
        }
        let most = self.left.min(out.len());
        let read = self.from.read(&mut out[..most])?;
        self.left -= read;
        Ok(read)
    }
}
