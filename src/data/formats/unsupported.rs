//! Pictures of kinds that are not read, recognised by their first bytes, or by the end of the name where these say nothing.

use std::path::Path;

/// First bytes and what begins with them.
const STARTS: [(&[u8], &str); 22] = [
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"SIMPLE  =", "FITS"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIRS", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"DDS ", "DDS"),
    (b"farbfeld", "farbfeld"),
    (b"<svg", "SVG"),
];

/// Ends of names, in lower case, and what is called so.
const ENDINGS: [(&str, &str); 39] = [
    ("heic", "HEIC"),
    ("heif", "HEIC"),
    ("hif", "HEIC"),
    ("avif", "AVIF"),
    ("jp2", "JPEG 2000"),
    ("j2k", "JPEG 2000"),
    ("jpx", "JPEG 2000"),
    ("jpf", "JPEG 2000"),
    ("jxl", "JPEG XL"),
    ("webp", "WebP"),
    ("gif", "GIF"),
    ("tif", "TIFF"),
    ("tiff", "TIFF"),
    ("bmp", "BMP"),
    ("dib", "BMP"),
    ("pbm", "PNM"),
    ("pgm", "PNM"),
    ("ppm", "PNM"),
    ("pnm", "PNM"),
    ("pfm", "PNM"),
    ("psd", "Photoshop"),
    ("exr", "OpenEXR"),
    ("qoi", "QOI"),
    ("fits", "FITS"),
    ("svg", "SVG"),
    ("dds", "DDS"),
    ("dcm", "DICOM"),
    ("dicom", "DICOM"),
    ("dng", "camera raw"),
    ("cr2", "camera raw"),
    ("cr3", "camera raw"),
    ("nef", "camera raw"),
    ("arw", "camera raw"),
    ("raf", "camera raw"),
    ("orf", "camera raw"),
    ("rw2", "camera raw"),
    ("pef", "camera raw"),
    ("srw", "camera raw"),
    ("x3f", "camera raw"),
];

/// The kind of a picture that is not read, by the first 512 bytes of its file.
pub fn kind(start: &[u8]) -> Option<&'static str> {
    let at = |place: usize, bytes: &[u8]| start.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    if let Some((_, kind)) = STARTS.iter().find(|(bytes, _)| start.starts_with(bytes)) {
        return Some(kind);
    }
    match start {
        _ if at(0, b"RIFF") && at(8, b"WEBP") => Some("WebP"),
        _ if at(128, b"DICM") => Some("DICOM"),
        _ if at(4, b"ftyp") => brand(start.get(8..12)?),
        // Two letters say little: bytes that are 0 in every such file, too.
        _ if at(0, b"BM") && at(6, &[0; 4]) => Some("BMP"),
        [b'P', b'1'..=b'7', white, ..] if white.is_ascii_whitespace() => Some("PNM"),
        _ => None,
    }
}

/// Kinds of files that are boxes, as films are.
fn brand(brand: &[u8]) -> Option<&'static str> {
    match brand {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => Some("HEIC"),
        b"avif" | b"avis" => Some("AVIF"),
        b"crx " => Some("camera raw"),
        _ => None,
    }
}

/// The kind of a picture that is not read, by the name of its file.
pub fn named(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
}

/// Whether a file is named as one that is read.
pub fn is_named_readable(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["png", "apng", "jpg", "jpeg", "jpe", "jfif"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}
