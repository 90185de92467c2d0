//! The scale of raw numbers: a divisor that is applied before anything else, and its form in files.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::dtype::DType;

/// The scale of raw numbers. In files it is the divisor, 1 for numbers that are taken as they are; [`Scale::Pixels`] is the
/// absent field, since version 0.1.0 knew no other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scale {
    /// Whatever they are stored as, numbers are taken as they are.
    AsIs,
    /// Numbers are divided by this one.
    Divide(f64),
    /// Bytes are divided by 255 and whole numbers of 16 bits by 65 535, all others are as they are: pictures, IDX files, and all rows
    /// of version 0.1.0, which knew no whole numbers but bytes.
    #[default]
    Pixels,
}

impl Scale {
    /// Division by `divisor`.
    ///
    /// # Errors
    /// Anything but a finite number from 1 up.
    pub fn of(divisor: f64) -> Result<Self, String> {
        match divisor {
            1.0 => Ok(Self::AsIs),
            _ if divisor > 1.0 && divisor.is_finite() => Ok(Self::Divide(divisor)),
            _ => Err(format!(
                "{divisor} divides no scale; give a number from 1 up, as 255 for bytes of pixels"
            )),
        }
    }

    /// The divisor of numbers of this type.
    pub fn divisor(self, dtype: DType) -> f64 {
        match self {
            Self::AsIs => 1.0,
            Self::Divide(divisor) => divisor,
            Self::Pixels => dtype.white().unwrap_or(1.0),
        }
    }

    /// The same for numbers of one kind, without a look at the kind.
    pub fn for_dtype(self, dtype: DType) -> Self {
        match (self, dtype.white()) {
            (Self::Pixels, Some(white)) => Self::Divide(white),
            _ => self,
        }
    }

    /// Whether this is the scale that files leave out.
    pub fn is_pixels(&self) -> bool {
        *self == Self::Pixels
    }

    /// As a setting: `None` for [`Scale::Pixels`].
    pub fn given(self) -> Option<Self> {
        Some(self).filter(|scale| !scale.is_pixels())
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of(text.parse().map_err(|_| format!("{text:?} is no number; give one from 1 up, as 255"))?)
    }
}

impl Serialize for Scale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AsIs => serializer.serialize_f64(1.0),
            Self::Divide(divisor) => serializer.serialize_f64(*divisor),
            Self::Pixels => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Scale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A divisor in words.
pub fn in_words(divisor: f64) -> String {
    if divisor == 1.0 { "taken as they are".to_owned() } else { format!("divided by {divisor}") }
}
