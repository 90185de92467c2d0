//! Pictures: sizes that are not there, and what unpacks to far more than it has bytes.

use super::{Case, data, readable};
use crate::formats::{fixture, with_checksums};

/// A PNG with this header and these chunks.
fn png_of(width: u32, height: u32, depth: u8, color: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, 0]].concat();
    let all = [(b"IHDR", &header[..])].into_iter().chain(chunks.iter().copied()).chain([(b"IEND", &[][..])]);
    let chunk = |(name, data): (&[u8; 4], &[u8])| {
        [&(data.len() as u32).to_be_bytes()[..], name, data, &[0; 4]].concat()
    };
    with_checksums(&[b"\x89PNG\r\n\x1a\n".to_vec(), all.flat_map(chunk).collect()].concat())
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A named chunk out of which far more comes than it has bytes.
fn packed(byte: u8) -> Vec<u8> {
    [b"x\0\0", &zlib(&vec![byte; 40 << 20])[..]].concat()
}

pub fn png() -> Vec<Case> {
    let case = |bytes, words| data("a.png", bytes, words);
    let pixel = zlib(&[0, 7]);
    let nothing = zlib(&[]);
    let with = |name: &'static [u8; 4], chunk: fn() -> Vec<u8>| {
        let pixel = pixel.clone();
        move || png_of(1, 1, 8, 0, &[(name, &chunk()), (b"IDAT", &pixel)])
    };
    let remarks = Box::new(with(b"tEXt", || vec![b'x'; 20 << 20]));
    vec![
        case(png_of(u32::MAX, u32::MAX, 8, 0, &[(b"IDAT", &pixel)]), "a.png"),
        case(png_of(0x7fff_ffff, 0x7fff_ffff, 8, 0, &[(b"IDAT", &pixel)]), "32768 pixels a side"),
        case(png_of(40_000, 1, 8, 0, &[(b"IDAT", &pixel)]), "40000×1 pixels, more than 32768"),
        case(png_of(32_768, 32_768, 1, 0, &[(b"IDAT", &pixel)]), "32768×32768 pixels, more than"),
        case(png_of(16_384, 16_384, 8, 0, &[(b"IDAT", &pixel)]), "more than can come out of so short a file"),
        case(png_of(900, 900, 8, 0, &[(b"IDAT", &pixel)]), "more than can come out of so short a file"),
        case(png_of(100, 100, 8, 0, &[(b"IDAT", &pixel)]), "cannot be decoded"),
        case(png_of(0, 5, 8, 0, &[(b"IDAT", &pixel)]), "cannot be decoded"),
        case(png_of(1, 1, 3, 0, &[(b"IDAT", &pixel)]), "cannot be decoded"),
        case(png_of(1, 1, 8, 5, &[(b"IDAT", &pixel)]), "cannot be decoded"),
        case(png_of(1, 1, 8, 3, &[(b"IDAT", &pixel)]), "cannot be decoded"),
        case(png_of(1, 1, 8, 3, &[(b"PLTE", &[9; 49]), (b"IDAT", &pixel)]), "palette (PLTE) has 49 bytes"),
        case(
            png_of(1, 1, 8, 3, &[(b"tEXt", b"a\0b"), (b"PLTE", &[9; 7]), (b"tRNS", &[1]), (b"IDAT", &pixel)]),
            "palette (PLTE) has 7 bytes",
        ),
        case(png_of(1, 1, 8, 3, &[(b"PLTE", &[9; 771]), (b"IDAT", &pixel)]), "cannot be decoded"),
        readable("a.png", || png_of(1, 1, 8, 3, &[(b"PLTE", &[9; 48]), (b"IDAT", &zlib(&[0, 7]))])),
        case(png_of(1, 1, 8, 0, &[(b"IDAT", &nothing)]), "cannot be decoded"),
        case(png_of(1, 1, 8, 0, &[]), "cannot be decoded"),
        readable("a.png", with(b"iCCP", || packed(0))),
        readable("a.png", with(b"zTXt", || packed(b' '))),
        Case { bytes: remarks, ..case(Vec::new(), "MiB of comments") },
        readable("a.png", || png_of(2048, 2048, 8, 0, &[(b"IDAT", &zlib(&vec![0; 2048 * 2049]))])),
    ]
}

/// A picture of so many pixels a side, with zeros behind its end.
fn padded(side: u32, zeros: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
    image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&picture).unwrap();
    bytes.resize(bytes.len() + zeros, 0);
    bytes
}

pub fn jpeg() -> Vec<Case> {
    let case = |bytes, words| data("a.jpg", bytes, words);
    // Height and width stand five bytes behind the mark of a frame.
    let sized = |size: [u8; 4]| {
        let mut bytes = fixture("grey.jpg");
        let frame = bytes.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&size);
        bytes
    };
    // Comments between two scans.
    let scans = || {
        let mut bytes = fixture("grey.jpg");
        let comment = [&[0xff, 0xfe, 0xff, 0xff][..], &[b'x'; 65_533]].concat();
        let end = bytes.len() - 2;
        bytes.splice(end..end, comment.repeat(300));
        bytes
    };
    let stuffed = || {
        let mut bytes = fixture("grey.jpg");
        let comment = [&[0xff, 0xfe, 0xff, 0xff][..], &[b'x'; 65_533]].concat();
        bytes.splice(2..2, comment.repeat(300));
        bytes
    };
    vec![
        case(sized([0xff; 4]), "65535×65535 pixels, more than 32768"),
        case(sized([0x7f, 0xff, 0x7f, 0xff]), "32767×32767 pixels, more than"),
        case(sized([0x20, 0, 0x20, 0]), "more than can come out of so short a file"),
        case(sized([0; 4]), "cannot be decoded"),
        case(sized([0, 0, 0, 16]), "cannot be decoded"),
        case(b"\xff\xd8\xff\xd9".to_vec(), "a.jpg"),
        Case { bytes: Box::new(stuffed), ..case(Vec::new(), "a.jpg") },
        // What follows the end of the image is not looked at, whatever it is and however long.
        readable("a.jpg", || padded(20, 17 << 20)),
        readable("a.jpg", || padded(500, (16 << 20) + (1 << 18))),
        readable("a.jpg", || [padded(20, 9), vec![0xff; 99], padded(30, 0)].concat()),
        Case { bytes: Box::new(scans), ..case(Vec::new(), "more than a picture of its size needs") },
    ]
}
