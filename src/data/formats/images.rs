//! Picture files: listed by their headers, decoded one by one when their pixels are asked for.

mod bmp;
mod content;
mod damage;
mod decoders;
mod file;
mod gif;
mod header;
mod headers;
mod jpeg;
mod kind;
mod lzw;
mod pnm;
mod tiff;
mod turn;
mod webp;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageDecoder};

use super::format::{Format, OpenFile};
use crate::data::axes::Meaning;
use crate::data::description::DataDescription;
use crate::data::dtype::DType;
use crate::data::labels::Labels;
use crate::data::picture::PictureInfo;
use crate::data::pictures::{Pictures, PixelMemory, PixelSource};
use crate::data::pixels::{PixelData, Pixels};
use crate::data::reading::Reading;
use crate::data::skipped::SkippedFiles;
use crate::data::source::{Opened, Source};
use crate::error::{Error, Result};
use crate::io::threads;
use content::kind_of;
use damage::changed;
use decoders::{jpeg, png, refusal};
use file::PictureFile;
use header::ImageHeader;
use headers::{header_of, jpeg_end};
pub use kind::{ImageKind, names};

/// Names of labels that are told.
pub const MOST_LABELS: usize = 10;

/// Pictures.
pub const FORMAT: Format = Format {
    name: "an image",
    kinds: Some("PNG, JPEG, TIFF, WebP, BMP, GIF, PNM"),
    usage: Some("image"),
    endings: &[
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif",
        ".pbm", ".pgm", ".ppm", ".pnm",
    ],
    has_parts: false,
    begins: |start| ImageKind::of(start).is_some(),
    is_certain: |_, _| true,
    open,
};

/// Opens a picture.
fn open(OpenFile { path, file, length, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    check_reading(path, reading)?;
    let header = header_of(&PictureFile::of(path, file, length)?)?;
    Ok(opened(path, vec![path.to_owned()], vec![header], (SkippedFiles::default(), None)))
}

/// The pictures of several files, at least one, in their order; beside them others were skipped.
pub fn open_files(
    folder: &Path,
    files: Vec<PathBuf>,
    skipped: SkippedFiles,
    reading: &Reading,
) -> Result<Opened> {
    // Collected first, so that of several bad files the first by name is reported.
    let headers = threads::map(&files, |path| headers::header(path));
    let headers = headers.into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(warning) = skipped.warning() {
        tracing::warn!("{}: {warning}", folder.display());
    }
    check_reading(folder, reading)?;
    check_scale(&files, &headers)?;
    let labels = if reading.recursive { Labels::of_folders(folder, &files) } else { None };
    if let Some(labels) = &labels {
        let words = labels.in_words(MOST_LABELS);
        tracing::info!("{}: the names of its folders are kept as {words}", folder.display());
    }
    Ok(opened(folder, files, headers, (skipped, labels)))
}

/// Refuses pictures of floats beside others: they are on another scale.
fn check_scale(files: &[PathBuf], headers: &[ImageHeader]) -> Result<()> {
    let first = headers[0].is_float;
    let Some(other) = headers.iter().position(|header| header.is_float != first) else { return Ok(()) };
    let kind = |is_float| if is_float { "floats" } else { "bytes or words" };
    let fact = format!(
        "a picture of {}, but {} has {}: floats are taken as they are, all others have black 0 and white 1",
        kind(!first),
        files[0].display(),
        kind(first),
    );
    let remedy = "save all of them as one kind of number, or put them into folders of their own";
    Err(Error::input(&files[other], format!("{fact}; {remedy}")))
}

/// Refuses settings for arrays where there are picture files.
pub fn check_reading(path: &Path, reading: &Reading) -> Result<()> {
    if let Some(axes) = &reading.axes {
        let fact = format!("`axes` {axes} is for arrays, but these are picture files");
        return Err(Error::input(path, format!("{fact}; leave it out")));
    }
    if reading.meaning == Some(Meaning::Rows) {
        let fact = "`as` rows is for arrays, but these are picture files";
        return Err(Error::input(path, format!("{fact}; leave it out, or save them as one array of rows")));
    }
    Ok(())
}

fn opened(
    path: &Path,
    files: Vec<PathBuf>,
    headers: Vec<ImageHeader>,
    (skipped, labels): (SkippedFiles, Option<Labels>),
) -> Opened {
    tell(path, &files, &headers);
    let are_floats = headers[0].is_float;
    let parts = files.into_iter().zip(headers).map(|(name, header)| {
        let ImageHeader { width, height, channels, .. } = header;
        let pixels: Arc<dyn PixelSource> = Arc::new(header);
        (PictureInfo { name, width, height, channels }, pixels)
    });
    let pictures = Pictures::from_parts(parts, skipped).with_labels(labels);
    let description = DataDescription::pictures(Some(path), pictures.list(), pictures.skipped().clone());
    let dtype = are_floats.then_some(DType::F32);
    Opened {
        source: Source::Images(Arc::new(pictures)),
        description: DataDescription { dtype, ..description },
    }
}

/// Says what is done to pictures, and what is left of their files.
fn tell(path: &Path, files: &[PathBuf], headers: &[ImageHeader]) {
    let all = headers.len();
    match headers.iter().filter(|header| header.is_turned()).count() {
        0 => {}
        _ if all == 1 => tracing::info!("the picture is turned as its EXIF orientation says"),
        turned => tracing::info!("{turned} of {all} pictures are turned as their EXIF orientation says"),
    }
    let several: Vec<usize> = (0..all).filter(|&number| headers[number].count > 1).collect();
    if let Some(&first) = several.first() {
        let name = files[first].display();
        match several.len() {
            1 => tracing::warn!("{name}: several pictures in one file, of which the first is taken"),
            count => {
                let fact = format!("{count} files have several pictures each ({name}, …)");
                tracing::warn!("{}: {fact}, of which the first is taken", path.display());
            }
        }
    }
}

impl PixelSource for ImageHeader {
    fn decode(&self, info: &PictureInfo) -> Result<Pixels> {
        decode(&info.name, self)
    }

    fn memory(&self) -> PixelMemory {
        PixelMemory { decoded: self.decoded(), decoding: self.decoding(), resident: 0 }
    }

    fn is_turned(&self) -> bool {
        Self::is_turned(self)
    }
}

/// Decodes the pixels of a file that was found to have these headers; transparency is ignored.
fn decode(path: &Path, expected: &ImageHeader) -> Result<Pixels> {
    let file = PictureFile::open(path)?;
    if header_of(&file)? != *expected {
        return Err(changed(path));
    }
    let pixels = decoded(&file, expected)?;
    // It may have changed since.
    let is_expected = (pixels.width, pixels.height, pixels.channels)
        == (expected.width, expected.height, expected.channels);
    if is_expected { Ok(pixels) } else { Err(changed(path)) }
}

fn decoded(file: &PictureFile<'_>, expected: &ImageHeader) -> Result<Pixels> {
    let path = file.path;
    let mut image = match kind_of(file)? {
        ImageKind::Tiff => return tiff::decode(file, expected),
        ImageKind::Gif => return gif::decode(file, expected),
        ImageKind::Pnm => return pnm::decode(file),
        ImageKind::Png => image_of(path, png(file)?)?,
        ImageKind::WebP => image_of(path, webp::decoder(file)?)?,
        ImageKind::Bmp => image_of(path, bmp::decoder(file)?)?,
        ImageKind::Jpeg => image_of(path, jpeg(file, jpeg_end(file)?)?)?,
    };
    image.apply_orientation(expected.orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let stride = usize::from(image.color().channel_count());
    let data = match image {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => PixelData::Words(words(image)),
        other => PixelData::Bytes(other.into_bytes()),
    };
    Ok(Pixels { width, height, stride, channels: expected.channels, data })
}

/// The image of a decoder.
fn image_of(path: &Path, decoder: impl ImageDecoder) -> Result<DynamicImage> {
    DynamicImage::from_decoder(decoder).map_err(|error| refusal(path, &error))
}

/// The numbers of an image of 16 bits.
fn words(image: DynamicImage) -> Vec<u16> {
    match image {
        DynamicImage::ImageLuma16(pixels) => pixels.into_raw(),
        DynamicImage::ImageLumaA16(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgb16(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgba16(pixels) => pixels.into_raw(),
        _ => Vec::new(),
    }
}
