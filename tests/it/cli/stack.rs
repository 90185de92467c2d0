//! `rhohat stack`: each layer an ordinary run on the codes of the one below, gone on with wherever it ended.

use std::fs;
use std::path::Path;

use rhohat::{Data, Model};
use serde_json::Value;

use super::labelled::{ROWS, folder, model, run, words};
use super::{die, names, number, rhohat};

/// A stack of two layers.
const STACK: &str = "stack rows.npy --layers 12,6 --rho 0.3 --optimizer adam --batch 60 --steps 12 --normalize none --no-report";

/// The bits of a whole stack: both models, and the codes between them.
fn bits(folder: &Path, stack: &str) -> [Vec<u8>; 3] {
    let codes = fs::read(folder.join(stack).join("codes-1.npy")).unwrap();
    [model(folder, &format!("{stack}/layer-1")), codes, model(folder, &format!("{stack}/layer-2"))]
}

#[test]
fn each_layer_is_an_ordinary_run_on_the_codes_of_the_one_below() {
    let folder = folder();
    let folder = folder.path();
    let text = run(folder, &format!("{STACK} --run whole")).text();
    for words in [
        "layer",
        "hidden",
        "explained",
        "whole/layer-2/model.safetensors",
        "rhohat classify DATA --encoder whole",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert_eq!(names(&folder.join("whole")), ["codes-1.npy", "layer-1", "layer-2", "stack.toml"]);
    let report = run(folder, &format!("{STACK} --json --run whole")).json();
    assert_eq!(report["stack"], "whole");
    for (layer, (visible, hidden)) in [(16, 12), (12, 6)].into_iter().enumerate() {
        let result = &report["layers"][layer];
        assert_eq!((&result["hidden"], &result["steps"]), (&hidden.into(), &12.into()));
        assert_eq!(result["examples"], ROWS);
        let run = folder.join(format!("whole/layer-{}", layer + 1));
        let kept: Value =
            serde_json::from_str(&fs::read_to_string(run.join("summary.json")).unwrap()).unwrap();
        assert_eq!(number(&kept, "j"), number(result, "j"));
        assert_eq!(Model::load(&run).unwrap().shape().visible, visible);
    }
    // By hand: the same two commands, with what lies between them.
    let flags = "--rho 0.3 --optimizer adam --batch 60 --steps 12 --normalize none --no-report";
    run(folder, &format!("train rows.npy --hidden 12 {flags} --out one")).text();
    run(folder, "encode one rows.npy -o codes.npy").text();
    let flags = flags.replace(" --normalize none", "");
    run(folder, &format!("train codes.npy --hidden 6 {flags} --out two")).text();
    let by_hand = [model(folder, "one"), fs::read(folder.join("codes.npy")).unwrap(), model(folder, "two")];
    assert!(bits(folder, "whole") == by_hand, "other bits");
    run(folder, "eval whole/layer-2 whole/codes-1.npy").text();
    let codes = Model::load(folder.join("one")).unwrap().device("cpu");
    let codes = codes.encode(&Data::open(folder.join("rows.npy")).unwrap()).unwrap();
    let held = fs::read(folder.join("whole/codes-1.npy")).unwrap();
    let numbers: Vec<u8> = codes.values.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(held.ends_with(&numbers), "the codes are not those of the layer");
}

#[test]
fn layers_have_settings_of_their_own_in_a_file() {
    let folder = folder();
    let folder = folder.path();
    let text = "optimizer = \"adam\"\nbatch = 60\nsteps = 6\nrho = 0.3\n[[layer]]\nhidden = 10\n[[layer]]\nhidden = 5\nsteps = 4\nrho = 0.2\n";
    fs::write(folder.join("given.toml"), text).unwrap();
    let report =
        run(folder, "stack --config given.toml rows.npy --batch 80 --no-report --json --out s").json();
    let of = |layer: usize, name: &str| report["layers"][layer][name].clone();
    assert_eq!([of(0, "hidden"), of(1, "hidden")], [10, 5]);
    assert_eq!([of(0, "steps"), of(1, "steps")], [6, 4]);
    let config = |layer: usize| -> toml::Table {
        fs::read_to_string(folder.join(format!("s/layer-{layer}/config.toml"))).unwrap().parse().unwrap()
    };
    assert_eq!([config(1)["rho"].as_float(), config(2)["rho"].as_float()], [Some(0.3), Some(0.2)]);
    assert_eq!(config(2)["batch"].as_integer(), Some(80), "a flag wins over the file");
    let data = config(2)["data"].as_str().unwrap().to_owned();
    assert!(Path::new(&data).is_absolute() && data.ends_with("s/codes-1.npy"), "{data}");
    // Widths alone may come from the command line.
    let report =
        run(folder, "stack --config given.toml rows.npy --layers 8,3 --no-report --json --out t").json();
    assert_eq!([&report["layers"][0]["hidden"], &report["layers"][1]["hidden"]], [8, 3]);
    run(folder, "stack --config given.toml rows.npy --layers 8,3,2")
        .refused(2, &["--layers", "3 widths", "2 layers"]);
    fs::write(folder.join("bad.toml"), "layer = 3\n").unwrap();
    run(folder, "stack --config bad.toml rows.npy").refused(3, &["bad.toml", "[[layer]]"]);
    fs::write(folder.join("bad.toml"), "[[layer]]\nhidden = 3\nhiden = 4\n").unwrap();
    run(folder, "stack --config bad.toml rows.npy --steps 1").refused(2, &["hiden"]);
}

#[test]
fn codes_of_tanh_are_learned_by_tanh() {
    let folder = folder();
    let folder = folder.path();
    let line = "stack rows.npy --layers 8,4 --activation tanh --steps 3 --no-report --json --out s";
    let report = run(folder, line).json();
    assert_eq!(report["layers"].as_array().unwrap().len(), 2);
    let activations = |layer: &str| {
        let objective = Model::load(folder.join("s").join(layer)).unwrap().objective();
        (objective.activation.name(), objective.output.name())
    };
    assert_eq!(activations("layer-2"), ("tanh", "tanh"));
    assert_eq!(activations("layer-1").0, "tanh");
    run(
        folder,
        "classify rows.npy --labels labels.idx --encoder s --softmax-lambda 1e-3 --fine-tune 2 --out c",
    )
    .text();
}

#[test]
fn a_stack_that_died_goes_on_to_the_same_bits_from_any_folder() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &format!("{STACK} --checkpoint-every 4 --run whole")).text();
    // Places are reached by each layer: the fourth checkpoint is the first of layer 2.
    for (number, place) in [
        "published:2",
        "model-written:1",
        "summary-written:1",
        "codes-begun:1",
        "published:5",
        "state-written:6",
        "model-written:2",
        "summary-written:2",
    ]
    .into_iter()
    .enumerate()
    {
        let broken = format!("broken-{number}");
        let line = format!("{STACK} --checkpoint-every 4 --run {broken}");
        die(folder, place, &words(&line));
        let has_codes = folder.join(&broken).join("codes-1.npy").exists();
        assert_eq!(has_codes, number >= 4, "{place}");
        match number % 3 {
            0 => drop(run(folder, &line).text()),
            1 => drop(rhohat(folder, &["stack", "--resume", &broken, "--no-report"]).text()),
            _ => {
                let elsewhere = folder.join("elsewhere");
                fs::create_dir_all(&elsewhere).unwrap();
                let above = format!("../{broken}");
                drop(rhohat(&elsewhere, &["stack", "--resume", &above, "--no-report"]).text());
            }
        }
        assert!(bits(folder, &broken) == bits(folder, "whole"), "{place}: other bits");
        assert_eq!(names(&folder.join(&broken)), names(&folder.join("whole")), "{place}");
    }
}

#[test]
fn a_classifier_stands_on_all_layers_of_a_stack() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &format!("{STACK} --run s")).text();
    let rest = "--softmax-lambda 1e-3 --fine-tune 3 --no-baseline --json --run";
    let by_name = run(folder, &format!("classify rows.npy --labels labels.idx --encoder s {rest} a")).json();
    assert_eq!(by_name["widths"], serde_json::json!([16, 12, 6, 3]));
    let layers = "--encoder s/layer-1 --encoder s/layer-2";
    run(folder, &format!("classify rows.npy --labels labels.idx {layers} {rest} b")).text();
    assert!(model(folder, "a") == model(folder, "b"), "other bits");
    run(folder, "predict a rows.npy --labels labels.idx").text();
    let wrong = "--encoder s/layer-2 --encoder s/layer-1";
    run(folder, &format!("classify rows.npy --labels labels.idx {wrong}"))
        .refused(2, &["--encoder", "encoder 2 reads 16", "gives 6"]);
    fs::remove_file(folder.join("s/layer-2/model.safetensors")).unwrap();
    run(folder, "classify rows.npy --labels labels.idx --encoder s")
        .refused(3, &["layer-2 has no model", "rhohat stack --resume"]);
}

#[test]
fn what_is_no_stack_or_another_one_is_refused() {
    let folder = folder();
    let folder = folder.path();
    for (line, code, words) in [
        ("stack rows.npy", 2, &["--layers", "200,100"][..]),
        ("stack rows.npy --layers 12,6 --hidden 9", 2, &["--hidden", "--layers"]),
        ("stack rows.npy --layers 12,0 --steps 1", 2, &["--hidden"]),
        ("stack --layers 12,6 --steps 1", 2, &["DATA"]),
        ("stack gone.npy --layers 12,6 --steps 1", 3, &["gone.npy"]),
        ("stack --resume gone", 3, &["gone", "rhohat stack"]),
        ("stack --resume rows.npy", 3, &["rows.npy", "rhohat stack"]),
        ("stack rows.npy --layers 3 --run rows.npy", 2, &["--run rows.npy"]),
    ] {
        let outcome = match line.contains("--resume") {
            true => rhohat(folder, &line.split(' ').collect::<Vec<_>>()),
            false => run(folder, line),
        };
        outcome.refused(code, words);
    }
    run(folder, &format!("{STACK} --run s")).text();
    let before = bits(folder, "s");
    run(folder, &format!("{STACK} --out s")).refused(2, &["--out s", "not empty"]);
    run(folder, &format!("{STACK} --rho 0.4 --run s").replace("--rho 0.3 ", ""))
        .refused(2, &["s", "other settings", "--out"]);
    run(folder, &format!("{STACK} --run s").replace("12,6", "12,5")).refused(2, &["s", "other settings"]);
    for flags in ["--layers 12,6", "--rho 0.4", "--device cpu"] {
        let line: Vec<&str> = ["stack", "--resume", "s"].into_iter().chain(flags.split(' ')).collect();
        rhohat(folder, &line).refused(2, &["--resume s", "--out"]);
    }
    rhohat(folder, &["stack", "--resume", "s", "--no-report"]).text();
    assert!(bits(folder, "s") == before, "it is touched");
}
