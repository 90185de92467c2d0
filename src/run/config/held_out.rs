//! The setting `validation`: which examples are held out, a share of all or data of their own.

use std::ffi::OsString;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Config, SourceKind};
use crate::data::{DataRecipe, HELD_OUT_PATCHES, Preprocess};
use crate::io::paths::{PathText, Paths};

/// Patches drawn to learn from for each that is drawn from held-out pictures.
const PATCHES: usize = 10;

/// Held-out examples as they are asked for: in files a number or a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a share between 0 and 1, or a path, is needed")]
pub enum HeldOut {
    /// Of the examples so many, drawn by the seed.
    Share(f64),
    /// Rows or pictures that are not learned from.
    Data(Paths),
}

impl HeldOut {
    /// What a command line says: a number, or anything else as a path.
    pub fn of(text: OsString) -> Self {
        let number =
            text.to_str().and_then(|text| text.parse::<f64>().ok()).filter(|share| share.is_finite());
        number.map_or_else(|| Self::Data(PathText::from(text).into()), Self::Share)
    }

    /// The path, where it is one.
    pub fn data(&self) -> Option<&Paths> {
        match self {
            Self::Share(_) => None,
            Self::Data(paths) => Some(paths),
        }
    }
}

impl fmt::Display for HeldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{share}"),
            Self::Data(paths) => write!(f, "{}", paths.name().display()),
        }
    }
}

impl Config {
    /// Of so many examples, those that are held out: at least one, and not all; none where held-out examples are data of their
    /// own.
    pub fn held_out(&self, rows: usize) -> usize {
        match self.validation {
            Some(HeldOut::Share(share)) => {
                ((share * rows as f64).round() as usize).clamp(1, rows.saturating_sub(1).max(1))
            }
            Some(HeldOut::Data(_)) | None => 0,
        }
    }

    /// Held-out examples of any kind.
    pub fn held_out_examples(&self, kind: SourceKind) -> usize {
        match (self.held_out_kind, kind) {
            (Some(SourceKind::Rows { rows, .. }), _) => rows,
            (Some(pictures), _) => self.held_out_patches(pictures),
            (None, SourceKind::Rows { rows, .. }) => self.held_out(rows),
            (None, _) => self.held_out(self.samples.unwrap_or_default()),
        }
    }

    /// Patches of held-out pictures: a tenth of those that are learned from, or where each picture is one patch all of them.
    fn held_out_patches(&self, pictures: SourceKind) -> usize {
        let whole = match pictures {
            SourceKind::Images { squares: Some((side, count)) } if Some(side) == self.patch => Some(count),
            _ => None,
        };
        let drawn = (self.samples.unwrap_or_default() / PATCHES).max(1);
        whole.filter(|_| self.replacement != Some(true)).unwrap_or(drawn)
    }

    /// How examples are made of held-out pictures, with the preprocessing that was fitted on those that are learned from.
    pub fn held_out_recipe(&self, pictures: SourceKind, fitted: Preprocess) -> DataRecipe {
        let samples = self.held_out_patches(pictures);
        DataRecipe { samples, purpose: HELD_OUT_PATCHES, ..self.data_recipe(Some(fitted)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_share_and_anything_else_a_path() {
        for (text, share) in [("0.1", 0.1), ("1", 1.0), ("-0.5", -0.5), ("1e-3", 1e-3)] {
            assert_eq!(HeldOut::of(text.into()), HeldOut::Share(share));
        }
        for text in ["rows.npy", "./0.1", "0.1.npy", "inf", "nan", ""] {
            assert!(matches!(HeldOut::of(text.into()), HeldOut::Data(_)), "{text}");
        }
    }

    #[test]
    fn files_have_a_number_or_a_path() {
        let read = |text: &str| toml::from_str::<Config>(text).unwrap().validation.unwrap();
        let defaults = toml::to_string(&Config::default()).unwrap();
        let with = |line: &str| read(&format!("{line}\n{defaults}"));
        assert_eq!(with("validation = 0.25"), HeldOut::Share(0.25));
        assert_eq!(with("validation = 1"), HeldOut::Share(1.0));
        let named = PathText::from(std::path::PathBuf::from("0.25"));
        assert_eq!(with("validation = \"0.25\""), HeldOut::Data(named.into()));
        let config = Config { validation: Some(HeldOut::of("a.npy".into())), ..Config::default() };
        assert_eq!(config.to_table()["validation"].as_str(), Some("a.npy"));
    }
}
