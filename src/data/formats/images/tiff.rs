//! TIFF files: the first page, in grey, RGB or colours of a palette, of 1 to 8 or 16 bits, or of floats that are taken as they
//! are; in strips or tiles, bare or packed by LZW, deflate or PackBits.

mod directory;
mod layout;
mod strips;

use std::path::Path;
use std::sync::Arc;

use image::metadata::Orientation;

use super::damage::{changed, damaged, numbers};
use super::file::PictureFile;
use super::header::{BUFFERS, ImageHeader, MOST_INFLATION, swaps};
use super::lzw::LZW_TABLES;
use super::turn::turned;
use crate::data::formats::unsupported;
use crate::data::pixels::{PixelData, Pixels};
use crate::error::{Error, Result};
use directory::{Directory, TiffFile};
use layout::{Colours, Packing, PageLayout, Sample};
use strips::rows;

/// Most bytes that LZW makes of one: a code of at least nine bits stands for at most 4 096 of them.
const MOST_LZW: u64 = 4096;
/// Most bytes that PackBits makes of one.
const MOST_PACKBITS: u64 = 64;

/// The header of the first page.
pub fn header(file: &PictureFile<'_>) -> Result<ImageHeader> {
    let (directory, page) = first_page(file)?;
    header_of(file, &directory, &page)
}

fn header_of(file: &PictureFile<'_>, directory: &Directory<'_>, page: &PageLayout) -> Result<ImageHeader> {
    let path = file.path;
    let inflation = match page.packing {
        Packing::None => 1,
        Packing::Lzw => MOST_LZW,
        Packing::Deflate => MOST_INFLATION,
        Packing::PackBits => MOST_PACKBITS,
    };
    if page.unpacked() > file.length.saturating_mul(inflation) {
        let fact =
            format!("{}×{} pixels, more than can come out of so short a file", page.width, page.height);
        return Err(Error::input(path, format!("{fact}; it is truncated or damaged")));
    }
    let orientation =
        directory.number(274)?.and_then(|number| Orientation::from_exif(number.try_into().ok()?));
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let channels = page.channels();
    let size = match page.sample {
        Sample::Bits(_) => 1,
        Sample::Word => 2,
        Sample::Float(_) => 4,
    };
    let own = 3 * page.row_bytes() as u64 + 16 * page.chunks.len() as u64 + LZW_TABLES + BUFFERS;
    // Numbers of colours are held beside the colours.
    let indices = if page.colours == Colours::Palette { page.width * page.height } else { 0 };
    let (mut width, mut height) = (page.width, page.height);
    if swaps(orientation) {
        (width, height) = (height, width);
    }
    Ok(ImageHeader {
        width,
        height,
        channels,
        orientation,
        pixel: channels * size,
        decoder: own + indices as u64,
        is_float: matches!(page.sample, Sample::Float(_)),
        count: directory.pages(),
    })
}

fn first_page<'a>(file: &'a PictureFile<'a>) -> Result<(Directory<'a>, PageLayout)> {
    let path = file.path;
    if let Some(kind) = unsupported::named(path) {
        let line = unsupported::remedy(kind, path);
        return Err(Error::input(path, format!("named as a {kind} picture, which is not read; {line}")));
    }
    let (tiff, first) = TiffFile::open(file)?;
    let directory = Directory::read(tiff, first)?;
    let page = PageLayout::of(&directory)?;
    Ok((directory, page))
}

/// The pixels of the first page.
pub fn decode(file: &PictureFile<'_>, header: &ImageHeader) -> Result<Pixels> {
    let (path, (directory, page)) = (file.path, first_page(file)?);
    if header_of(file, &directory, &page)? != *header {
        return Err(changed(path));
    }
    let (count, white) = (page.width * page.height * header.channels, page.colours == Colours::WhiteIsZero);
    let file = directory.file();
    let data = match page.sample {
        Sample::Bits(bits) => {
            let stride = if page.colours == Colours::Palette { 1 } else { header.channels };
            let mut bytes: Vec<u8> = numbers(path, page.width * page.height * stride)?;
            // White of the largest number, but numbers of colours as they are.
            let whole = if page.colours == Colours::Palette { 1 } else { 255 / (u8::MAX >> (8 - bits)) };
            read(file, &page, (&mut bytes, stride), |row, i| unpack(row, i, bits) * whole)?;
            match page.colours {
                Colours::Palette => bytes = coloured(path, &directory, bits, bytes)?,
                _ if white => bytes.iter_mut().for_each(|byte| *byte = 255 - *byte),
                _ => {}
            }
            PixelData::Bytes(turned(bytes, &page_size(&page), header))
        }
        Sample::Word => {
            let mut words: Vec<u16> = numbers(path, count)?;
            let word = |row: &[u8], i: usize| u16::from_ne_bytes([row[2 * i], row[2 * i + 1]]);
            read(file, &page, (&mut words, header.channels), word)?;
            if white {
                words.iter_mut().for_each(|word| *word = u16::MAX - *word);
            }
            PixelData::Words(turned(words, &page_size(&page), header))
        }
        Sample::Float(size) => {
            let mut floats: Vec<f32> = numbers(path, count)?;
            let float = |row: &[u8], i: usize| match size {
                4 => f32::from_ne_bytes(row.as_chunks().0[i]),
                _ => f64::from_ne_bytes(row.as_chunks().0[i]) as f32,
            };
            read(file, &page, (&mut floats, header.channels), float)?;
            check_finite(path, &floats, page.width, header.channels)?;
            PixelData::Floats(Arc::new(turned(floats, &page_size(&page), header)))
        }
    };
    let ImageHeader { width, height, channels, .. } = *header;
    Ok(Pixels { width, height, stride: channels, channels, data })
}

fn page_size(page: &PageLayout) -> (usize, usize) {
    (page.width, page.height)
}

/// Writes the numbers of all rows into `out`, of which each pixel has `stride`; `get` takes one of a row by its number.
fn read<T>(
    file: TiffFile<'_>,
    page: &PageLayout,
    (out, stride): (&mut [T], usize),
    get: impl Fn(&[u8], usize) -> T,
) -> Result<()> {
    rows(file, page, |row| {
        let pixels = out[row.first * stride..].chunks_exact_mut(stride).take(row.pixels).enumerate();
        if page.is_planar {
            // Transparency has a plane of its own, behind the colours.
            if row.plane < stride {
                pixels.for_each(|(x, pixel)| pixel[row.plane] = get(row.bytes, x));
            }
        } else {
            pixels.for_each(|(x, pixel)| {
                for (channel, number) in pixel.iter_mut().enumerate() {
                    *number = get(row.bytes, x * page.samples + channel);
                }
            });
        }
    })
}

/// The number `i` of a row of numbers of `bits` bits, the highest first.
fn unpack(row: &[u8], i: usize, bits: u8) -> u8 {
    let each = usize::from(8 / bits);
    let shift = 8 - bits as usize * (i % each + 1);
    row[i / each] >> shift & (u8::MAX >> (8 - bits))
}

/// The colours of a palette, of which the upper bytes count.
fn coloured(path: &Path, directory: &Directory<'_>, bits: u8, indices: Vec<u8>) -> Result<Vec<u8>> {
    let (size, table) = (1 << bits, directory.numbers(320, 3 << 8)?.unwrap_or_default());
    if table.len() != 3 * size {
        return Err(damaged(path, &format!("a palette of {} numbers for {size} colours", table.len())));
    }
    let mut colours: Vec<u8> = numbers(path, 3 * indices.len())?;
    for (pixel, &index) in colours.as_chunks_mut::<3>().0.iter_mut().zip(&indices) {
        *pixel = [0, 1, 2].map(|channel| (table[channel * size + usize::from(index)] >> 8) as u8);
    }
    Ok(colours)
}

/// Refuses what is no finite number, with its place.
fn check_finite(path: &Path, floats: &[f32], width: usize, channels: usize) -> Result<()> {
    let Some(at) = floats.iter().position(|x| !x.is_finite()) else { return Ok(()) };
    let (pixel, channel) = (at / channels, at % channels);
    let (x, y) = (pixel % width, pixel / width);
    let place = if channels > 1 { format!(", channel {channel}") } else { String::new() };
    let count = floats.iter().filter(|x| !x.is_finite()).count();
    let fact =
        format!("{} at row {y}, column {x}{place} (counted from 0), like {count} of its numbers", floats[at]);
    Err(Error::input(path, format!("{fact}; mend it, as with numpy.nan_to_num, or leave the picture out")))
}
