//! Units one by one, sparse codes, codes that are decoded, and features in any order.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use rhohat::data::write::{SparseHeader, write_sparse};
use rhohat::data::{Opened, Reading, Source, Table, npy};
use tempfile::{TempDir, tempdir};

use super::{labelled, number, rhohat};

const CPU: [&str; 2] = ["--device", "cpu"];

/// 400 pictures of 8×8 as rows: waves of any direction, in [0, 1].
fn pictures() -> Vec<f32> {
    let row = |i: usize| {
        let (a, b, phase) = ((i * 37 % 101) as f64 / 90.0, (i * 53 % 97) as f64 / 90.0 - 0.5, i as f64);
        (0..64).map(move |at| {
            let wave = ((at / 8) as f64 * a + (at % 8) as f64 * b + phase).sin();
            (0.5 + 0.4 * wave) as f32
        })
    };
    (0..400).flat_map(row).collect()
}

/// Numbers without a rule in [0, 1).
fn noise(count: u64) -> Vec<f32> {
    let mixed = |i: u64| {
        (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    (0..count).map(|i| (mixed(i) >> 40) as f32 / (1_u64 << 24) as f32).collect()
}

/// A folder with `rows.npy` of those pictures and a model of them in `run`; what training said.
fn trained(flags: &[&str]) -> (TempDir, String) {
    let folder = tempdir().unwrap();
    npy::write(&folder.path().join("rows.npy"), 400, 64, &pictures()).unwrap();
    let args = ["train", "rows.npy", "--hidden", "12", "--rho", "0.1", "--steps", "40", "--out", "run"];
    let outcome = rhohat(folder.path(), &[&args[..], &CPU, flags].concat());
    let said = outcome.stderr.clone();
    outcome.text();
    (folder, said)
}

fn rows(folder: &Path, name: &str, columns: Option<&str>) -> Table {
    let use_columns = columns.map(|columns| columns.parse().unwrap());
    let opened = Opened::new(&folder.join(name), &Reading { use_columns, ..Reading::default() }).unwrap();
    match opened.source {
        Source::Rows(table) => table,
        Source::Stored(store) => store.table().unwrap(),
        Source::Images(_) => panic!("rows are written as rows"),
    }
}

fn column(folder: &Path, name: &str) -> Vec<f64> {
    rows(folder, "units.csv", Some(name)).values
}

fn run(folder: &Path, command: &str) -> super::Outcome {
    rhohat(folder, &command.split(' ').collect::<Vec<_>>())
}

#[test]
fn the_table_of_units_tells_what_the_codes_hold() {
    for activation in ["sigmoid", "tanh"] {
        let (folder, _) = trained(&["--activation", activation]);
        let at = folder.path();
        let report = run(at, "units run rows.npy -o units.csv --top-k 3 --device cpu --json").json();
        assert_eq!((number(&report, "hidden"), number(&report, "examples")), (12.0, 400.0));
        run(at, "encode run rows.npy -o codes.npy --device cpu").text();
        let codes = rows(at, "codes.npy", None).values;
        let (half, fraction): (f64, fn(f64) -> f64) =
            if activation == "tanh" { (0.0, |a| (1.0 + a) / 2.0) } else { (0.5, |a| a) };
        for unit in 0..12 {
            let a: Vec<f64> = codes.iter().skip(unit).step_by(12).copied().collect();
            let active: Vec<f64> = a.iter().copied().filter(|&a| a > half).collect();
            let of = |name: &str| column(at, name)[unit];
            assert!((of("rho_hat") - fraction(a.iter().sum::<f64>() / 400.0)).abs() < 1e-12);
            assert_eq!(of("density"), active.len() as f64 / 400.0);
            assert_eq!(of("max") as f32, a.iter().fold(f64::MIN, |most, &a| most.max(a)) as f32);
            let mut order: Vec<usize> = (0..400).collect();
            order.sort_by(|&i, &j| a[j].total_cmp(&a[i]));
            for (place, &row) in order.iter().take(3).enumerate() {
                assert_eq!(of(&format!("top_{}", place + 1)), row as f64);
                assert_eq!(of(&format!("activation_{}", place + 1)) as f32, a[row] as f32);
            }
        }
        let evaluated = run(at, "eval run rows.npy --device cpu --json").json();
        for name in ["dead", "saturated", "collapsed", "duplicates"] {
            assert_eq!(report[name], evaluated[name], "{name}");
        }
        let (whole, found) = (number(&evaluated["rho_hat"], "mean"), number(&report["rho_hat"], "mean"));
        assert!((whole - found).abs() < 1e-6, "{whole} and {found}");
    }
}

/// The lines of a table without the column `dead`.
fn without_dead(folder: &Path, name: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.remove(6);
        cells.join(",")
    };
    fs::read_to_string(folder.join(name)).unwrap().lines().map(line).collect()
}

#[test]
fn units_of_a_layer_are_those_of_its_run_over_the_codes_below() {
    let folder = labelled::folder();
    let at = folder.path();
    let text = "optimizer = \"adam\"\nbatch = 60\nsteps = 12\nrho = 0.3\nnormalize = \"none\"\n\
                [[layer]]\nhidden = 12\nactivation = \"tanh\"\n[[layer]]\nhidden = 6\n";
    fs::write(at.join("given.toml"), text).unwrap();
    run(at, "stack --config given.toml rows.npy --device cpu --no-report --out s").text();
    for (layer, below, hidden) in [(1, "rows.npy", 12), (2, "s/codes-1.npy", 6)] {
        let line =
            format!("units s rows.npy --layer {layer} --top-k 3 --device cpu --json -o layer-{layer}.csv");
        let report = run(at, &line).json();
        assert_eq!((&report["layer"], &report["hidden"]), (&layer.into(), &hidden.into()));
        run(at, &format!("units s/layer-{layer} {below} --top-k 3 --device cpu -o run-{layer}.csv")).text();
        let table = |name: &str| fs::read_to_string(at.join(format!("{name}-{layer}.csv"))).unwrap();
        assert_eq!(table("layer"), table("run"), "layer {layer}");
    }
    let first = "units s rows.npy --layer 1 --first 50 --device cpu --json -o first.csv";
    assert_eq!(number(&run(at, first).json(), "examples"), 50.0);

    // A classifier has the layers, and no ρ.
    let line = "classify rows.npy --labels labels.idx --encoder s --softmax-lambda 1e-3 --no-baseline --device cpu --out c";
    run(at, line).text();
    let of_classifier = run(at, "units c rows.npy --layer 1 --top-k 3 --device cpu -o classifier-1.csv");
    assert!(of_classifier.stderr.contains("a classifier, which has no rho"), "{}", of_classifier.stderr);
    of_classifier.text();
    assert_eq!(without_dead(at, "classifier-1.csv"), without_dead(at, "layer-1.csv"));

    run(at, "units s rows.npy --layer 3 --device cpu -o none.csv")
        .refused(2, &["--layer 3", "2 hidden layers"]);
    run(at, "units s s/codes-1.npy --layer 1 --device cpu -o none.csv").refused(3, &["codes-1.npy", "16"]);
    assert!(!at.join("none.csv").exists());
}

#[test]
fn tables_are_of_text_and_no_wider_than_a_table_is() {
    let (folder, _) = trained(&[]);
    let at = folder.path();
    run(at, "units run rows.npy -o units.npy").refused(2, &["only .csv or .tsv can be written"]);
    run(at, "units run rows.npy -o units.csv --top-k 1001").refused(2, &["--top-k 1001", "1000 at most"]);
    let said = run(at, "units run rows.npy -o units.tsv --top-k 0 --device cpu").text();
    assert!(said.starts_with("units.tsv: 12 units over 400 examples\nrho-hat "), "{said}");
    let table = fs::read_to_string(at.join("units.tsv")).unwrap();
    let names =
        "unit\trho_hat\tdensity\tmean_active\tmax\tnorm\tdead\tsaturated\tcollapsed\tcompared\tduplicate_of";
    assert_eq!((table.lines().next(), table.lines().count()), (Some(names), 13));
    // Streamed rows, and some of them, make the same table as such rows in memory.
    run(at, "units run rows.npy -o first.csv --first 100 --device cpu --memory 60MB").text();
    run(at, "encode run rows.npy --first 100 -o first.npy --device cpu").text();
    assert_eq!(rows(at, "first.npy", None).rows, 100);
    assert!(rows(at, "first.csv", Some("top_1")).values.iter().all(|&row| row < 100.0));
}

#[test]
fn codes_decoded_are_the_reconstruction_bit_for_bit() {
    for flags in
        [&["--activation", "tanh", "--output", "linear"][..], &["--whitening", "zca"], &["--divide", "4"]]
    {
        let (folder, _) = trained(flags);
        let at = folder.path();
        run(at, "reconstruct run rows.npy -o wanted.npy --device cpu").text();
        for ending in ["npy", "csv", "safetensors", "mat"] {
            run(at, &format!("encode run rows.npy -o codes.{ending} --device cpu")).text();
            run(at, &format!("decode run codes.{ending} -o back.npy --device cpu")).text();
            assert!(
                fs::read(at.join("back.npy")).unwrap() == fs::read(at.join("wanted.npy")).unwrap(),
                "{ending}"
            );
        }
        // Of all activations sparse codes lose nothing but the last bit of tanh.
        run(at, "encode run rows.npy -o all.npz --top-k 99 --device cpu").text();
        run(at, "decode run all.npz -o back.npy --device cpu").text();
        let [back, wanted] = ["back.npy", "wanted.npy"].map(|name| rows(at, name, None).values);
        let off = back.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-5 * if flags[0] == "--divide" { 4.0 } else { 1.0 }, "{off}");
    }
}

#[test]
fn sparse_codes_keep_the_largest_and_all_else_is_at_rest() {
    for activation in ["sigmoid", "tanh"] {
        let (folder, _) = trained(&["--activation", activation]);
        let at = folder.path();
        let report = run(at, "encode run rows.npy -o sparse.npz --top-k 3 --device cpu --json").json();
        assert_eq!(report["top_k"], 3);
        run(at, "encode run rows.npy -o codes.npy --device cpu").text();
        let rest = if activation == "tanh" { -1.0 } else { 0.0 };
        let codes = rows(at, "codes.npy", None).values;
        let kept = |row: &[f64]| -> Vec<f32> {
            let mut sorted = row.to_vec();
            sorted.sort_by(|a, b| b.total_cmp(a));
            row.iter().map(|&a| if a >= sorted[2] { (a as f32 - rest) + rest } else { rest }).collect()
        };
        let dense: Vec<f32> = codes.chunks(12).flat_map(kept).collect();
        npy::write(&at.join("dense.npy"), 400, 12, &dense).unwrap();
        run(at, "decode run sparse.npz -o one.npy --device cpu").text();
        run(at, "decode run dense.npy -o other.npy --device cpu").text();
        assert!(
            fs::read(at.join("one.npy")).unwrap() == fs::read(at.join("other.npy")).unwrap(),
            "{activation}"
        );
    }
    let (folder, _) = trained(&[]);
    let at = folder.path();
    run(at, "encode run rows.npy -o sparse.npy --top-k 3").refused(2, &["only .npz can be written"]);
    run(at, "encode run rows.npy -o sparse.npz --top-k 0").refused(2, &["--top-k 0 keeps nothing"]);
    run(at, "encode run rows.npy -o sparse.npz --top-k 2 --device cpu").text();
    run(at, "decode run sparse.npz --first 2 -o back.npy")
        .refused(2, &["sparse codes are taken as they are"]);
    run(at, "encode run sparse.npz -o codes.npy").refused(3, &["a sparse matrix of SciPy"]);
    assert!(!super::names(at).iter().any(|name| name.starts_with(".rhohat-")));
}

#[test]
fn what_is_no_code_of_the_model_is_refused() {
    let (folder, _) = trained(&[]);
    let at = folder.path();
    run(at, "decode run rows.npy -o back.npy")
        .refused(3, &["codes of 64 numbers, but the model has 12", "reconstruct"]);
    npy::write(&at.join("large.npy"), 1, 12, &[3e38; 12]).unwrap();
    run(at, "decode run large.npy -o back.npy --output linear --device cpu")
        .refused(3, &["number 0 of row 0"]);
    run(at, "decode run codes.npy -o rows.npy").refused(3, &["codes.npy"]);
}

#[test]
fn decoded_codes_of_pictures_are_drawn_and_what_is_lost_is_told() {
    let (folder, _) = trained(&["--normalize", "lecture"]);
    let at = folder.path();
    run(at, "encode run rows.npy --first 9 -o codes.npy --device cpu").text();
    let decoded = run(at, "decode run codes.npy -o sheet.png --device cpu --json");
    assert!(decoded.stderr.contains("takes its own mean from each example"), "{}", decoded.stderr);
    assert_eq!(decoded.json()["without_means"], true);
    assert_eq!(image::image_dimensions(at.join("sheet.png")).unwrap(), (28, 28));
}

#[test]
fn features_come_in_any_order_and_number() {
    let (folder, _) = trained(&[]);
    let at = folder.path();
    run(at, "units run rows.npy -o units.csv --device cpu").text();
    let units = |flags: &str| -> Vec<usize> {
        let report = run(at, &format!("features run -o out.npy --json {flags}")).json();
        serde_json::from_value(report["units"].clone()).unwrap()
    };
    let by = |name: &str| {
        let values = column(at, name);
        let mut units: Vec<usize> = (0..12).collect();
        units.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        units
    };
    assert_eq!(units("--sort number"), (0..12).collect::<Vec<_>>());
    assert_eq!(units("--sort norm"), by("norm"));
    assert_eq!(units("--sort rho-hat --units units.csv"), by("rho_hat"));
    assert_eq!(units("--sort density --units units.csv --limit 5"), by("density")[..5]);
    run(at, "features run -o all.npy").text();
    let (all, some) = (rows(at, "all.npy", None), {
        units("--sort norm --limit 2");
        rows(at, "out.npy", None)
    });
    let wanted: Vec<f64> =
        by("norm")[..2].iter().flat_map(|&unit| all.values[unit * 64..][..64].to_vec()).collect();
    assert_eq!((some.rows, some.values), (2, wanted));
    let mut sorted = units("--sort orientation");
    sorted.sort_unstable();
    assert_eq!(sorted, (0..12).collect::<Vec<_>>());

    let report = run(at, "features run -o f.png --per-row 3 --limit 7 --zoom 2 --json").json();
    assert_eq!((number(&report, "width"), number(&report, "height")), (56.0, 56.0));
    assert_eq!((number(&report, "drawn"), report["units"].as_array().unwrap().len()), (7.0, 7));
    run(at, "features run -o f.svg --sort norm --limit 2 --per-row 1").text();
    let drawing = fs::read_to_string(at.join("f.svg")).unwrap();
    let [first, second] = [by("norm")[0], by("norm")[1]];
    assert!(
        drawing.contains(&format!("y=\"1\" width=\"8\" height=\"8\"><title>unit {first}</title>")),
        "{drawing}"
    );
    assert!(drawing.contains(&format!("y=\"10\" width=\"8\" height=\"8\"><title>unit {second}</title>")));

    run(at, "features run -o f.png --sort rho-hat").refused(2, &["--sort rho-hat", "--units units.csv"]);
    run(at, "features run -o f.png --units units.csv").refused(2, &["number needs no table of units"]);
    run(at, "features run -o f.png --limit 0").refused(2, &["--limit 0"]);
    run(at, "features run -o f.png --per-row 0").refused(2, &["--per-row 0"]);
    run(at, "features run -o f.npy --per-row 2").refused(2, &["--per-row lays out a picture"]);
    run(at, "features run -o units.csv --sort density --units units.csv").refused(2, &["it is read as"]);
    fs::write(at.join("short.csv"), "unit,rho_hat\n0,0.5\n1,0.25\n").unwrap();
    run(at, "features run -o f.png --sort rho-hat --units short.csv")
        .refused(3, &["2 units, but the model has 12"]);
    run(at, "features run -o f.png --sort density --units short.csv").refused(3, &["density"]);
}

#[test]
fn sparse_codes_below_rest_are_refused_and_examples_beyond_the_reach_of_a_model_told() {
    let (folder, _) = trained(&[]);
    let at = folder.path();
    let codes: Vec<f32> = (0..24).map(|i| i as f32 / 24.0).collect();
    let header = SparseHeader { rows: 2, cols: 12, kept: 12, labels: None };
    let mut archive = Vec::new();
    write_sparse(&mut archive, &mut Cursor::new(Vec::new()), (&header, 0.5), &mut |sink| sink(&codes))
        .unwrap();
    fs::write(at.join("below.npz"), archive).unwrap();
    run(at, "decode run below.npz --activation tanh -o back.npy --device cpu")
        .refused(3, &["it holds -0.5", "activations above rest", "dense rows"]);
    assert!(!at.join("back.npy").exists());
    npy::write(&at.join("high.npy"), 2, 64, &[7.0; 128]).unwrap();
    let encoded = run(at, "encode run high.npy -o codes.npy --device cpu");
    assert!(encoded.stderr.contains("a sigmoid output reaches only 0 to 1"), "{}", encoded.stderr);
    encoded.text();
}

#[test]
fn rows_that_are_no_pictures_are_not_drawn_and_it_is_said_how_they_could_be() {
    let (folder, said) = trained(&[]);
    assert!(!said.contains("no features.png"), "{said}");
    assert!(folder.path().join("run/features.png").exists());
    let at = folder.path();
    npy::write(&at.join("noise.npy"), 300, 36, &noise(300 * 36)).unwrap();
    npy::write(&at.join("wide.npy"), 300, 192, &noise(300 * 192)).unwrap();
    for (name, why, form) in
        [("noise", "do not look like pictures", "6x6"), ("wide", "are no square", "8x8x3")]
    {
        let train = format!("train {name}.npy --hidden 5 --steps 3 --device cpu --out {name}");
        let outcome = run(at, &train);
        assert!(
            outcome.stderr.contains("no features.png") && outcome.stderr.contains(why),
            "{}",
            outcome.stderr
        );
        let lines = outcome.stderr.lines().filter(|line| line.contains("no features.png"));
        assert_eq!(lines.count(), 1, "{}", outcome.stderr);
        assert!(!outcome.text().contains("features.png") && !at.join(name).join("features.png").exists());
        run(at, &format!("features {name} -o f.png")).refused(3, &[why, "--shape"]);
        run(at, &format!("features {name} -o f.png --shape {form}")).text();
        // Nor in its report.
        let page = fs::read_to_string(at.join(name).join("report.html")).unwrap();
        assert!(page.contains("id=\"units\"") && !page.contains("id=\"grid\""), "{name}");
        let shaped =
            format!("train {name}.npy --hidden 5 --steps 3 --device cpu --shape {form} --out {name}-shaped");
        run(at, &shaped).text();
        assert!(at.join(format!("{name}-shaped/features.png")).exists());
    }
}
