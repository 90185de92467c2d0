//! The formats, each with good files to begin with, and how to make more of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use rhohat::Result;
use rhohat::data::write::{ArrayValues, NamedArray, RowsKind, write_arrays};
use rhohat::data::{ColumnStatistics, Normalize, Preprocess, Rotation, Scale, Whitening};
use rhohat::engine::gpu::tune::cache::{CachedRace, Key, PassedCheck};
use rhohat::engine::network::NetworkStep;
use rhohat::engine::{Engine, ReusedBuffers, Rows, Step, Update};
use rhohat::math::activation::Activation;
use rhohat::math::network::{Network, NetworkDecay, NetworkShape};
use rhohat::math::objective::Objective;
use rhohat::math::optim::Optimizer;
use rhohat::math::optim::lbfgs::Lbfgs;
use rhohat::math::params::{Params, Shape};
use rhohat::run::checkpoint::{Checkpoint, Checkpoints, Provenance};
use rhohat::run::classify::ClassifierMeta;
use rhohat::run::classify::file::write_to;
use rhohat::run::columns_file;
use rhohat::run::config::{Config, ConfigContext, SourceKind, UserSettings};
use rhohat::run::convert::{Converted, Names};
use rhohat::run::metrics::Mark;
use rhohat::run::model_file::{Meta, save};
use rhohat::train::TrainProgress;
use serde_json::json;

use crate::mutate::Seed;
use crate::readers::{
    Seen, engine, entry, network_engine, read_array, read_cache, read_checkpoint, read_classifier,
    read_columns, read_config, read_data, read_labels, read_model, read_network_checkpoint, read_raw,
    read_records, read_shards, read_sparse, read_table,
};

/// A format.
pub struct Format {
    pub name: &'static str,
    /// A file name of that kind.
    pub file: &'static str,
    pub seeds: fn() -> Vec<Seed>,
    pub read: fn(&Path) -> Result<Seen>,
    /// The name of `read`.
    pub reader: &'static str,
}

/// Makes the list of all formats, and a test of each.
macro_rules! formats {
    ($count:literal; $($name:ident: $file:literal, $seeds:path, $read:path;)*) => {
        /// All of them.
        pub const ALL: [Format; $count] =
            [$(Format {
                name: stringify!($name),
                file: $file,
                seeds: $seeds,
                read: $read,
                reader: stringify!($read),
            }),*];

        /// A file of thousands, damaged at random, is read or refused within a second and the memory that it may take.
        mod damaged {
            $(#[test]
            fn $name() {
                crate::survives(stringify!($name));
            })*
        }
    };
}

formats! { 26;
    npy: "a.npy", npy, read_array;
    npz: "a.npz", npz, read_array;
    sparse: "codes.npz", sparse, read_sparse;
    idx: "a.idx", idx, read_array;
    gz: "a.gz", gz, read_data;
    png: "a.png", png, read_data;
    jpeg: "a.jpg", jpeg, read_data;
    tiff: "a.tif", tiff, read_data;
    webp: "a.webp", webp, read_data;
    bmp: "a.bmp", bmp, read_data;
    gif: "a.gif", gif, read_data;
    pnm: "a.ppm", pnm, read_data;
    cifar: "data_batch_1.bin", cifar, read_records;
    mat: "a.mat", mat, read_array;
    csv: "a.csv", csv, read_table;
    safetensors: "a.safetensors", safetensors, read_array;
    shards: "b.safetensors", shards, read_shards;
    model: "model.safetensors", model, read_model;
    columns: "preprocess.safetensors", columns, read_columns;
    toml: "config.toml", toml, read_config;
    json: "kernels.json", kernels, read_cache;
    checkpoint: "a.checkpoint", checkpoint, read_checkpoint;
    raw: "a.u8", raw, read_raw;
    labels: "a.labels", labels, read_labels;
    classifier: "model.safetensors", classifier, read_classifier;
    network_checkpoint: "a.checkpoint", network_checkpoint, read_network_checkpoint;
}

/// A file of tests/fixtures.
pub fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// An `.npy` with a version 1 header.
pub fn npy_of(header: &[u8], data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header, data].concat()
}

fn npy() -> Vec<Seed> {
    let names =
        ["rows_lf4", "rows_bf2", "rows_lf8", "rows_u1", "rows_fortran", "stack_grey", "stack_color_fortran"];
    let kinds = ["kinds/lb1", "kinds/bi2_fortran", "kinds/lu8", "kinds/bf8_fortran", "kinds/field_of_rows"];
    let guarded = |name: &&str| {
        let whole = fixture(&format!("{name}.npy"));
        let end = 10 + usize::from(u16::from_le_bytes([whole[8], whole[9]]));
        let data = whole[end..].to_vec();
        let wrap = move |header: &[u8]| npy_of(header, &data);
        Seed { inner: whole[10..end].to_vec(), whole, wrap: Box::new(wrap) }
    };
    let others = ["rows_v2.npy", "rows_v3.npy"].map(|name| Seed::bare(fixture(name)));
    names.iter().chain(&kinds).map(guarded).chain(others).collect()
}

/// An archive of one array, deflated.
pub fn npz_of(array: &[u8]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    let options = archive.new_file("rows.npy").compression_method(rawzip::CompressionMethod::DEFLATE);
    let (mut entry, config) = options.start().unwrap();
    let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
    writer.write_all(array).unwrap();
    let (encoder, descriptor) = writer.finish().unwrap();
    encoder.finish().unwrap();
    entry.finish(descriptor).unwrap();
    archive.finish().unwrap()
}

fn npz() -> Vec<Seed> {
    let array = fixture("rows_lf4.npy");
    let guarded = Seed { whole: npz_of(&array), inner: array, wrap: Box::new(npz_of) };
    vec![guarded, Seed::bare(fixture("one.npz"))]
}

/// The arrays of a sparse matrix, in the order in which SciPy saves them, as an archive.
pub fn sparse_of(arrays: &[u8]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY";
    let names = ["indices", "indptr", "format", "shape", "data", "more"];
    let starts: Vec<usize> =
        (0..arrays.len()).filter(|&at| arrays[at..].starts_with(MAGIC)).take(names.len()).collect();
    let ends = starts.iter().skip(1).copied().chain([arrays.len()]);
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for ((name, &start), end) in names.iter().zip(&starts).zip(ends) {
        let name = format!("{name}.npy");
        let options = archive.new_file(&name).compression_method(rawzip::CompressionMethod::STORE);
        let (mut entry, config) = options.start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(&arrays[start..end]).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

/// The same arrays one behind the other: of three rows of four numbers, two of which are held in each.
pub fn sparse_arrays(
    columns: &[i32],
    starts: &[i32],
    format: &str,
    shape: [i64; 2],
    held: &[f32],
) -> Vec<u8> {
    let array = |kind: &str, shape: &str, data: Vec<u8>| {
        npy_of(
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n").as_bytes(),
            &data,
        )
    };
    let whole = |numbers: &[i32]| {
        let data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        array("<i4", &format!("({},)", numbers.len()), data)
    };
    [
        whole(columns),
        whole(starts),
        array(&format!("|S{}", format.len()), "()", format.into()),
        array("<i8", "(2,)", shape.iter().flat_map(|length| length.to_le_bytes()).collect()),
        array("<f4", &format!("({},)", held.len()), held.iter().flat_map(|x| x.to_le_bytes()).collect()),
    ]
    .concat()
}

fn sparse() -> Vec<Seed> {
    let arrays = sparse_arrays(&[0, 2, 1, 3, 0, 3], &[0, 2, 4, 6], "csr", [3, 4], &[0.5; 6]);
    let guarded = Seed { whole: sparse_of(&arrays), inner: arrays, wrap: Box::new(sparse_of) };
    vec![guarded, Seed::bare(fixture("sparse.npz"))]
}

fn idx() -> Vec<Seed> {
    ["images-idx3-ubyte", "kinds/i1.idx", "kinds/i2.idx", "kinds/f4.idx", "kinds/f8.idx"]
        .map(|name| Seed::bare(fixture(name)))
        .into()
}

/// Packed as gzip does.
pub fn gz_of(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn gz() -> Vec<Seed> {
    let inner = fixture("images-idx3-ubyte");
    vec![Seed { whole: fixture("images-idx3-ubyte.gz"), inner, wrap: Box::new(gz_of) }]
}

/// A file of MATLAB, level 5, with one packed variable.
pub fn mat_of(variable: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(variable).unwrap();
    let packed = encoder.finish().unwrap();
    let header = [b"MATLAB 5.0 MAT-file".as_slice(), &[b' '; 105], b"\0\x01IM\x0f\0\0\0"].concat();
    [&header, &(packed.len() as u32).to_le_bytes()[..], &packed].concat()
}

fn mat() -> Vec<Seed> {
    let guarded = ["rows", "stack", "color", "small"].map(|name| {
        let inner = fixture(&format!("mat/{name}.mat"))[128..].to_vec();
        Seed { whole: mat_of(&inner), inner, wrap: Box::new(mat_of) }
    });
    let names = [
        "rows",
        "rows_packed",
        "rows_level4",
        "rows_big",
        "stack_packed",
        "small_packed",
        "tiny",
        "level4_big",
    ];
    let bare = names.map(|name| Seed::bare(fixture(&format!("mat/{name}.mat"))));
    guarded.into_iter().chain(bare).collect()
}

fn csv() -> Vec<Seed> {
    let names = [
        "rows.csv",
        "rows.tsv",
        "semicolons.csv",
        "indexed.csv",
        "numbered.csv",
        "labelled.csv",
        "spaces.txt",
    ];
    let bare = names.map(|name| Seed::bare(fixture(&format!("csv/{name}"))));
    let inner = fixture("csv/rows.csv");
    let packed = Seed { whole: gz_of(&inner), inner, wrap: Box::new(gz_of) };
    bare.into_iter().chain([packed]).collect()
}

/// Puts the checksums of all chunks right, as far as there are chunks.
pub fn with_checksums(png: &[u8]) -> Vec<u8> {
    let (mut png, mut at) = (png.to_vec(), 8);
    while let Some(length) = png.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let Some(end) = at.checked_add(8 + length).filter(|end| end + 4 <= png.len()) else { break };
        let mut checksum = flate2::Crc::new();
        checksum.update(&png[at + 4..end]);
        png[end..end + 4].copy_from_slice(&checksum.sum().to_be_bytes());
        at = end + 4;
    }
    png
}

fn png() -> Vec<Seed> {
    let names = ["color.png", "deep.png", "grey_alpha.png", "palette.png", "grey.png"];
    let seed = |name| {
        let whole = fixture(name);
        Seed { inner: whole.clone(), whole, wrap: Box::new(with_checksums) }
    };
    names.map(seed).into()
}

fn jpeg() -> Vec<Seed> {
    let (mut color, mut encoded) = (image::RgbImage::new(24, 17), Vec::new());
    color
        .enumerate_pixels_mut()
        .for_each(|(x, y, pixel)| pixel.0 = [(x * y % 251) as u8, (9 * x) as u8, (8 * y) as u8]);
    image::codecs::jpeg::JpegEncoder::new(&mut encoded).encode_image(&color).unwrap();
    vec![Seed::bare(fixture("grey.jpg")), Seed::bare(encoded)]
}

/// The pictures of tests/fixtures/pictures whose names end so.
fn pictures(endings: &[&str]) -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let is_meant = |path: &&std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with("refused") && endings.iter().any(|ending| name.ends_with(ending))
    };
    names.iter().filter(is_meant).map(|path| Seed::bare(fs::read(path).unwrap())).collect()
}

fn tiff() -> Vec<Seed> {
    pictures(&[".tif"])
}

fn webp() -> Vec<Seed> {
    pictures(&[".webp"])
}

fn bmp() -> Vec<Seed> {
    pictures(&[".bmp"])
}

fn gif() -> Vec<Seed> {
    pictures(&[".gif"])
}

fn pnm() -> Vec<Seed> {
    pictures(&[".ppm", ".pgm", ".pbm"])
}

fn cifar() -> Vec<Seed> {
    let records =
        |size: usize| (0..2 * size).map(move |at| if at % size < size - 3072 { 7 } else { at as u8 });
    [3073, 3074].map(|size| Seed::bare(records(size).collect())).into()
}

/// A file whose header is guarded by its length.
fn with_header(whole: Vec<u8>) -> Seed {
    let end = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let data = whole[end..].to_vec();
    let wrap = move |header: &[u8]| [&(header.len() as u64).to_le_bytes()[..], header, &data].concat();
    Seed { inner: whole[8..end].to_vec(), whole, wrap: Box::new(wrap) }
}

/// Rows of whole numbers alone, between two tensors of one dimension.
fn one_tensor() -> Vec<u8> {
    let (before, rows) = ([1_u8; 3], (0..12_u8).collect::<Vec<u8>>());
    let view = |dtype, shape: &[usize], bytes| {
        ::safetensors::tensor::TensorView::new(dtype, shape.to_vec(), bytes).unwrap()
    };
    let tensors = [
        ("a", view(::safetensors::Dtype::BOOL, &[3], &before)),
        ("rows", view(::safetensors::Dtype::I16, &[2, 3], &rows)),
    ];
    ::safetensors::serialize(tensors, None).unwrap()
}

/// One of several files of a folder.
fn shards() -> Vec<Seed> {
    let part = |number: usize| fixture(&format!("shards/model-{number:05}-of-00003.safetensors"));
    (1..4).map(|number| with_header(part(number))).collect()
}

fn safetensors() -> Vec<Seed> {
    vec![with_header(fixture("one.safetensors")), with_header(one_tensor())]
}

/// The bytes of a model of 4×4 patches with other metadata.
pub fn model_with(change: impl Fn(&str) -> String) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let preprocess = Preprocess {
        patch: Some(4),
        channels: Some(1),
        whiten: true,
        scale: Scale::Pixels,
        normalize: Normalize::Lecture,
        limits: Some((-0.5, 0.5)),
        ..Preprocess::AS_IS
    };
    let meta = Meta { objective: Objective::default(), preprocess, seed: 7 };
    save(&path, &Params::random(Shape { visible: 16, hidden: 3 }, 1), &meta).unwrap();
    let bytes = fs::read(path).unwrap();
    let seed = with_header(bytes);
    let (length, header) = ::safetensors::SafeTensors::read_metadata(&seed.whole).unwrap();
    let text = change(&header.metadata().as_ref().unwrap()["rhohat"]);
    let file = ::safetensors::SafeTensors::deserialize(&seed.whole).unwrap();
    assert!(length > 0);
    ::safetensors::serialize(file.tensors(), Some(HashMap::from([("rhohat".to_owned(), text)]))).unwrap()
}

fn model() -> Vec<Seed> {
    let rows = model_with(|text| {
        text.replace(r#""channels":1"#, r#""channels":null"#).replace(r#""patch":4"#, r#""patch":null"#)
    });
    let own = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];
    let other = |names: [&str; 4]| with_header(renamed(&own, &names));
    let mut seeds = vec![
        with_header(model_with(str::to_owned)),
        with_header(rows),
        other(["0.weight", "0.bias", "2.weight", "2.bias"]),
        other(["W_enc", "b_enc", "W_dec", "b_dec"]),
        other(["encoder.weight", "encoder.bias", "decoder.weight", "bias"]),
        other(["encoder.weight", "encoder.bias", "", "decoder.bias"]),
        other(["encoder.weight", "", "decoder.weight", ""]),
    ];
    seeds.extend([RowsKind::Npz, RowsKind::Mat].map(|kind| Seed::bare(archived(kind))));
    seeds.push(Seed::bare(theta()));
    seeds
}

/// Columns that were fitted on four rows, divided and decorrelated.
fn columns() -> Vec<Seed> {
    let whitening = Some(Whitening { kind: Rotation::Zca, epsilon: 0.1, variance: None });
    [(Normalize::Standard, None), (Normalize::None, whitening)]
        .map(|(normalize, whitening)| {
            let mut statistics = ColumnStatistics::new(normalize, whitening, 3).unwrap();
            statistics.add(&[1.0, 2.0, 0.5, 2.0, 0.0, 1.5, 0.0, 1.0, 1.0, 4.0, 3.0, 0.25]);
            let mut out = Vec::new();
            columns_file::write_to(&mut out, &statistics.finish().unwrap()).unwrap();
            with_header(out)
        })
        .into()
}

/// A model of other names, without metadata; without the tensors of those called "".
fn renamed(own: &[&str; 4], names: &[&str; 4]) -> Vec<u8> {
    let bytes = model_with(str::to_owned);
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = own.iter().zip(names).filter(|(_, name)| !name.is_empty());
    let tensors: Vec<_> = tensors.map(|(own, name)| (*name, file.tensor(own).unwrap())).collect();
    ::safetensors::serialize(tensors, None).unwrap()
}

/// UFLDL's vector alone, with its sizes.
fn theta() -> Vec<u8> {
    let theta = [0.5; 2 * 16 * 3 + 16 + 3];
    let of = |name, shape: &[usize], values| NamedArray { name, shape: shape.to_vec(), values };
    let arrays = [
        of("theta", &[theta.len()], ArrayValues::Single(&theta)),
        of("visibleSize", &[], ArrayValues::Double(&[16.0])),
        of("hiddenSize", &[], ArrayValues::Double(&[3.0])),
    ];
    let mut out = Vec::new();
    write_arrays(RowsKind::Mat, &mut out, &arrays).unwrap();
    out
}

/// A model in the files of NumPy and MATLAB.
fn archived(kind: RowsKind) -> Vec<u8> {
    let params = Params::random(Shape { visible: 16, hidden: 3 }, 1);
    let meta = Meta { objective: Objective::default(), preprocess: Preprocess::AS_IS, seed: 7 };
    let converted = Converted { params: Cow::Borrowed(&params), meta: Some(Cow::Borrowed(&meta)) };
    let mut out = Vec::new();
    converted.write(kind, Names::Own, &mut out).unwrap();
    out
}

fn toml() -> Vec<Seed> {
    let given = UserSettings::new(None, ::toml::Table::new()).unwrap();
    let lbfgs = Config::resolve(
        &given,
        &ConfigContext {
            held_out: None,
            kind: SourceKind::BuiltIn,
            processes: 0,
            init: None,
            scale: Scale::Pixels,
            scale_of_pixels: Scale::Pixels,
        },
    )
    .unwrap();
    let text = "optimizer = \"adam\"\nbatch = 100\nhidden = 40\nrho_hat = \"ema\"\nwarmup = 3\n";
    vec![Seed::bare(lbfgs.to_toml().into()), Seed::bare(text.into())]
}

fn kernels() -> Vec<Seed> {
    let other = CachedRace { key: Key { rows: 7, ..entry().key }, ..entry() };
    let passed = "NT direct/buffers".to_owned();
    let check = PassedCheck { platform: entry().key.platform, passed, in_blocks: true };
    let list = json!([other, check, entry()]);
    vec![Seed::bare(serde_json::to_vec_pretty(&list).unwrap())]
}

/// Three iterations of L-BFGS and three updates of Adam, as 0.1.0 kept them and with what they were taken under.
fn checkpoint() -> Vec<Seed> {
    let kinds =
        [Optimizer::Lbfgs, Optimizer::Adam].into_iter().flat_map(|kind| [(kind, false), (kind, true)]);
    kinds.map(checkpoint_of).collect()
}

/// What a checkpoint was taken under.
fn provenance() -> Provenance {
    let hash = "0123456789abcdef0123456789abcdef";
    let data =
        json!({"kind": "rows", "rows": 12, "cols": 5, "files": 1, "xxh3": hash, "sum": "0123456789abcdef"});
    let settings = "hidden = 7\nrho = 0.1\ndata = \"/rows.npy\"".parse().unwrap();
    let preprocess =
        json!({"patch": null, "channels": null, "whiten": false, "normalize": "unit", "limits": [0, 1]});
    Provenance {
        settings,
        inputs: serde_json::from_value(json!({"data": data, "init": hash})).unwrap(),
        preprocess: serde_json::from_value(preprocess).unwrap(),
    }
}

fn checkpoint_of((optimizer, bound): (Optimizer, bool)) -> Seed {
    let folder = tempfile::tempdir().unwrap();
    let (mut cpu, checkpoints) = (engine(), <Checkpoints>::of(folder.path()));
    let search = (optimizer == Optimizer::Lbfgs).then(|| {
        let mut lbfgs = Lbfgs::new(&mut cpu).unwrap();
        for _ in 0..3 {
            lbfgs.iterate(&mut cpu).unwrap();
        }
        lbfgs
    });
    for step in 1..=3 * u64::from(search.is_none()) {
        cpu.step(&Step {
            rows: Rows::All,
            update: Update::Adam { lr: 0.01, step },
            beta: 3.0,
            report: false,
        })
        .unwrap();
    }
    let state = cpu.state(search.as_ref().map(Lbfgs::pairs), &mut ReusedBuffers::default()).unwrap();
    let position = TrainProgress { steps: 3, samples: 36, search, ..TrainProgress::default() };
    let checkpoint = Checkpoint {
        position,
        state,
        metrics: Mark::default(),
        patience: None,
        provenance: bound.then(provenance),
    };
    in_one_file(&checkpoints.publish(&checkpoint).unwrap())
}

/// The three files of a checkpoint in one.
fn in_one_file(place: &Path) -> Seed {
    let parts =
        ["manifest.json", "progress.json", "state.bin"].map(|name| fs::read(place.join(name)).unwrap());
    let wrap = |inner: &[u8]| [&[0], inner].concat();
    Seed { whole: parts.join(&0), inner: parts[1..].join(&0), wrap: Box::new(wrap) }
}

/// Three iterations of L-BFGS and three updates of Adam of a classifier.
fn network_checkpoint() -> Vec<Seed> {
    [Optimizer::Lbfgs, Optimizer::Adam].map(network_checkpoint_of).into()
}

fn network_checkpoint_of(optimizer: Optimizer) -> Seed {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = network_engine();
    let search = (optimizer == Optimizer::Lbfgs).then(|| {
        let mut lbfgs = Lbfgs::new(&mut *engine).unwrap();
        for _ in 0..3 {
            lbfgs.iterate(&mut *engine).unwrap();
        }
        lbfgs
    });
    for step in 1..=3 * u64::from(search.is_none()) {
        let update = Update::Adam { lr: 0.01, step };
        engine.step(&NetworkStep { rows: Rows::All, update, report: false }).unwrap();
    }
    let state = engine.state(search.as_ref().map(Lbfgs::pairs)).unwrap();
    let position = TrainProgress { steps: 3, samples: 36, search, ..TrainProgress::default() };
    let checkpoint =
        Checkpoint { position, state, metrics: Mark::default(), patience: None, provenance: None };
    in_one_file(&<Checkpoints<NetworkShape>>::of(folder.path()).publish(&checkpoint).unwrap())
}

/// Labels of whole numbers, of numbers in an array, and of words.
fn labels() -> Vec<Seed> {
    let idx = [&[0, 0, 8, 1, 0, 0, 0, 9][..], &[3, 1, 4, 1, 5, 9, 2, 6, 5]].concat();
    let packed = Seed { whole: gz_of(&idx), inner: idx.clone(), wrap: Box::new(gz_of) };
    let header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }\n";
    let numbers = [7_i64, 0, -7, 7].map(i64::to_le_bytes).concat();
    let data = numbers.clone();
    let array = Seed {
        whole: npy_of(header, &numbers),
        inner: header.to_vec(),
        wrap: Box::new(move |header: &[u8]| npy_of(header, &data)),
    };
    let text = "label\ndog\ncat\n\"cow\"\ndog\n";
    vec![Seed::bare(idx), packed, array, Seed::bare(text.into()), Seed::bare("kind\n3\n1\n3".into())]
}

/// The bytes of a classifier of 4×4 pictures with other metadata.
pub fn classifier_with(change: impl Fn(&str) -> String) -> Vec<u8> {
    let shape = NetworkShape { inputs: 16, hidden: vec![5, 3], classes: 3 };
    let numbers: Vec<f32> = (0..shape.parameters()).map(|i| (i % 9) as f32 / 9.0 - 0.4).collect();
    let meta = ClassifierMeta {
        activations: vec![Activation::Sigmoid, Activation::Tanh],
        decay: NetworkDecay { hidden: 0.0, softmax: 1e-3 },
        classes: ["cat", "cow", "dog"].map(str::to_owned).into(),
        preprocess: Preprocess {
            patch: Some(4),
            channels: Some(1),
            scale: Scale::Pixels,
            ..Preprocess::AS_IS
        },
        seed: 7,
    };
    let mut bytes = Vec::new();
    write_to(&mut bytes, &Network::from_flat(shape, &numbers), &meta).unwrap();
    let (_, header) = ::safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let text = change(&header.metadata().as_ref().unwrap()["rhohat"]);
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    ::safetensors::serialize(file.tensors(), Some(HashMap::from([("rhohat".to_owned(), text)]))).unwrap()
}

fn classifier() -> Vec<Seed> {
    let rows = classifier_with(|text| {
        text.replace(r#""channels":1"#, r#""channels":null"#).replace(r#""patch":4"#, r#""patch":null"#)
    });
    vec![with_header(classifier_with(str::to_owned)), with_header(rows)]
}

fn raw() -> Vec<Seed> {
    vec![Seed::bare((0..30).flat_map(|i| (i as f32).to_le_bytes()).collect())]
}
