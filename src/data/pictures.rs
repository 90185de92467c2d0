//! Pictures that are known by their headers and decoded one by one: files, the built-in ones, or pictures that are in memory
//! already.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::field::bytes_of_whitening;
use super::folder::picture_files;
use super::images::{self, Header};
use super::left_out::{LeftOut, What};
use super::pixels::{Numbers, Pixels};
use super::{Grid, Picture, Preprocess, dead_leaves};
use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;

/// Pictures of one source, in their order; at least one.
#[derive(Debug)]
pub struct Pictures {
    list: Vec<Listed>,
    places: Vec<Place>,
    left_out: LeftOut,
}

/// What is known of a picture before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The file it comes from, or another name for messages.
    pub name: PathBuf,
    /// Pixels across, as the picture is shown.
    pub width: usize,
    /// Pixels down, as the picture is shown.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
}

/// Where the pixels of a picture are.
#[derive(Clone, Debug)]
enum Place {
    /// In the file of that name.
    File(Header),
    /// Drawn anew: seed and number.
    BuiltIn(u64, u64),
    /// In memory.
    Held(Arc<Vec<f32>>),
}

/// The memory that a picture takes while it is made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The picture.
    pub picture: Listed,
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
        let (list, places) = pictures
            .into_iter()
            .map(|Picture { name, width, height, channels, pixels }| {
                (Listed { name, width, height, channels }, Place::Held(Arc::new(pixels)))
            })
            .unzip();
        Self { list, places, left_out: LeftOut::default() }
    }

    /// The pictures of several sources, one behind the other; their pixels are not copied.
    pub(super) fn joined(parts: Vec<Arc<Self>>) -> Self {
        let mut all = Self { list: Vec::new(), places: Vec::new(), left_out: LeftOut::default() };
        for part in parts {
            all.list.extend_from_slice(&part.list);
            all.places.extend_from_slice(&part.places);
        }
        all
    }

    /// The ten dead-leaves pictures of `seed`, drawn when they are asked for.
    pub fn built_in(seed: u64) -> Self {
        let listed = |number| Listed {
            name: dead_leaves::name(number),
            width: dead_leaves::SIDE,
            height: dead_leaves::SIDE,
            channels: 1,
        };
        let list = (0..dead_leaves::PICTURES).map(listed).collect();
        let places = (0..dead_leaves::PICTURES).map(|number| Place::BuiltIn(seed, number)).collect();
        Self { list, places, left_out: LeftOut::default() }
    }

    /// The picture of an open file of `held` bytes.
    pub(super) fn of_file(path: &Path, file: &File, held: u64) -> Result<Self> {
        Ok(Self::of_files(
            vec![path.to_owned()],
            vec![images::header_of(path, file, held)?],
            LeftOut::default(),
        ))
    }

    /// All pictures of a folder in the order of their names.
    pub(super) fn of_folder(folder: &Path) -> Result<Self> {
        let (files, left_out) = picture_files(folder)?;
        if files.is_empty() {
            return Err(Error::input(folder, nothing_in_it(&left_out)));
        }
        // Collected first, so that of several bad files the first by name is reported.
        let headers = files.par_iter().map(|path| images::header(path)).collect::<Vec<_>>();
        let headers = headers.into_iter().collect::<Result<Vec<_>>>()?;
        if let Some(warning) = left_out.warning() {
            tracing::warn!("{}: {warning}", folder.display());
        }
        Ok(Self::of_files(files, headers, left_out))
    }

    fn of_files(files: Vec<PathBuf>, headers: Vec<Header>, left_out: LeftOut) -> Self {
        let turned = headers.iter().filter(|header| header.is_turned()).count();
        if turned > 0 {
            let all = headers.len();
            match all {
                1 => tracing::info!("the picture is turned as its EXIF orientation says"),
                _ => tracing::info!("{turned} of {all} pictures are turned as their EXIF orientation says"),
            }
        }
        let listed = |(name, header): (PathBuf, &Header)| {
            let &Header { width, height, channels, .. } = header;
            Listed { name, width, height, channels }
        };
        let list = files.into_iter().zip(&headers).map(listed).collect();
        Self { list, places: headers.into_iter().map(Place::File).collect(), left_out }
    }

    /// What is known of all of them, in their order.
    pub fn list(&self) -> &[Listed] {
        &self.list
    }

    /// What of a folder was not taken.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// How many are turned or mirrored, as the EXIF orientation in their files asks for.
    pub fn turned(&self) -> usize {
        self.places.iter().filter(|place| matches!(place, Place::File(header) if header.is_turned())).count()
    }

    /// Decodes a picture, whatever memory it takes.
    ///
    /// # Errors
    /// A file that is damaged, or has changed since it was listed.
    pub fn read(&self, number: usize) -> Result<Picture> {
        let Listed { name, width, height, channels } = self.list[number].clone();
        Ok(Picture { name, width, height, channels, pixels: self.decode(number)?.single() })
    }

    /// The pixels of a picture.
    pub(super) fn decode(&self, number: usize) -> Result<Pixels> {
        let &Listed { width, height, channels, .. } = &self.list[number];
        let numbers = match &self.places[number] {
            Place::File(header) => return images::decode(&self.list[number].name, header),
            &Place::BuiltIn(seed, number) => Arc::new(dead_leaves::draw(seed, number)),
            Place::Held(pixels) => Arc::clone(pixels),
        };
        Ok(Pixels { width, height, stride: channels, channels, numbers: Numbers::Floats(numbers) })
    }

    /// Most bytes that a picture takes while it is decoded and made ready in `channels` of a model, whitened or not.
    pub(crate) fn bytes_of(&self, number: usize, channels: usize, whiten: bool) -> u64 {
        let &Listed { width, height, channels: own, .. } = &self.list[number];
        let (decoded, decoding) = match &self.places[number] {
            Place::File(header) => (header.decoded(), header.decoding()),
            Place::BuiltIn(..) => (dead_leaves::BYTES, dead_leaves::BYTES_OF_DRAWING),
            Place::Held(_) => (0, 0),
        };
        let whitening = bytes_of_whitening(width, height, channels.min(own));
        if whiten { decoding.max(decoded + whitening) } else { decoding }
    }

    /// Bytes that pictures take that are in memory already.
    pub(crate) fn held(&self) -> u64 {
        let bytes = |place: &Place| match place {
            Place::Held(pixels) => size_of_val(&pixels[..]) as u64,
            _ => 0,
        };
        self.places.iter().map(bytes).sum()
    }

    /// The picture that takes most while it is made ready under a preprocessing.
    pub fn need(&self, preprocess: &Preprocess) -> Need {
        let channels = preprocess.channels.unwrap_or(1);
        let bytes = |number: &usize| self.bytes_of(*number, channels, preprocess.whiten);
        let most = (0..self.list.len()).rev().max_by_key(bytes).unwrap_or_default();
        Need { picture: self.list[most].clone(), bytes: Bytes(bytes(&most)) }
    }

    /// The grids of patches of all pictures, from their sizes alone.
    ///
    /// # Errors
    /// A picture smaller than one patch, and a preprocessing of rows.
    pub fn grids(&self, preprocess: &Preprocess) -> Result<Vec<Grid>> {
        let Some(patch) = preprocess.patch else {
            let reason = "these are images, but the model was trained on rows and knows no patch size";
            return Err(Error::input(DATA, format!("{reason}; give rows as .npy, IDX or safetensors")));
        };
        check_size(&self.list, patch)?;
        Ok(self.list.iter().map(|p| Grid { across: p.width / patch, down: p.height / patch }).collect())
    }

    /// What the grid of patches leaves out of the pictures at the right and at the bottom, in words; `None` where it leaves
    /// out nothing.
    pub fn cropped(&self, patch: usize) -> Option<String> {
        let left = |size: usize| size % patch.max(1);
        let cropped: Vec<&Listed> = self.list.iter().filter(|p| left(p.width) + left(p.height) > 0).collect();
        let first = cropped.first()?;
        let &&Listed { width, height, .. } = first;
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
        let is_one = |p: &Listed| (p.width, p.height) == (side, side);
        self.list.iter().all(is_one).then_some((side, self.list.len()))
    }
}

/// Fewest pixels that somebody may have meant by a side of a picture, less one.
const THINNEST: usize = 4;

/// Fails on a patch without pixels and names the first picture that is smaller than one patch.
pub fn check_size(list: &[Listed], patch: usize) -> Result<()> {
    if patch == 0 {
        return Err(Error::usage("--patch 0: a patch needs at least one pixel"));
    }
    let Some(small) = list.iter().find(|p| p.width.min(p.height) < patch) else { return Ok(()) };
    let (width, height) = (small.width, small.height);
    let side = width.min(height);
    // So thin a picture is an array whose dimensions are others.
    let of_array =
        if side <= THINNEST { "; of an array, say with --axes which dimensions are h and w" } else { "" };
    let remedy = format!("give a --patch of at most {side}, or larger pictures{of_array}");
    Err(Error::input(
        &small.name,
        format!("{width}×{height} pixels are smaller than one patch of {patch}×{patch}; {remedy}"),
    ))
}

/// Why a folder has no pictures, and what to do.
fn nothing_in_it(left_out: &LeftOut) -> String {
    let fact = "no PNG or JPEG images in this folder";
    if left_out.count_of(What::InSubfolder) > 0 || left_out.warning().is_some() {
        return format!("{fact}; {}", left_out.warning().unwrap_or_default());
    }
    format!("{fact}; put some into it (subfolders are not searched), or give a .npy, IDX or safetensors file")
}
