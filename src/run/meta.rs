//! The meaning of a model's numbers, which its file holds beside them as JSON.

use serde::{Deserialize, Serialize};

use crate::data::Preprocess;
use crate::math::objective::Objective;
use crate::math::params::Shape;
use crate::run::picture::form_of;

/// The metadata key.
pub(super) const KEY: &str = "rhohat";
/// Version of the metadata; raised when an older reader would misunderstand it. Version 1 knows no scale: it divides all bytes
/// by 255, which is right for models of pictures; version 2 knows no columns. Each model is written in the first that can say
/// all of it.
const FORMAT: u64 = 3;
const WITHOUT_COLUMNS: u64 = 2;
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
        let (patch, channels) = form_of(None, shape.visible).map(|form| (form.width, form.channels)).unzip();
        let preprocess = Preprocess { patch, channels, ..Preprocess::AS_IS };
        Self { objective: Objective::default(), preprocess, seed: 0 }
    }

    /// JSON with sorted keys, on which "the same bytes" relies.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_value(self).expect("numbers and names have a JSON form");
        json["format"] = self.format().into();
        json.sort_all_objects();
        json.to_string()
    }

    /// The first version that can say all of it.
    fn format(&self) -> u64 {
        match &self.preprocess {
            preprocess if preprocess.columns.is_some() || preprocess.form.is_some() => FORMAT,
            preprocess if preprocess.scale.is_pixels() => WITHOUT_SCALE,
            _ => WITHOUT_COLUMNS,
        }
    }

    pub(super) fn from_json(json: &str) -> Result<Self, String> {
        let unreadable = |error| format!("its metadata {KEY} cannot be read ({error})");
        let json: serde_json::Value = serde_json::from_str(json).map_err(unreadable)?;
        match json["format"].as_u64() {
            Some(WITHOUT_SCALE..=FORMAT) => serde_json::from_value(json).map_err(unreadable),
            Some(other) => Err(format!(
                "format {other}, but this version reads formats {WITHOUT_SCALE} to {FORMAT}; upgrade rhohat"
            )),
            None => Err(format!("its metadata {KEY} names no format; the file is damaged")),
        }
    }

    /// Refuses what would lead preprocessing astray; what the objective takes is checked where it is used, since flags may
    /// override it.
    pub(super) fn check(&self, shape: Shape) -> Result<(), String> {
        check_preprocess(&self.preprocess, shape.visible)
    }
}

/// Refuses a preprocessing that makes no examples of `visible` numbers.
pub(super) fn check_preprocess(preprocess: &Preprocess, visible: usize) -> Result<(), String> {
    let Preprocess { patch, channels, limits, .. } = *preprocess;
    let inputs = preprocess.inputs_of(visible);
    check_columns(preprocess, visible)?;
    let width = |(patch, channels): (usize, usize)| patch.checked_mul(patch)?.checked_mul(channels);
    match (patch, channels) {
        (None, None) => {}
        (Some(patch), Some(channels @ (1 | 3))) => {
            if width((patch, channels)) != Some(inputs) {
                return Err(format!("patches of {patch}×{patch}×{channels} for {inputs} visible units"));
            }
        }
        _ => {
            return Err(format!("patch {patch:?} with {channels:?} channels, but 1 or 3 go with a patch"));
        }
    }
    match limits {
        Some((low, high)) if !(low < high && (high - low).is_finite()) => {
            Err(format!("limits from {low} to {high}, but the second is to be larger"))
        }
        _ => Ok(()),
    }
}

/// Refuses columns that are missing, or that are not those of the model.
fn check_columns(preprocess: &Preprocess, visible: usize) -> Result<(), String> {
    let inputs = preprocess.inputs_of(visible);
    if let Some(form) = preprocess.form.filter(|form| form.numbers() != Some(inputs)) {
        return Err(format!("shape {form} for rows of {inputs} numbers"));
    }
    match &preprocess.columns {
        Some(_) if !preprocess.has_columns() => Err("columns that nothing is done to".to_owned()),
        None if preprocess.has_columns() => Err("columns that are to be preprocessed are missing".to_owned()),
        Some(columns) if columns.outputs != visible => {
            Err(format!("columns of {} numbers for {visible} visible units", columns.outputs))
        }
        _ => Ok(()),
    }
}
