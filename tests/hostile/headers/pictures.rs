//! Pictures of other kinds than PNG and JPEG: sizes that are not there, strips and tiles beyond the file, tables without end.

use super::{Case, data, readable};

/// A TIFF of numbers in these tags, all of four bytes, and four zeros as its pixels at 8.
fn tiff(tags: &[(u16, u32)]) -> Vec<u8> {
    let own = [(256, 2), (257, 2), (258, 8), (262, 1), (273, 8), (278, 2), (279, 4)];
    let mut all: Vec<(u16, u32)> =
        own.into_iter().filter(|(tag, _)| tags.iter().all(|other| other.0 != *tag)).collect();
    all.extend(tags);
    all.sort_unstable();
    let entry = |&(tag, value): &(u16, u32)| {
        [&tag.to_le_bytes()[..], &4_u16.to_le_bytes(), &1_u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let count = (all.len() as u16).to_le_bytes();
    let entries: Vec<u8> = all.iter().flat_map(entry).collect();
    [b"II*\0\x0c\0\0\0", &[0; 4][..], &count, &entries, &[0; 4]].concat()
}

pub fn tiffs() -> Vec<Case> {
    let case = |tags: &[(u16, u32)], words| data("a.tif", tiff(tags), words);
    let many = [b"MM\0*\0\0\0\x08", &[0xff; 4000][..]].concat();
    let big = [b"II+\0\x08\0\0\0", &[0xff; 8][..]].concat();
    // A directory that is its own next one.
    let loops = || {
        let mut bytes = tiff(&[]);
        let end = bytes.len() - 4;
        bytes[end] = 12;
        bytes
    };
    vec![
        readable("a.tif", || tiff(&[])),
        readable("a.tif", loops),
        case(&[(256, u32::MAX), (257, u32::MAX)], "more than 32768 pixels a side"),
        case(&[(256, 30_000), (257, 30_000)], "268435456 numbers"),
        case(&[(256, 9_000), (257, 9_000), (278, 9_000)], "more than can come out of so short a file"),
        case(&[(256, 0)], "0×2 pixels"),
        case(&[(277, u32::MAX)], "numbers; cut it"),
        case(&[(277, 9)], "9 numbers a pixel"),
        case(&[(278, 0)], "strips or tiles of 2×0"),
        case(&[(273, u32::MAX)], "ends too soon"),
        case(&[(279, u32::MAX), (259, 8)], "cannot be decoded"),
        case(&[(322, u32::MAX), (323, 16), (324, 8), (325, 4)], "strips or tiles of 4294967295×16"),
        case(&[(322, 65_536), (323, 65_536), (324, 8), (325, 4)], "more than can come out"),
        case(&[(322, 1), (323, 1), (324, 8), (325, 4)], "4 strips or tiles are needed, 1"),
        case(&[(258, 0)], "0-bit unsigned"),
        case(&[(258, 32), (339, 3), (317, 9)], "predictor 9"),
        case(&[(259, 99)], "packed as kind 99"),
        case(&[(262, 3)], "a palette of 0 numbers for 256"),
        data("a.tif", many, "a directory of 65535 tags"),
        data("a.tif", big, "ends too soon"),
        data("a.tif", b"II*\0".to_vec(), "ends too soon"),
    ]
}

fn bmp(size: [i32; 2], bits: u16, packing: u32, used: u32) -> Vec<u8> {
    let sizes = size.map(i32::to_le_bytes).concat();
    let header =
        [&40_u32.to_le_bytes()[..], &sizes, &[1, 0], &bits.to_le_bytes(), &packing.to_le_bytes(), &[0; 12]];
    [b"BM", &[0; 8][..], &54_u32.to_le_bytes(), &header.concat(), &used.to_le_bytes(), &[0; 12]].concat()
}

pub fn others() -> Vec<Case> {
    let webp = |chunk: &[u8; 4], length: u32, content: &[u8]| {
        let riff = (4 + 8 + content.len() as u32).to_le_bytes();
        [b"RIFF", &riff[..], b"WEBP", chunk, &length.to_le_bytes(), content].concat()
    };
    // Sides of fourteen bits, less one.
    let lossless = |side: u32| {
        let content = [&[0x2f][..], &((side - 1) | (side - 1) << 14).to_le_bytes(), &[0; 7]].concat();
        webp(b"VP8L", 12, &content)
    };
    let gif = |width: u16, height: u16, frame: u16| {
        let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
        let frame =
            [[0; 4], [frame.to_le_bytes(), frame.to_le_bytes()].concat().try_into().unwrap()].concat();
        [b"GIF89a", &size[..], &[0x80, 0, 0], &[7; 6], b",", &frame, &[0, 2, 2, 0x4c, 1, 0], b";"].concat()
    };
    vec![
        data("a.webp", lossless(16_383), "more than"),
        data("a.webp", lossless(4_000), "more than can come out of so short a file"),
        data("a.webp", webp(b"VP8L", u32::MAX, &[0x2f, 0, 0, 0, 0]), "ends too soon"),
        data("a.webp", webp(b"VP8X", 10, &[0; 10]), "cannot be decoded"),
        data("a.webp", [b"RIFF\xff\xff\xff\xffWEBP", &[0; 40][..]].concat(), "ends too soon"),
        data("a.gif", gif(1, 1, 0), "0×0 pixels"),
        data("a.gif", gif(0, 7, 1), "0×7 pixels"),
        data("a.gif", gif(40_000, 7, 1), "more than 32768 pixels"),
        data("a.gif", gif(9_000, 9_000, 1), "more than can come out of so short a file"),
        data("a.gif", gif(2, 2, 9_000), "more than can come out of so short a file"),
        data("a.gif", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), "without a picture"),
        data("a.bmp", bmp([i32::MAX, 1], 24, 0, 0), "a.bmp"),
        data("a.bmp", bmp([30_000, 30_000], 8, 1, 0), "a.bmp"),
        data("a.bmp", bmp([9_000, 9_000], 24, 0, 0), "more than can come out"),
        data("a.bmp", bmp([9, 9], 24, 0, 0), "9×9 pixels need 252 bytes, 8 are there"),
        data("a.bmp", bmp([1, i32::MIN], 24, 0, 0), "a.bmp"),
        data("a.bmp", bmp([1, 1], 8, 0, u32::MAX), "a.bmp"),
        data("a.pgm", b"P5 99999 1 255\n".to_vec(), "more than 32768 pixels"),
        data("a.pgm", b"P5 99999999999999999999 1 255\n".to_vec(), "cannot be decoded"),
        data("a.pgm", b"P5 9000 9000 255\n".to_vec(), "need 81000000 bytes, 0 are there"),
        data("a.pgm", b"P5 1 1 0\n\0".to_vec(), "largest number of 0"),
        data("a.pgm", b"P5 1 1 65536\n\0".to_vec(), "largest number of 65536"),
        data("a.pgm", b"P2 1 1 255\n4294967296".to_vec(), "too large"),
        data("a.ppm", [b"P6\n#", &[b'x'; 1 << 20][..]].concat(), "ends too soon"),
    ]
}
