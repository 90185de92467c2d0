//! Absurd headers, made by hand: what each promises, and the words in which it is refused.

use std::path::Path;

use crate::formats::{fixture, gz_of, model_with, npy_of, npz_of, with_checksums};
use crate::readers::{Seen, read_config, read_data, read_model};
use crate::watched::Judge;

/// Counts as the name of a format.
pub const NAME: &str = "headers";
/// Fewest cases.
pub const LEAST: usize = 60;

/// All cases, in groups that are made one after the other.
pub const ALL: [fn() -> Vec<Case>; 8] = [npy, npz, idx, png, jpeg, safetensors, models, configurations];

/// One file.
pub struct Case {
    file: &'static str,
    /// Made when its turn comes, since some are large.
    bytes: Box<dyn FnOnce() -> Vec<u8>>,
    read: fn(&Path) -> rhohat::Result<Seen>,
    /// Words of the refusal; none if it is to be read.
    words: Option<&'static str>,
}

impl Case {
    /// Runs it; what is wrong with the answer, if anything is.
    pub fn run(self, folder: &Path, judge: &mut Judge) -> Option<String> {
        let Self { file, bytes, read, words } = self;
        let said = judge.case(&folder.join(file), bytes(), read);
        let is_right = match (words, &said) {
            (Some(words), Some(text)) => text.contains(words),
            (None, None) => true,
            _ => false,
        };
        (!is_right).then(|| format!("{file} was to say {words:?}, but said {said:?}"))
    }
}

fn data(file: &'static str, bytes: Vec<u8>, words: &'static str) -> Case {
    Case { file, bytes: Box::new(move || bytes), read: read_data, words: Some(words) }
}

/// One that is to be read.
fn readable(file: &'static str, bytes: impl FnOnce() -> Vec<u8> + 'static) -> Case {
    Case { file, bytes: Box::new(bytes), read: read_data, words: None }
}

fn npy() -> Vec<Case> {
    let with = |descr: &str, fortran: &str, shape: &str| {
        let header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
        npy_of(header.as_bytes(), &[0; 8])
    };
    let shape = |shape: &str, words| data("a.npy", with("'<f4'", "False", shape), words);
    let kind = |descr: &str, words| data("a.npy", with(descr, "False", "(1, 2)"), words);
    let header = |header: &[u8], words| data("a.npy", npy_of(header, &[0; 8]), words);
    let version = |bytes: &[u8], words| data("a.npy", [b"\x93NUMPY", bytes].concat(), words);
    vec![
        shape("(18446744073709551615, 2)", "promises more bytes than memory has"),
        shape("(4611686018427387904, 4)", "promises more bytes than memory has"),
        shape("(18446744073709551616, 2)", "shape (18446744073709551616, 2) cannot be read"),
        shape("(99999999999999999999999999, 1)", "cannot be read"),
        shape("(1000000000, 1000000000)", "promises 4000000000000000000 bytes, the file holds 8"),
        shape("(-1, 2)", "shape (-1, 2) cannot be read"),
        shape("(1, -2)", "shape (1, -2) cannot be read"),
        shape("(1.5, 2)", "shape (1.5, 2) cannot be read"),
        shape("('a', 2)", "shape ('a', 2) cannot be read"),
        shape("None", "shape None"),
        shape("2", "shape 2"),
        shape("[1, 2]", "shape [1, 2]"),
        shape("((1, 2), 2)", "shape ((1, 2) cannot be read"),
        shape("(1, 2", "cannot be read"),
        shape("()", "shape []"),
        shape("(2,)", "shape [2]"),
        shape("(1, 1, 1, 2)", "shape [1, 1, 1, 2]"),
        shape("(1, 1, 1, 1, 2)", "shape [1, 1, 1, 1, 2]"),
        shape(&format!("({})", "1, ".repeat(10_000)), "an array of shape [1, 1"),
        shape("(0, 2)", "promises 0 bytes, the file holds 8"),
        shape("(0, 18446744073709551615, 18446744073709551615)", "the file holds 8"),
        readable("a.npy", move || with("'>f4'", "False", "(1, 2)")),
        kind("'<c16'", "numbers of type '<c16'"),
        kind("'|O'", "numbers of type '|O'"),
        kind("'<U5'", "numbers of type '<U5'"),
        kind("'<f16'", "numbers of type '<f16'"),
        kind("'<i8'", "numbers of type '<i8'"),
        kind("''", "numbers of type ''"),
        kind("'\u{1b}[2J'", "numbers of type '\\u{1b}[2J'"),
        kind(&format!("'{}'", "x".repeat(50_000)), "astype('float32')"),
        kind("[('a', '<f4')]", "a structured array"),
        kind("None", "a structured array"),
        data("a.npy", with("'<f4'", "Maybe", "(1, 2)"), "fortran_order Maybe"),
        header(b"", "the header has no descr"),
        header(b"{}", "the header has no descr"),
        header(b"{'descr': '<f4'}", "the header has no fortran_order"),
        header(b"{'descr': '<f4', 'fortran_order': True}", "the header has no shape"),
        header(b"\xff\xfe\xff", "the header is not text"),
        version(b"\x01\x00", "too few for the header"),
        version(b"\x01\x00\xff\xff{}", "too few for the header"),
        version(b"\x02\x00\xff\xff\xff\xff{}", "a header of 4294967295 bytes"),
        version(b"\x09\x00\x02\x00{}", "version 9 of the format"),
        version(b"", "too few for the header"),
    ]
}

fn npz() -> Vec<Case> {
    let case = |bytes, words| data("a.npz", bytes, words);
    let changed = |place: usize, with: &'static [u8]| {
        let mut bytes = fixture("one.npz");
        let end = bytes.len() - 22;
        bytes[end + place..end + place + with.len()].copy_from_slice(with);
        bytes
    };
    // In the directory of files: method, sizes and place of the first.
    let entry = |place: usize, with: &[u8]| {
        let mut bytes = fixture("one.npz");
        let start = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        bytes[start + place..start + place + with.len()].copy_from_slice(with);
        bytes
    };
    let bomb =
        npy_of(b"{'descr': '|u1', 'fortran_order': False, 'shape': (4000, 1000)}", &vec![0; 4_000_000]);
    let liar = npy_of(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}", &[0; 64]);
    let short = npy_of(b"{'descr': '<f8', 'fortran_order': False, 'shape': (10, 10)}", &[0; 64]);
    let long = npy_of(b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}", &[0; 64]);
    vec![
        readable("a.npz", move || changed(10, &[0xff; 2])),
        readable("a.npz", move || changed(12, &[0xff; 4])),
        case(changed(16, &[0xff; 4]), "no whole zip archive"),
        case(entry(10, &[99, 0]), "packed by method 99"),
        case(entry(20, &[0xfe; 4]), "a.npz:rows.npy"),
        case(entry(42, &[0xfe; 4]), "no whole zip archive"),
        case(entry(8, &[1, 0]), "encrypted"),
        case(entry(46, b"rows.txt"), "without a .npy file"),
        case(entry(16, &[1; 4]), "cannot be unpacked"),
        case(b"PK\x05\x06".iter().copied().chain([0; 18]).collect(), "without a .npy file"),
        case(b"PK\x03\x04".to_vec(), "no whole zip archive"),
        case(npz_of(&liar), "cannot come out of"),
        case(npz_of(&short), "cannot be unpacked"),
        case(npz_of(&long), "more comes out of it than shape [2, 2] promises"),
        case(npz_of(b"text"), "too few for the header"),
        readable("a.npz", move || npz_of(&bomb)),
    ]
}

fn idx() -> Vec<Case> {
    let head = |kind: u8, dimensions: u8, lengths: &[u32]| {
        let lengths = lengths.iter().flat_map(|length| length.to_be_bytes());
        [0, 0, kind, dimensions].into_iter().chain(lengths).collect::<Vec<u8>>()
    };
    let case = |bytes, words| data("a.idx", bytes, words);
    let huge = head(8, 3, &[u32::MAX; 3]);
    let mut bomb = head(8, 3, &[4000, 100, 10]);
    bomb.resize(bomb.len() + 4_000_000, 0);
    vec![
        case(huge.clone(), "shape [4294967295, 4294967295, 4294967295]"),
        case(head(8, 4, &[u32::MAX; 4]), "promises more bytes than memory has"),
        case(head(8, 2, &[0, 0]), "no numbers"),
        case(head(8, 2, &[5, 0]), "no numbers"),
        case(head(8, 4, &[0, u32::MAX, u32::MAX, u32::MAX]), "no numbers"),
        case(head(8, 3, &[1]), "too few for a header of 3 dimensions"),
        case(head(8, 8, &[1; 8]), "8 dimensions"),
        case(head(13, 2, &[1, 1]), "numbers of type 0x0d"),
        case(head(8, 1, &[3]), "labels"),
        data("a.gz", gz_of(&huge), "cannot come out of"),
        data("a.gz", gz_of(&head(8, 2, &[100, 10])), "cannot be unpacked"),
        data("a.gz", gz_of(&[0; 4_000_000]), "holds no IDX data"),
        data("a.gz", gz_of(&[]), "holds no IDX data"),
        data("a.gz", gz_of(&gz_of(&huge)), "holds no IDX data"),
        data("a.gz", vec![0x1f, 0x8b], "cannot be unpacked"),
        readable("a.gz", move || gz_of(&bomb)),
    ]
}

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

fn png() -> Vec<Case> {
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
        case(png_of(1, 1, 8, 0, &[(b"IDAT", &nothing)]), "cannot be decoded"),
        case(png_of(1, 1, 8, 0, &[]), "cannot be decoded"),
        readable("a.png", with(b"iCCP", || packed(0))),
        readable("a.png", with(b"zTXt", || packed(b' '))),
        Case { bytes: remarks, ..case(Vec::new(), "MiB of comments") },
        readable("a.png", || png_of(2048, 2048, 8, 0, &[(b"IDAT", &zlib(&vec![0; 2048 * 2049]))])),
    ]
}

fn jpeg() -> Vec<Case> {
    let case = |bytes, words| data("a.jpg", bytes, words);
    // Height and width stand five bytes behind the mark of a frame.
    let sized = |size: [u8; 4]| {
        let mut bytes = fixture("grey.jpg");
        let frame = bytes.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&size);
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
    ]
}

fn safetensors() -> Vec<Case> {
    let case = |bytes, words| data("a.safetensors", bytes, words);
    let of = |header: &str, data: usize| {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    };
    let tensor = |shape: &str, offsets: &str| {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let length = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
    let long =
        format!(r#"{{"a":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#, "1,".repeat(500_000));
    let deep = "[".repeat(900_000);
    vec![
        case(length(0), "no whole safetensors file"),
        case(length(3), "a header of 3 bytes in a file of 10"),
        case(length(99_999_999), "a header of 99999999 bytes in a file of 10"),
        case(of("{", 0), "its header"),
        case(of("{}", 4), "its tensors take 0 bytes, but 4 follow"),
        case(of("{}", 0), "no tensor has two dimensions"),
        case(of(&tensor("[1,2]", "[0,18446744073709551615]"), 8), "no whole safetensors file"),
        case(of(&tensor("[4294967296,4294967296]", "[0,8]"), 8), "no whole safetensors file"),
        case(of(&tensor("[1,2]", "[8,0]"), 8), "no whole safetensors file"),
        case(of(&tensor("[1,2]", "[4,12]"), 12), "no whole safetensors file"),
        case(of(&tensor("[-1,2]", "[0,8]"), 8), "its header"),
        case(of(&tensor("[0,2]", "[0,0]"), 0), "no numbers"),
        case(of(&tensor("[2,0]", "[0,0]"), 0), "no numbers"),
        case(of(&tensor("[1,2]", "[0,8]").replace("F32", "F4"), 8), "no whole safetensors file"),
        case(of(&tensor("[1,2]", "[0,8]").replace("F32", "C64"), 8), "no whole safetensors file"),
        case(of(&tensor("[1,2]", "[0,8]").replace("F32", "I32"), 8), "holds I32 numbers"),
        case(
            of(&tensor("[1,2,1]", "[0,8]").replace("\"a\"", "\"a\\u001b[2J\\nb\""), 8),
            "a\\u{1b}[2J\\nb [1, 2, 1]",
        ),
        case(of(&format!("{{{deep}"), 0), "no whole safetensors file"),
        case(of(&long, 4), "no tensor has two dimensions"),
        case(of(&format!("{{}}{}", " ".repeat(2 << 20)), 0), "a header of 2097154 bytes, but 1048576"),
    ]
}

fn models() -> Vec<Case> {
    let case = |from: &str, to: &str, words| {
        let bytes = model_with(|text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        });
        Case { read: read_model, ..data("model.safetensors", bytes, words) }
    };
    vec![
        case("[-0.5,0.5]", "[0.5,-0.5]", "limits from 0.5 to -0.5"),
        case("[-0.5,0.5]", "[0.5,0.5]", "limits from 0.5 to 0.5"),
        case("[-0.5,0.5]", "[-1e308,1e308]", "limits from"),
        case("[-0.5,0.5]", "[1e999,0]", "metadata rhohat cannot be read"),
        case("\"channels\":1", "\"channels\":0", "Some(0) channels"),
        case("\"channels\":1", "\"channels\":16", "Some(16) channels"),
        case("\"channels\":1", "\"channels\":null", "None channels"),
        case("\"channels\":1", "\"channels\":3", "patches of 4×4×3 for 16 visible units"),
        case(
            "\"patch\":4",
            "\"patch\":4294967296",
            "patches of 4294967296×4294967296×1 for 16 visible units",
        ),
        case("\"patch\":4", "\"patch\":0", "patches of 0×0×1 for 16 visible units"),
        case("\"patch\":4", "\"patch\":-4", "metadata rhohat cannot be read"),
        case("\"format\":1", "\"format\":18446744073709551615", "format 18446744073709551615"),
    ]
}

fn configurations() -> Vec<Case> {
    let case = |text: &str, words| Case { read: read_config, ..data("config.toml", text.into(), words) };
    vec![
        case("hidden = 9223372036854775807", "lower --hidden"),
        case("hidden = -1", "hidden"),
        case("hidden = 1e999", "line 1"),
        case("samples = 9223372036854775807", "--samples"),
        case("samples = 9223372036854775807\nhidden = 1\npatch = 1", "--samples"),
        case("samples = 300000000000000\nhidden = 100000", "--samples 300000000000000"),
        case("hidden = 2000000000000000", "lower --hidden"),
        case("patch = 9223372036854775807", "--patch 9223372036854775807"),
        case("patch = 3000000000", "address space"),
        case("threads = 1000000000", "--threads 1000000000"),
        case("rho = nan", "--rho NaN"),
        case("seed = 99999999999999999999", "line 1"),
        case(&format!("a = {}", "[".repeat(30_000)), "line 1"),
        case(&format!("{} = 1", "a.".repeat(30_000) + "a"), "config.toml"),
        case(&"[a]\n".repeat(3), "line 2"),
        case(&" ".repeat(1 << 17), "a configuration has at most 65536"),
        Case { bytes: Box::new(|| b"\xff\xfe".to_vec()), ..case("", "not text in UTF-8") },
    ]
}
