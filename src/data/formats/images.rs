//! PNG and JPEG files as pictures: listed by their headers, decoded one by one when their pixels are asked for.

mod content;
mod decoders;
mod header;
mod jpeg;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageFormat};

use super::format::{Format, OpenFile};
use crate::data::axes::Meaning;
use crate::data::description::DataDescription;
use crate::data::picture::PictureInfo;
use crate::data::pictures::{Pictures, PixelMemory, PixelSource};
use crate::data::pixels::{PixelData, Pixels};
use crate::data::reading::Reading;
use crate::data::skipped::SkippedFiles;
use crate::data::source::{Opened, Source};
use crate::error::{Error, Result};
use crate::io::{safe_open, threads};
use content::format;
pub use content::recognised;
use decoders::{jpeg, png, refusal};
use header::{ImageHeader, header_of, jpeg_end};

/// Pictures.
pub const FORMAT: Format = Format {
    name: "a PNG or JPEG image",
    kinds: Some("PNG, JPEG"),
    usage: Some("image"),
    endings: &[".png", ".jpg", ".jpeg"],
    has_parts: false,
    begins: |start| recognised(start).is_some(),
    is_certain: |_, _| true,
    open,
};

/// Opens a picture.
fn open(OpenFile { path, file, length, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    check_reading(path, reading)?;
    let header = header_of(path, &file, length)?;
    Ok(opened(path, pictures_of(vec![path.to_owned()], vec![header], SkippedFiles::default())))
}

/// The pictures of several files, at least one, in their order; beside them others were skipped.
pub fn open_files(
    folder: &Path,
    files: Vec<PathBuf>,
    skipped: SkippedFiles,
    reading: &Reading,
) -> Result<Opened> {
    // Collected first, so that of several bad files the first by name is reported.
    let headers = threads::map(&files, |path| header::header(path));
    let headers = headers.into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(warning) = skipped.warning() {
        tracing::warn!("{}: {warning}", folder.display());
    }
    let pictures = pictures_of(files, headers, skipped);
    check_reading(folder, reading)?;
    Ok(opened(folder, pictures))
}

/// Refuses settings for arrays where there are picture files.
fn check_reading(path: &Path, reading: &Reading) -> Result<()> {
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

fn opened(path: &Path, pictures: Pictures) -> Opened {
    let description = DataDescription::pictures(Some(path), pictures.list(), pictures.skipped().clone());
    Opened { source: Source::Images(Arc::new(pictures)), description }
}

fn pictures_of(files: Vec<PathBuf>, headers: Vec<ImageHeader>, skipped: SkippedFiles) -> Pictures {
    let turned = headers.iter().filter(|header| header.is_turned()).count();
    if turned > 0 {
        let all = headers.len();
        match all {
            1 => tracing::info!("the picture is turned as its EXIF orientation says"),
            _ => tracing::info!("{turned} of {all} pictures are turned as their EXIF orientation says"),
        }
    }
    let parts = files.into_iter().zip(headers).map(|(name, header)| {
        let ImageHeader { width, height, channels, .. } = header;
        let pixels: Arc<dyn PixelSource> = Arc::new(header);
        (PictureInfo { name, width, height, channels }, pixels)
    });
    Pictures::from_parts(parts, skipped)
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
    let (file, length) = safe_open::open(path)?;
    if header_of(path, &file, length)? != *expected {
        return Err(Error::input(path, "it has changed since it was looked at; start again"));
    }
    let failed = |error| refusal(path, &error);
    let mut image = match format(path, &file)? {
        ImageFormat::Png => DynamicImage::from_decoder(png(path, &file)?).map_err(failed)?,
        _ => {
            let end = jpeg_end(path, &file)?;
            DynamicImage::from_decoder(jpeg(path, &file, end)?).map_err(failed)?
        }
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
