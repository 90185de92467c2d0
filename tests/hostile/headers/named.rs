//! Files of named things: tensors, models, configurations.

use super::{Case, data};
use crate::formats::{classifier_with, gz_of, model_with, npy_of};
use crate::readers::{read_classifier, read_config, read_labels, read_model};

pub fn safetensors() -> Vec<Case> {
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
        case(of(&tensor("[1,2]", "[0,2]").replace("F32", "F8_E5M2"), 2), "holds F8_E5M2 numbers"),
        case(
            of(&tensor("[1,2,1]", "[0,8]").replace("\"a\"", "\"a\\u001b[2J\\nb\""), 8),
            "a\\u{1b}[2J\\nb [1, 2, 1]",
        ),
        case(of(&format!("{{{deep}"), 0), "no whole safetensors file"),
        case(of(&long, 4), "no tensor has two dimensions"),
        case(of(&format!("{{}}{}", " ".repeat(2 << 20)), 0), "a header of 2097154 bytes, but 1048576"),
    ]
}

pub fn models() -> Vec<Case> {
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

pub fn classifiers() -> Vec<Case> {
    let case = |from: &str, to: &str, words| {
        let bytes = classifier_with(|text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        });
        Case { read: read_classifier, ..data("model.safetensors", bytes, words) }
    };
    let as_model = Case { read: read_model, ..case("", "", "classifier") };
    let of_a_model = model_with(str::to_owned);
    vec![
        as_model,
        Case { read: read_classifier, ..data("model.safetensors", of_a_model, "it holds no classifier") },
        case("\"format\":1", "\"format\":18446744073709551615", "format Some(18446744073709551615)"),
        case("\"format\":1", "\"format\":-1", "format None"),
        case("\"kind\":\"classifier\"", "\"kind\":\"x\"", "it holds no classifier"),
        case("[\"sigmoid\",\"tanh\"]", "[\"sigmoid\"]", "tensor 4.weight is one of a layer"),
        case("[\"sigmoid\",\"tanh\"]", "[]", "tensor 2.weight is one of a layer"),
        case("[\"sigmoid\",\"tanh\"]", &format!("[{}\"tanh\"]", "\"tanh\",".repeat(64)), "65 hidden layers"),
        case("[\"sigmoid\",\"tanh\"]", "[\"sigmoid\",\"tanh\",\"tanh\"]", "tensor 6.weight is missing"),
        case("[\"sigmoid\",\"tanh\"]", "[\"sigmoid\",\"softplus\"]", "metadata cannot be read"),
        case("[\"cat\",\"cow\",\"dog\"]", "[\"cat\",\"cow\"]", "2 classes"),
        case("[\"cat\",\"cow\",\"dog\"]", "[]", "0 classes"),
        case("[\"cat\",\"cow\",\"dog\"]", "[\"cat\",\"cat\",\"dog\"]", "twice"),
        case("\"patch\":4", "\"patch\":4294967296", "patches of 4294967296×4294967296×1"),
        case("\"channels\":1", "\"channels\":3", "patches of 4×4×3 for 16"),
        case("\"softmax\":0.001", "\"softmax\":1e999", "it holds no classifier"),
    ]
}

pub fn labels() -> Vec<Case> {
    let case = |bytes: Vec<u8>, words| Case { read: read_labels, ..data("a.labels", bytes, words) };
    let idx = |count: [u8; 4], rest: &[u8]| [&[0, 0, 8, 1], &count[..], rest].concat();
    let npy = |shape: &str| {
        npy_of(
            format!("{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}\n").as_bytes(),
            &[0; 16],
        )
    };
    let many: String = (0..70_000).map(|number| format!("{number}\n")).collect();
    vec![
        case(idx([255; 4], &[1, 2]), "promises 4294967295"),
        case(idx([0; 4], &[]), "no label"),
        case(idx([0, 0, 0, 2], &[1, 2, 3]), "promises 2"),
        case(gz_of(&idx([255; 4], &[1])), "promises 4294967295"),
        case(gz_of(&[0, 0, 8, 1, 0, 0, 0, 1, 7])[..14].to_vec(), "a.labels"),
        case(vec![0, 0, 7, 1, 0, 0, 0, 1, 7], "line 1 holds no label"),
        case(npy("(18446744073709551615,)"), "a.labels"),
        case(npy("(4611686018427387904,)"), "a.labels"),
        case(npy("(2, 2)"), "not of labels"),
        case(npy("(0,)"), "a.labels"),
        case(npy("(3,)"), "cut or damaged"),
        case(many.into(), "more than 65536 different labels"),
        case(vec![b'\n'; 9], "no label"),
        case(b"cat\n\x00\xff".to_vec(), "neither IDX"),
    ]
}

pub fn configurations() -> Vec<Case> {
    let case = |text: &str, words| Case { read: read_config, ..data("config.toml", text.into(), words) };
    vec![
        case("hidden = 9223372036854775807", "lower `hidden`"),
        case("hidden = -1", "hidden"),
        case("hidden = 1e999", "line 1"),
        case("samples = 9223372036854775807", "`samples`"),
        case("samples = 9223372036854775807\nhidden = 1\npatch = 1", "`samples`"),
        case("samples = 300000000000000\nhidden = 100000", "`samples` 300000000000000"),
        case("hidden = 2000000000000000", "lower `hidden`"),
        case("patch = 9223372036854775807", "`patch` 9223372036854775807"),
        case("patch = 3000000000", "fit no memory"),
        case("threads = 1000000000", "`threads` 1000000000"),
        case("rho = nan", "`rho` NaN"),
        case("seed = 99999999999999999999", "line 1"),
        case(&format!("a = {}", "[".repeat(30_000)), "line 1"),
        case(&format!("{} = 1", "a.".repeat(30_000) + "a"), "config.toml"),
        case(&"[a]\n".repeat(3), "line 2"),
        case(&" ".repeat(1 << 17), "a configuration has at most 65536"),
        Case { bytes: Box::new(|| b"\xff\xfe".to_vec()), ..case("", "not text in UTF-8") },
    ]
}
