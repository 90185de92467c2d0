//! The memory of pictures in the plan of a run: while patches are cut, before there is an engine.

use super::{Config, MemoryPlan, SourceKind};
use crate::data::{BYTES_OF_DRAW, PictureInfo, Pictures, Source, remedy, too_large};
use crate::engine::device::Choice;
use crate::error::{Error, Result};
use crate::io::memory::{Bytes, available};

/// Memory of the pictures of a run.
struct Stage {
    /// The picture that takes most while it is made ready.
    largest: PictureInfo,
    /// Bytes that it takes.
    least: u64,
    /// Bytes of as many at once as there are threads.
    most: u64,
    /// Bytes that are held meanwhile: the program, patches, pictures that are in memory anyway.
    beside: u64,
}

impl MemoryPlan {
    /// The plan with what pictures take while patches are cut, to learn from and from pictures that are held out: as many at once
    /// as there are threads, if that fits, else fewer. `source` is `None` for the built-in ones.
    ///
    /// # Errors
    /// Where one picture alone does not fit: [`Error::Usage`] where `--memory` is given, else [`Error::Input`], which names
    /// the picture.
    pub fn with_pictures(
        self,
        config: &Config,
        (source, held_out): (Option<&Source>, Option<&Source>),
        choice: &Choice,
    ) -> Result<Self> {
        let samples = config.samples.unwrap_or_default();
        let stage = match source {
            None => self.stage(config, &Pictures::built_in(config.seed), samples),
            Some(Source::Images(pictures)) => self.stage(config, pictures, samples),
            Some(Source::Rows(_) | Source::Stored(_)) => return Ok(self),
        };
        let stage = match held_out {
            Some(held_out @ Source::Images(pictures)) => {
                let samples = config.held_out_examples(SourceKind::of(Some(held_out)));
                stage.and(self.stage(config, pictures, samples), self.program)
            }
            _ => stage,
        };
        let room = config.memory.or_else(available).map_or(u64::MAX, |bytes| bytes.0);
        if stage.beside.saturating_add(stage.least) > room {
            return Err(stage.refused(config, room));
        }
        let at_once = stage.most.min(room - stage.beside).max(stage.least);
        if choice.has_own_memory() {
            // The plan is that of the device, pictures are made ready in the memory of the host.
            return Ok(Self { for_pictures: at_once, ..self });
        }
        let pictures = (stage.beside + at_once).saturating_sub(self.total);
        let total = self.total + pictures;
        Ok(Self { pictures, total, for_pictures: total - stage.beside, ..self })
    }

    fn stage(&self, config: &Config, pictures: &Pictures, samples: usize) -> Stage {
        let recipe = config.data_recipe(None);
        let channels = if recipe.color { 3 } else { 1 };
        let bytes = |number: usize| pictures.bytes_of(number, channels, recipe.whiten);
        let mut all: Vec<(u64, usize)> =
            (0..pictures.list().len()).map(|number| (bytes(number), number)).collect();
        // Of several that take as much, the first is named.
        all.sort_by_key(|&(bytes, _)| std::cmp::Reverse(bytes));
        let (least, largest) = all[0];
        let most = all.iter().take(rayon::current_num_threads().max(1)).map(|(bytes, _)| bytes).sum();
        let patches = samples as u64 * (8 * self.visible as u64 + BYTES_OF_DRAW);
        let beside = self.program + patches + pictures.resident_bytes();
        Stage { largest: pictures.list()[largest].clone(), least, most, beside }
    }
}

impl Stage {
    /// With pictures of another source that are made ready while the patches of these are held, `program` being counted once.
    fn and(self, other: Self, program: u64) -> Self {
        let (most, beside) = (self.most.max(other.most), self.beside + other.beside - program);
        let Self { largest, least, .. } = if other.least > self.least { other } else { self };
        Self { largest, least, most, beside }
    }

    fn refused(&self, config: &Config, room: u64) -> Error {
        let PictureInfo { name, width, height, .. } = &self.largest;
        let whiten = config.whiten == Some(true);
        let fact = too_large(*width, *height, whiten, self.least);
        let beside = format!("{fact}, beside {} for patches and the program", Bytes(self.beside));
        let needed = self.beside + self.least;
        let fewer = if self.beside > self.least { "lower `samples`, " } else { "" };
        let remedy = format!("{fewer}{}", remedy(whiten));
        match config.memory {
            Some(there) => Error::usage(format!(
                "`memory` {there}: {}: {beside}; {remedy}, or give `memory` {}",
                name.display(),
                Bytes(needed).rounded_up()
            )),
            None => Error::input(name, format!("{beside}, but {} of memory are free; {remedy}", Bytes(room))),
        }
    }
}
