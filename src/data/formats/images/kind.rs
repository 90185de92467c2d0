//! The kinds of picture files that are read: their names, the ends of file names, and their first bytes.

use std::path::Path;

/// A kind of picture files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    Png,
    Jpeg,
    Tiff,
    WebP,
    Bmp,
    Gif,
    Pnm,
}

impl ImageKind {
    /// All of them, in the order in which lists name them.
    pub const ALL: [Self; 7] =
        [Self::Png, Self::Jpeg, Self::Tiff, Self::WebP, Self::Bmp, Self::Gif, Self::Pnm];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Pnm => "PNM",
        }
    }

    /// Ends of names, in lower case.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Png => &["png", "apng"],
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Tiff => &["tif", "tiff"],
            Self::WebP => &["webp"],
            Self::Bmp => &["bmp", "dib"],
            Self::Gif => &["gif"],
            Self::Pnm => &["pbm", "pgm", "ppm", "pnm"],
        }
    }

    /// The kind of a file that begins with these bytes.
    pub fn of(start: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.begins(start))
    }

    /// The kind that the name of a file promises.
    pub fn named(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| kind.endings().contains(&ending.as_str()))
    }

    fn begins(self, start: &[u8]) -> bool {
        match self {
            Self::Png => start.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => start.starts_with(b"\xff\xd8\xff"),
            Self::Tiff => [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|it| start.starts_with(*it)),
            Self::WebP => start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP"),
            // Two letters say little: one of the lengths that headers have, too.
            Self::Bmp => {
                let length = start.get(14..18).map(|bytes| [bytes[0], bytes[1], bytes[2], bytes[3]]);
                let known = |length| [12, 40, 52, 56, 64, 108, 124].contains(&u32::from_le_bytes(length));
                start.starts_with(b"BM") && length.is_some_and(known)
            }
            Self::Gif => start.starts_with(b"GIF87a") || start.starts_with(b"GIF89a"),
            // A number or a comment behind the two letters.
            Self::Pnm => match start {
                [b'P', b'1'..=b'6', white, rest @ ..] if white.is_ascii_whitespace() => {
                    let first = rest.trim_ascii_start().first();
                    first.is_some_and(|&byte| byte.is_ascii_digit() || byte == b'#')
                }
                _ => false,
            },
        }
    }
}

/// `PNG, JPEG, … or PNM`.
pub fn names() -> String {
    let [others @ .., last] = ImageKind::ALL.map(ImageKind::name);
    format!("{} or {last}", others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::formats::images::FORMAT;

    #[test]
    fn the_format_of_pictures_names_every_kind_and_its_endings() {
        for kind in ImageKind::ALL {
            assert!(FORMAT.kinds.unwrap().split(", ").any(|name| name == kind.name()), "{kind:?}");
            for ending in kind.endings() {
                assert!(FORMAT.endings.contains(&format!(".{ending}").as_str()), "{ending}");
            }
        }
    }

    #[test]
    fn two_letters_alone_make_no_picture() {
        for text in ["BM is a text about bitmaps", "P5 or not P5", "P1\n", "GIF", "RIFF1234WAVE"] {
            assert_eq!(ImageKind::of(text.as_bytes()), None, "{text}");
        }
    }
}
