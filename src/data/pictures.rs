//! Pictures that are known by their sizes and decoded one by one: of files, the built-in ones, or pictures that are in
//! memory already.

use std::fmt;
use std::sync::Arc;

use super::dead_leaves;
use super::grid::Grid;
use super::labels::Labels;
use super::picture::{Picture, PictureInfo};
use super::pixels::{PixelData, Pixels};
use super::preprocess::Preprocess;
use super::skipped::SkippedFiles;
use super::subset::Subset;
use super::whiten;
use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;

/// Where the pixels of a picture come from.
pub(super) trait PixelSource: fmt::Debug + Send + Sync {
    /// Makes the pixels of the picture that `info` describes.
    ///
    /// # Errors
    /// A file that is damaged, or has changed since it was listed.
    fn decode(&self, info: &PictureInfo) -> Result<Pixels>;

    /// Bytes that the picture takes.
    fn memory(&self) -> PixelMemory;

    /// Whether the picture is turned or mirrored, as its file asks for.
    fn is_turned(&self) -> bool {
        false
    }
}

/// Bytes of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PixelMemory {
    /// Of its pixels once they are decoded.
    pub decoded: u64,
    /// Most while they are decoded, the pixels included.
    pub decoding: u64,
    /// Held all the time.
    pub resident: u64,
}

/// Pictures of one source, in their order; at least one.
#[derive(Debug)]
pub struct Pictures {
    list: Vec<PictureInfo>,
    pixels: Vec<Arc<dyn PixelSource>>,
    skipped: SkippedFiles,
    labels: Option<Labels>,
}

/// The memory that a picture takes while it is made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureMemory {
    /// The picture.
    pub picture: PictureInfo,
    /// Bytes at their peak.
    pub bytes: Bytes,
}

impl Pictures {
    /// Pictures in memory.
    ///
    /// # Panics
    /// If there are none.
    pub fn of(pictures: Vec<Picture>) -> Self {
        assert!(!pictures.is_empty(), "a source of pictures has at least one");
        let parts = pictures.into_iter().map(|Picture { name, width, height, channels, pixels }| {
            let source: Arc<dyn PixelSource> = Arc::new(InMemory(Arc::new(pixels)));
            (PictureInfo { name, width, height, channels }, source)
        });
        Self::from_parts(parts, SkippedFiles::default())
    }

    /// Pictures of any source, and the files that are skipped beside them.
    pub(super) fn from_parts(
        parts: impl Iterator<Item = (PictureInfo, Arc<dyn PixelSource>)>,
        skipped: SkippedFiles,
    ) -> Self {
        let (list, pixels) = parts.unzip();
        Self { list, pixels, skipped, labels: None }
    }

    /// The same with a label each.
    #[cfg(feature = "files")]
    pub(super) fn with_labels(self, labels: Option<Labels>) -> Self {
        Self { labels, ..self }
    }

    /// The pictures of several sources, one behind the other; their pixels are not copied.
    pub(super) fn joined(parts: &[Arc<Self>]) -> Self {
        let of_all = parts.iter().flat_map(|part| part.list.iter().cloned().zip(part.pixels.iter().cloned()));
        Self::from_parts(of_all, SkippedFiles::default())
    }

    /// Some of these pictures, with the labels that they have; their pixels are not copied.
    #[must_use]
    pub(super) fn subset(&self, subset: &Subset) -> Self {
        let numbers = || (0..subset.len()).map(|at| subset.number(at));
        let parts = numbers().map(|number| (self.list[number].clone(), Arc::clone(&self.pixels[number])));
        let labels = self.labels.as_ref().map(|labels| labels.subset(subset));
        Self { labels, ..Self::from_parts(parts, self.skipped.clone()) }
    }

    /// The ten dead-leaves pictures of `seed`, drawn when they are asked for.
    pub fn built_in(seed: u64) -> Self {
        let side = dead_leaves::SIDE;
        let parts = (0..dead_leaves::PICTURES).map(|number| {
            let info =
                PictureInfo { name: dead_leaves::name(number), width: side, height: side, channels: 1 };
            let source: Arc<dyn PixelSource> = Arc::new(BuiltIn { seed, number });
            (info, source)
        });
        Self::from_parts(parts, SkippedFiles::default())
    }

    /// The size of each, in their order.
    pub fn list(&self) -> &[PictureInfo] {
        &self.list
    }

    /// Files of their folder that are skipped.
    pub fn skipped(&self) -> &SkippedFiles {
        &self.skipped
    }

    /// A label of each: the class that its folder or its file says.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// How many are turned or mirrored, as the EXIF orientation in their files asks for.
    pub fn turned(&self) -> usize {
        self.pixels.iter().filter(|source| source.is_turned()).count()
    }

    /// Decodes a picture, whatever memory it takes.
    ///
    /// # Errors
    /// A file that is damaged, or has changed since it was listed.
    pub fn read(&self, number: usize) -> Result<Picture> {
        let PictureInfo { name, width, height, channels } = self.list[number].clone();
        Ok(Picture { name, width, height, channels, pixels: self.decode(number)?.single() })
    }

    /// The pixels of a picture.
    pub(super) fn decode(&self, number: usize) -> Result<Pixels> {
        self.pixels[number].decode(&self.list[number])
    }

    /// Most bytes that a picture takes while it is decoded and made ready in `channels` of a model, whitened or not.
    pub(crate) fn bytes_of(&self, number: usize, channels: usize, whiten: bool) -> u64 {
        let &PictureInfo { width, height, channels: own, .. } = &self.list[number];
        let PixelMemory { decoded, decoding, .. } = self.pixels[number].memory();
        let whitening = whiten::bytes(width, height, channels.min(own));
        if whiten { decoding.max(decoded + whitening) } else { decoding }
    }

    /// Bytes that pictures take that are in memory already.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.pixels.iter().map(|source| source.memory().resident).sum()
    }

    /// The picture that takes most while it is made ready under a preprocessing.
    pub fn largest(&self, preprocess: &Preprocess) -> PictureMemory {
        let channels = preprocess.channels.unwrap_or(1);
        let bytes = |number: &usize| self.bytes_of(*number, channels, preprocess.whiten);
        let most = (0..self.list.len()).rev().max_by_key(bytes).unwrap_or_default();
        PictureMemory { picture: self.list[most].clone(), bytes: Bytes(bytes(&most)) }
    }

    /// The grids of patches of all pictures, from their sizes alone; `step` pixels lie between their first ones, `None`
    /// sets them side by side.
    ///
    /// # Errors
    /// A picture smaller than one patch, and a preprocessing of rows.
    pub fn grids(&self, preprocess: &Preprocess, step: Option<usize>) -> Result<Vec<Grid>> {
        let Some(patch) = preprocess.patch else {
            let reason = "these are images, but the model was trained on rows and knows no patch size";
            return Err(Error::input(
                DATA,
                format!("{reason}; give rows, a .npy of two dimensions for example"),
            ));
        };
        self.check_size(patch)?;
        let of = |p: &PictureInfo| Grid::of((p.width, p.height), patch, step.unwrap_or(patch));
        Ok(self.list.iter().map(of).collect())
    }

    /// Columns at the right and rows at the bottom that the grid of patches leaves out, in words; `None` where it
    /// leaves out nothing.
    pub fn cropped(&self, patch: usize) -> Option<String> {
        let left = |size: usize| size % patch.max(1);
        let cropped: Vec<_> = self.list.iter().filter(|p| left(p.width) + left(p.height) > 0).collect();
        let first = cropped.first()?;
        let &&PictureInfo { width, height, .. } = first;
        let (right, bottom) = (left(width), left(height));
        let kept = format!("{}×{}", width - right, height - bottom);
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let others = match cropped.len() - 1 {
            0 => String::new(),
            others => format!(", and something of {}", counted(others, "more picture")),
        };
        Some(format!(
            "{}: {width}×{height} pixels are cut into whole patches of {patch}×{patch}: {kept} are taken, {} at the right and \
             {} at the bottom are left out{others}",
            first.name.display(),
            counted(right, "column"),
            counted(bottom, "row"),
        ))
    }

    /// Side and number of the pictures, where all are squares of one size.
    pub fn squares(&self) -> Option<(usize, usize)> {
        let side = self.list.first()?.width;
        let is_one = |p: &PictureInfo| (p.width, p.height) == (side, side);
        self.list.iter().all(is_one).then_some((side, self.list.len()))
    }

    /// Fails on a patch without pixels and names the first picture that is smaller than one patch.
    pub(super) fn check_size(&self, patch: usize) -> Result<()> {
        if patch == 0 {
            return Err(Error::usage("`patch` 0: a patch needs at least one pixel"));
        }
        let Some(small) = self.list.iter().find(|p| p.width.min(p.height) < patch) else { return Ok(()) };
        let (width, height) = (small.width, small.height);
        let side = width.min(height);
        // So thin a picture is an array whose dimensions are others.
        let of_array =
            if side <= THINNEST { "; of an array, say with `axes` which dimensions are h and w" } else { "" };
        let remedy = format!("give a `patch` of at most {side}, or larger pictures{of_array}");
        Err(Error::input(
            &small.name,
            format!("{width}×{height} pixels are smaller than one patch of {patch}×{patch}; {remedy}"),
        ))
    }
}

/// Fewest pixels that somebody may have meant by a side of a picture, less one.
const THINNEST: usize = 4;

/// Pixels of floats, not decoded from anything.
fn floats(info: &PictureInfo, values: Arc<Vec<f32>>) -> Pixels {
    let &PictureInfo { width, height, channels, .. } = info;
    Pixels { width, height, stride: channels, channels, data: PixelData::Floats(values) }
}

/// A picture in memory.
#[derive(Debug)]
struct InMemory(Arc<Vec<f32>>);

impl PixelSource for InMemory {
    fn decode(&self, info: &PictureInfo) -> Result<Pixels> {
        Ok(floats(info, Arc::clone(&self.0)))
    }

    fn memory(&self) -> PixelMemory {
        PixelMemory { resident: size_of_val(&self.0[..]) as u64, ..PixelMemory::default() }
    }
}

/// A dead-leaves picture, drawn anew each time.
#[derive(Debug)]
struct BuiltIn {
    seed: u64,
    number: u64,
}

impl PixelSource for BuiltIn {
    fn decode(&self, info: &PictureInfo) -> Result<Pixels> {
        Ok(floats(info, Arc::new(dead_leaves::draw(self.seed, self.number))))
    }

    fn memory(&self) -> PixelMemory {
        PixelMemory { decoded: dead_leaves::BYTES, decoding: dead_leaves::BYTES_OF_DRAWING, resident: 0 }
    }
}
