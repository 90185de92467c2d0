//! The meaning of a model's numbers, which its file holds beside them as JSON.

use serde::{Deserialize, Serialize};

use crate::data::{Normalize, Preprocess, Scale};
use crate::math::objective::Objective;
use crate::math::params::Shape;
use crate::run::picture::Tile;

/// The metadata key.
pub(super) const KEY: &str = "rhohat";
/// Version of the metadata; raised when an older reader would misunderstand it. Version 1 knows no scale: it divides all bytes
/// by 255, which is right for models of pictures, and they are written as such.
const FORMAT: u64 = 2;
const WITHOUT_SCALE: u64 = 1;

/// The meaning of a model's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Activations, ρ, β and λ that it was trained with.
    #[serde(flatten)]
    pub objective: Objective,
    /// How raw data become its examples.
    pub preprocess: Preprocess,
    /// Seed of the run.
    pub seed: u64,
}

impl Meta {
    /// Assumptions about another program's model: sigmoid to sigmoid without preprocessing, and patches where the width is
    /// that of a square.
    pub fn foreign(shape: Shape) -> Self {
        let (patch, channels) = Tile::of(None, shape.visible).map(|tile| (tile.side, tile.channels)).unzip();
        let (scale, normalize, limits) = (Scale::AsIs, Normalize::None, None);
        let preprocess = Preprocess { patch, channels, whiten: false, scale, normalize, limits };
        Self { objective: Objective::default(), preprocess, seed: 0 }
    }

    /// JSON with sorted keys, on which "the same bytes" relies.
    pub(super) fn to_json(&self) -> String {
        let mut json = serde_json::to_value(self).expect("numbers and names have a JSON form");
        json["format"] = if self.preprocess.scale.is_pixels() { WITHOUT_SCALE } else { FORMAT }.into();
        json.sort_all_objects();
        json.to_string()
    }

    pub(super) fn from_json(json: &str) -> Result<Self, String> {
        let unreadable = |error| format!("its metadata {KEY} cannot be read ({error})");
        let json: serde_json::Value = serde_json::from_str(json).map_err(unreadable)?;
        match json["format"].as_u64() {
            Some(WITHOUT_SCALE | FORMAT) => serde_json::from_value(json).map_err(unreadable),
            Some(other) => Err(format!(
                "format {other}, but this version reads format {WITHOUT_SCALE} and {FORMAT}; upgrade rhohat"
            )),
            None => Err(format!("its metadata {KEY} names no format; the file is damaged")),
        }
    }

    /// Refuses what would lead preprocessing astray; what the objective takes is checked where it is used, since flags may
    /// override it.
    pub(super) fn check(&self, shape: Shape) -> Result<(), String> {
        let Preprocess { patch, channels, limits, .. } = self.preprocess;
        let width = |(patch, channels): (usize, usize)| patch.checked_mul(patch)?.checked_mul(channels);
        match (patch, channels) {
            (None, None) => {}
            (Some(patch), Some(channels @ (1 | 3))) => {
                if width((patch, channels)) != Some(shape.visible) {
                    let visible = shape.visible;
                    return Err(format!("patches of {patch}×{patch}×{channels} for {visible} visible units"));
                }
            }
            _ => {
                return Err(format!(
                    "patch {patch:?} with {channels:?} channels, but 1 or 3 go with a patch"
                ));
            }
        }
        match limits {
            Some((low, high)) if !(low < high && (high - low).is_finite()) => {
                Err(format!("limits from {low} to {high}, but the second is to be larger"))
            }
            _ => Ok(()),
        }
    }
}
