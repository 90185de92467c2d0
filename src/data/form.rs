//! The form of pictures that rows of numbers are: `28x28`, `32x32x3`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Height, width and channels of pictures whose pixels are the numbers of a row, `[height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Form {
    /// Pixels down.
    pub height: usize,
    /// Pixels across.
    pub width: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
}

impl Form {
    /// Numbers of a picture; `None` for more than can be counted.
    pub fn numbers(self) -> Option<usize> {
        self.height.checked_mul(self.width)?.checked_mul(self.channels)
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!("{text:?}: {why}; give height, width and, for colour, 3, as 28x28 or 32x32x3")
        };
        let lengths = text.split(['x', 'X', '×']).map(|length| length.trim().parse::<usize>());
        let lengths = lengths.collect::<Result<Vec<_>, _>>().map_err(|_| refused("no form of pictures"))?;
        let form = match lengths[..] {
            [height, width] => Self { height, width, channels: 1 },
            [height, width, channels @ (1 | 3)] => Self { height, width, channels },
            [1 | 3, _, _] => return Err(refused("channels stand last here")),
            [_, _, _] => return Err(refused("pictures have 1 or 3 channels")),
            _ => return Err(refused("no form of pictures")),
        };
        match form.numbers() {
            Some(1..) => Ok(form),
            _ => Err(refused("each length is 1 or more")),
        }
    }
}

impl TryFrom<String> for Form {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Form> for String {
    fn from(form: Form) -> Self {
        form.to_string()
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { height, width, channels } = self;
        if *channels == 1 { write!(f, "{height}x{width}") } else { write!(f, "{height}x{width}x{channels}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_they_are_written_and_others_refused() {
        for (text, form) in
            [("28x28", [28, 28, 1]), ("8X12", [8, 12, 1]), ("32×24×3", [32, 24, 3]), ("4x4x1", [4, 4, 1])]
        {
            let found: Form = text.parse().unwrap();
            assert_eq!([found.height, found.width, found.channels], form);
            assert_eq!(found.to_string().parse(), Ok(found));
        }
        for (text, why) in [
            ("784", "no form"),
            ("", "no form"),
            ("28x", "no form"),
            ("0x4", "1 or more"),
            ("3x32x32", "stand last"),
            ("8x8x4", "1 or 3"),
            ("99999999999x99999999999", "1 or more"),
            ("1x2x3x4", "no form"),
        ] {
            let error = text.parse::<Form>().unwrap_err();
            assert!(error.contains(why) && error.contains("28x28"), "{error}");
        }
    }
}
