//! Pictures of kinds that are not read, recognised by their first bytes, or by the end of the name where these say nothing.

use std::path::Path;

use super::conversion::{python, saved};

/// First bytes and what begins with them.
const STARTS: [(&[u8], &str); 16] = [
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
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
const ENDINGS: [(&str, &str); 30] = [
    ("heic", "HEIC"),
    ("heif", "HEIC"),
    ("hif", "HEIC"),
    ("avif", "AVIF"),
    ("jp2", "JPEG 2000"),
    ("j2k", "JPEG 2000"),
    ("jpx", "JPEG 2000"),
    ("jpf", "JPEG 2000"),
    ("jxl", "JPEG XL"),
    ("pfm", "PFM"),
    ("pam", "PAM"),
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
        _ if at(128, b"DICM") => Some("DICOM"),
        _ if at(4, b"ftyp") => brand(start.get(8..12)?),
        [b'P', b'7', b'\n', ..] => Some("PAM"),
        [b'P', b'F' | b'f', b'\n', b'0'..=b'9', ..] => Some("PFM"),
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

/// The line of Python that makes a picture or an array that is read of one of these.
pub fn remedy(kind: &str, path: &Path) -> String {
    let file = python(path);
    let saved_as_png = "save('converted.png')";
    match kind {
        "HEIC" | "AVIF" => {
            format!(
                "import pillow_heif; pillow_heif.register_heif_opener(); PIL.Image.open({file}).{saved_as_png}"
            )
        }
        "JPEG XL" => format!("import pillow_jxl; PIL.Image.open({file}).{saved_as_png}"),
        "camera raw" => format!("imageio.imwrite('converted.png', rawpy.imread({file}).postprocess())"),
        "DICOM" => saved(&format!("pydicom.dcmread({file}).pixel_array.astype('float32')")),
        "FITS" => saved(&format!("astropy.io.fits.getdata({file}).astype('<f4')")),
        "OpenEXR" | "Radiance HDR" => saved(&format!("cv2.imread({file}, cv2.IMREAD_UNCHANGED)[..., 2::-1]")),
        "PFM" => saved(&format!("cv2.imread({file}, cv2.IMREAD_UNCHANGED)")),
        "SVG" => format!("cairosvg.svg2png(url={file}, write_to='converted.png')"),
        _ => format!("PIL.Image.open({file}).convert('RGB').{saved_as_png}"),
    }
}
