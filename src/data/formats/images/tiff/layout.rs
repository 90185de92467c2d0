//! The layout of a page of a TIFF file: the kind and size of its numbers, and the strips or tiles in which they lie. Kinds that
//! are not read are refused here, before anything is decoded.

use super::directory::Directory;
use crate::data::formats::conversion::{as_png, python};
use crate::data::formats::images::damage::damaged;
use crate::data::formats::images::header::check_size;
use crate::error::{Error, Result};

/// Most strips or tiles of a page.
const MOST_CHUNKS: u64 = 1 << 20;
/// Most numbers of a pixel, transparency and other extras included.
const MOST_SAMPLES: u64 = 8;
/// Longest side of a tile.
const LARGEST_TILE: u64 = 1 << 16;

/// The kind of the numbers of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// So many bits, 1, 2, 4 or 8; the largest of them is white.
    Bits(u8),
    /// Two bytes.
    Word,
    /// Four bytes or eight, IEEE.
    Float(u8),
}

impl Sample {
    /// Bits.
    pub fn bits(self) -> u64 {
        match self {
            Self::Bits(bits) => bits.into(),
            Self::Word => 16,
            Self::Float(bytes) => 8 * u64::from(bytes),
        }
    }
}

/// How numbers become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// The largest number is black.
    WhiteIsZero,
    Grey,
    Rgb,
    /// Numbers of a table of colours.
    Palette,
}

/// How strips and tiles are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    None,
    Lzw,
    Deflate,
    PackBits,
}

/// How numbers are told by their neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    None,
    /// Differences along a row.
    Horizontal,
    /// The same over the bytes of floats, the highest ones of a row first.
    Float,
}

/// A page.
pub struct PageLayout {
    pub width: usize,
    pub height: usize,
    pub sample: Sample,
    /// Numbers of a pixel in the file.
    pub samples: usize,
    pub colours: Colours,
    pub packing: Packing,
    pub predictor: Predictor,
    /// Whether each number of the pixels has strips or tiles of its own.
    pub is_planar: bool,
    /// Width and height of strips or tiles.
    pub chunk: (usize, usize),
    /// The place and length of each.
    pub chunks: Vec<(u64, u64)>,
}

impl PageLayout {
    /// The layout that a directory describes.
    pub fn of(directory: &Directory<'_>) -> Result<Self> {
        let path = directory.file().path;
        let number = |tag| directory.number(tag);
        let needed = |tag, what: &str| {
            number(tag)?.ok_or_else(|| damaged(path, &format!("its first page has no {what}")))
        };
        let (width, height) = (needed(256, "width")?, needed(257, "height")?);
        let samples = number(277)?.unwrap_or(1);
        check_size(path, (width, height), samples)?;
        // A negative: the raw picture of a camera, whose first page is often a small one for browsing.
        let photometric = needed(262, "PhotometricInterpretation")?;
        if directory.has(50706) || matches!(photometric, 32803 | 34892) {
            let line =
                format!("imageio.imwrite('converted.png', rawpy.imread({}).postprocess())", python(path));
            return Err(Error::input(path, format!("a camera raw picture, which is not read; {line}")));
        }
        let refuse = |fact: String| -> Error { Error::input(path, format!("{fact}; {}", as_png(path))) };
        let bits = directory.numbers(258, MOST_SAMPLES)?.unwrap_or(vec![1]);
        if samples == 0 || samples > MOST_SAMPLES {
            let fact = format!("a TIFF of {samples} numbers a pixel, but grey and colour are read");
            return Err(Error::input(
                path,
                format!("{fact}; save the channels that are meant with numpy.save"),
            ));
        }
        let format = directory.numbers(339, MOST_SAMPLES)?.unwrap_or(vec![1]);
        if bits.iter().any(|&other| other != bits[0]) || format.iter().any(|&other| other != format[0]) {
            return Err(refuse("a TIFF whose channels are of several kinds of numbers".to_owned()));
        }
        let sample = match (format[0], bits[0]) {
            (1 | 4, bits @ (1 | 2 | 4 | 8)) => Sample::Bits(bits as u8),
            (1 | 4, 16) => Sample::Word,
            (3, bits @ (32 | 64)) => Sample::Float((bits / 8) as u8),
            (format, bits) => {
                let kind = match format {
                    1 | 4 => "unsigned integers",
                    2 => "signed integers",
                    3 => "floats",
                    _ => "complex or unknown numbers",
                };
                let fact = format!("a TIFF of {bits}-bit {kind}, but 1 to 8, 16 and 32-bit floats are read");
                let line =
                    format!("numpy.save('converted.npy', tifffile.imread({}).astype('f4'))", python(path));
                return Err(Error::input(path, format!("{fact}; {line}")));
            }
        };
        let extras = if directory.has(338) {
            directory.numbers(338, MOST_SAMPLES)?.unwrap_or_default()
        } else {
            Vec::new()
        };
        let colours = match photometric {
            0 if matches!(sample, Sample::Float(_)) => {
                return Err(refuse("a TIFF of floats in which white is 0".to_owned()));
            }
            0 => Colours::WhiteIsZero,
            1 => Colours::Grey,
            2 => Colours::Rgb,
            3 if matches!(sample, Sample::Bits(_)) => Colours::Palette,
            other => {
                return Err(refuse(format!("a TIFF in {}, but grey and RGB are read", colours_name(other))));
            }
        };
        let wanted = if colours == Colours::Rgb { 3 } else { 1 };
        // Behind the colours may stand transparency, or one number that nothing is said of.
        let is_alpha = |extra: &u64| matches!(extra, 1 | 2);
        let fits = samples == wanted
            || (samples == wanted + 1 && (wanted == 3 || extras.first().is_some_and(is_alpha)));
        if !fits || (colours == Colours::Rgb && matches!(sample, Sample::Bits(1 | 2 | 4))) {
            let fact = format!("a TIFF of {samples} channels of {} bits, but grey and RGB are read", bits[0]);
            return Err(Error::input(path, format!("{fact}; save those that are meant with numpy.save")));
        }
        let packing = match number(259)?.unwrap_or(1) {
            1 => Packing::None,
            5 => Packing::Lzw,
            8 | 32946 => Packing::Deflate,
            32773 => Packing::PackBits,
            other => {
                return Err(refuse(format!("a TIFF packed as {}, which is not read", packing_name(other))));
            }
        };
        let predictor = match (number(317)?.unwrap_or(1), sample) {
            (1, _) => Predictor::None,
            (2, Sample::Bits(8) | Sample::Word | Sample::Float(4)) => Predictor::Horizontal,
            (3, Sample::Float(_)) => Predictor::Float,
            (other, _) => {
                return Err(refuse(format!("a TIFF with predictor {other} on {} bits", sample.bits())));
            }
        };
        if number(266)?.unwrap_or(1) != 1 {
            return Err(refuse("a TIFF whose bits lie in reverse order (FillOrder 2)".to_owned()));
        }
        let is_planar = samples > 1 && number(284)?.unwrap_or(1) == 2;
        let is_tiled = directory.has(322);
        let chunk = if is_tiled {
            (needed(322, "TileWidth")?, needed(323, "TileLength")?)
        } else {
            (width, number(278)?.unwrap_or(height).min(height))
        };
        if chunk.0.min(chunk.1) == 0 || chunk.0.max(chunk.1) > LARGEST_TILE {
            return Err(damaged(path, &format!("strips or tiles of {}×{} pixels", chunk.0, chunk.1)));
        }
        let planes = if is_planar { samples } else { 1 };
        let count = width.div_ceil(chunk.0) * height.div_ceil(chunk.1) * planes;
        let row = (chunk.0 * sample.bits() * if is_planar { 1 } else { samples }).div_ceil(8);
        let (offsets, lengths) = if is_tiled { (324, 325) } else { (273, 279) };
        let offsets = directory.numbers(offsets, MOST_CHUNKS)?;
        let offsets = offsets.ok_or_else(|| damaged(path, "its first page has no pixels"))?;
        let lengths = match directory.numbers(lengths, MOST_CHUNKS)? {
            Some(lengths) => lengths,
            // Old writers left them out where nothing is packed.
            None if packing == Packing::None => vec![row * chunk.1; offsets.len()],
            None => return Err(damaged(path, "the lengths of its strips are missing")),
        };
        if (offsets.len() as u64) < count || offsets.len() != lengths.len() {
            let fact = format!(
                "{count} strips or tiles are needed, {} and {} are told of",
                offsets.len(),
                lengths.len()
            );
            return Err(damaged(path, &fact));
        }
        let chunks = offsets.into_iter().zip(lengths).take(count as usize).collect();
        Ok(Self {
            width: width as usize,
            height: height as usize,
            sample,
            samples: samples as usize,
            colours,
            packing,
            predictor,
            is_planar,
            chunk: (chunk.0 as usize, chunk.1 as usize),
            chunks,
        })
    }

    /// Bytes of a row of a strip or tile.
    pub fn row_bytes(&self) -> usize {
        let samples = if self.is_planar { 1 } else { self.samples };
        (self.chunk.0 * samples * self.sample.bits() as usize).div_ceil(8)
    }

    /// Bytes that come of unpacking everything that is looked at.
    pub fn unpacked(&self) -> u64 {
        let planes = if self.is_planar { self.samples } else { 1 };
        (self.row_bytes() * self.height * self.width.div_ceil(self.chunk.0) * planes) as u64
    }

    /// 1 (grey) or 3 (colour).
    pub fn channels(&self) -> usize {
        if matches!(self.colours, Colours::Rgb | Colours::Palette) { 3 } else { 1 }
    }
}

fn colours_name(photometric: u64) -> String {
    match photometric {
        3 => "colours of a palette of large numbers".to_owned(),
        4 => "a mask".to_owned(),
        5 => "CMYK".to_owned(),
        6 => "YCbCr".to_owned(),
        8..=10 => "CIE L*a*b*".to_owned(),
        other => format!("colours of kind {other}"),
    }
}

fn packing_name(compression: u64) -> String {
    let known = [
        (2, "a fax (CCITT)"),
        (3, "a fax (CCITT)"),
        (4, "a fax (CCITT)"),
        (6, "JPEG"),
        (7, "JPEG"),
        (34712, "JPEG 2000"),
        (34887, "LERC"),
        (34925, "LZMA"),
        (50000, "Zstandard"),
        (50001, "WebP"),
    ];
    let name = known.iter().find(|(number, _)| *number == compression);
    name.map_or_else(|| format!("kind {compression}"), |(_, name)| (*name).to_owned())
}
