//! Arrays: `.npy`, archives of them, IDX plain and packed.

use super::{Case, data, readable};
use crate::formats::{fixture, gz_of, npy_of, npz_of, sparse_arrays, sparse_of};
use crate::readers::read_sparse;

pub fn npy() -> Vec<Case> {
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
        shape("((1, 2), 2)", "shape ((1, 2), 2) cannot be read"),
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
        kind("'<i8'", "promises 16 bytes, the file holds 8"),
        kind("'|b1'", "promises 2 bytes, the file holds 8"),
        kind("'<M8[s]'", "numbers of type '<M8[s]'"),
        kind("''", "numbers of type ''"),
        kind("'\u{1b}[2J'", "numbers of type '\\u{1b}[2J'"),
        kind(&format!("'{}'", "x".repeat(50_000)), "astype('float32')"),
        readable("a.npy", move || with("[('a', '<f4')]", "False", "(1, 2)")),
        kind("[('a', '<f4'), ('b', '<f4')]", "a structured array"),
        kind("[('a', '<f4', (18446744073709551615,))]", "promises more bytes than memory has"),
        kind("[('a', '<f4', 18446744073709551616)]", "a structured array"),
        kind("[]", "a structured array"),
        kind("[('a', [('b', '<f4')])]", "a structured array"),
        data("a.npy", with("[('a', '<f4', (1,))]", "True", "(1, 2)"), "records of arrays in Fortran order"),
        data(
            "a.npy",
            with("'<f4'", "True", "(4294967296, 4294967296)"),
            "promises more bytes than memory has",
        ),
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

pub fn sparse() -> Vec<Case> {
    let case = |arrays: Vec<u8>, words| {
        let bytes = Box::new(move || sparse_of(&arrays));
        Case { file: "codes.npz", bytes, read: read_sparse, words: Some(words) }
    };
    let good: [i32; 6] = [0, 2, 1, 3, 0, 3];
    let with =
        |columns: &[i32], starts: &[i32], shape| sparse_arrays(columns, starts, "csr", shape, &[0.5; 6]);
    let kind = |format: &str| sparse_arrays(&good, &[0, 2, 4, 6], format, [3, 4], &[0.5; 6]);
    let mut held = [0.5; 6];
    held[4] = f32::NAN;
    let shape = |lengths| with(&good, &[0, 2, 4, 6], lengths);
    let whole = kind("csr");
    vec![
        case(kind("csc"), "in SciPy's format \"csc\", but csr is read; save matrix.tocsr()"),
        case(kind(""), "in SciPy's format \"\""),
        case(with(&[0, 2, 1, 4, 0, 3], &[0, 2, 4, 6], [3, 4]), "indices hold column 4 of 4"),
        case(with(&[0, 2, 1, -1, 0, 3], &[0, 2, 4, 6], [3, 4]), "indices holds -1"),
        case(with(&good, &[0, 4, 2, 6], [3, 4]), "indptr does not rise from 0 to 6"),
        case(with(&good, &[1, 2, 4, 6], [3, 4]), "indptr does not rise"),
        case(with(&good, &[0, 2, 4, 7], [3, 4]), "indptr does not rise"),
        case(with(&good, &[0, 2, 6], [3, 4]), "indptr has 3 numbers for 3 rows"),
        case(with(&good, &[], [3, 4]), "indptr has 0 numbers for 3 rows"),
        case(with(&good[..5], &[0, 2, 4, 6], [3, 4]), "6 numbers in data, but 5 in indices"),
        case(shape([i64::MAX, 4]), "shape holds 9"),
        case(shape([1 << 52, 4]), "indptr has 4 numbers for 4503599627370496 rows"),
        case(shape([3, 1]), "indices hold column 2 of 1"),
        case(shape([-1, 4]), "shape holds -1"),
        case(
            sparse_arrays(&good, &[0, 2, 4, 6], "csr", [3, 4], &held),
            "row 2, column 0 (counted from 0) holds NaN",
        ),
        case(whole[..whole.len() - 4].to_vec(), "codes.npz:data.npy"),
    ]
}

pub fn npz() -> Vec<Case> {
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
    // The place of the larger end that an archive of more than 4 GiB has, behind all positions that systems know.
    let behind = {
        let mut bytes = fixture("one.npz");
        let locator =
            [b"PK\x06\x07\0\0\0\0".as_slice(), &(1_u64 << 63).to_le_bytes(), &[1, 0, 0, 0]].concat();
        bytes.splice(bytes.len() - 22..bytes.len() - 22, locator);
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
        case(behind, "no whole zip archive"),
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

pub fn idx() -> Vec<Case> {
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
        case(head(13, 2, &[1, 1]), "promises 4 bytes, the file holds 0"),
        case(head(14, 4, &[u32::MAX; 4]), "promises more bytes than memory has"),
        case(head(10, 2, &[1, 1]), "of no known format"),
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
