//! `verify` and `devices`.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::tempdir;

use super::{json, names, rhohat};
use crate::verify::report;

/// Largest errors of a report.
fn worst(report: &Value) -> Vec<f64> {
    let checks = report["checks"].as_array().expect("a list");
    checks.iter().map(|check| check["worst"].as_f64().expect("a number")).collect()
}

#[test]
fn verify_tells_people_every_check_and_the_sum_and_repeats_itself_under_a_seed() {
    let folder = tempdir().unwrap();
    let text = rhohat(folder.path(), &["verify", "--device", "cpu", "--seed", "0"]).text();
    for words in
        ["finite differences", "tanh → linear", "whole steps", "short training runs", "checks passed"]
    {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert!(!text.contains("FAILED"), "{text}");
    let report = report("cpu");
    assert_eq!(report["seed"], 0);
    for (check, worst) in report["checks"].as_array().unwrap().iter().zip(worst(report)) {
        let name = check["name"].as_str().unwrap();
        let same = |line: &str| {
            line.contains(name)
                && (line.ends_with(&format!("{worst:.3}")) || line.contains(&format!("{worst:.1e}")))
        };
        assert!(text.lines().any(same), "{name} is not the same again in {text}");
    }
    let other = rhohat(folder.path(), &["verify", "--device", "cpu", "--seed", "2", "--json"]).json();
    assert_ne!(worst(&other), worst(report));
}

#[test]
fn devices_lists_the_software_adapter_with_its_limits_and_what_auto_takes() {
    let folder = tempdir().unwrap();
    let offer = rhohat(folder.path(), &["devices", "--json"]).json();
    let software =
        offer["adapters"].as_array().unwrap().iter().find(|a| a["selector"] == "software").unwrap();
    assert!(software["limits"]["binding_bytes"].as_u64() >= Some(128 << 20));
    assert!(!offer["auto"].as_str().unwrap().is_empty());
    let text = rhohat(folder.path(), &["devices"]).text();
    assert!(text.contains("--device auto") && text.contains(software["name"].as_str().unwrap()), "{text}");
}

#[test]
fn devices_writes_every_shader_as_it_is_compiled() {
    let folder = tempdir().unwrap();
    rhohat(folder.path(), &["devices", "--shaders", "wgsl"]).text();
    let written = folder.path().join("wgsl");
    let read = |file: &str| fs::read_to_string(written.join(file)).unwrap();
    let described: serde_json::Value = serde_json::from_str(&read("kernels.json")).unwrap();
    let kernels = described.as_array().unwrap();
    assert_eq!(kernels.len(), rhohat::engine::gpu::kernel::ALL.len() + names(&written.join("bench")).len());
    let texts = kernels.iter().flat_map(|kernel| kernel["texts"].as_array().unwrap());
    let files = texts.map(|text| text["file"].as_str().unwrap()).filter(|file| !file.starts_with("bench/"));
    // The texts, `kernels.json` and `bench`.
    assert_eq!(names(&written).len(), files.count() + 2);
    let text = read("layer_nt.wgsl");
    assert!(text.contains("fn main") && text.contains("fn activation") && text.contains("fn linear_index"));
    let [text, naga] = ["layer_nt_broadcast.wgsl", "layer_nt_broadcast.naga.wgsl"].map(read);
    assert_eq!(text, "enable subgroups; ".to_owned() + &naga);
    let tiles = ["tiled", "tiled64x64", "tiled32x32"].map(|tiles| {
        let [gpu, software] = ["", ".software"].map(|host| read(&format!("layer_nt_{tiles}{host}.wgsl")));
        assert_ne!(gpu, software, "{tiles}");
        let of_kernel = |kernel: &&serde_json::Value| kernel["name"] == format!("layer_nt_{tiles}");
        let described = kernels.iter().find(of_kernel).unwrap();
        assert_eq!((&described["product"], &described["file"]), (&tiles.into(), &"matmul_nt_tiled".into()));
        (gpu, described["workgroup"].as_u64().unwrap())
    });
    assert_eq!([tiles[0].1, tiles[1].1, tiles[2].1], [128, 64, 64]);
    assert!(tiles[0].0 != tiles[1].0 && tiles[1].0 != tiles[2].0, "each has a text of its own");

    let layer = kernels.iter().find(|kernel| kernel["name"] == "layer_nt").unwrap();
    let bias = serde_json::json!({
        "group": 0, "binding": 4, "name": "bias", "access": "read", "type": "array<vec4<f32>>", "shape": "[n]"
    });
    assert!(layer["bindings"].as_array().unwrap().contains(&bias), "{layer}");
    let activation = serde_json::json!({
        "name": "ACTIVATION", "type": "u32", "default": "0", "values": [0.0, 1.0, 2.0]
    });
    assert!(layer["constants"].as_array().unwrap().contains(&activation), "{layer}");
}

#[test]
fn devices_writes_a_plan_and_what_a_host_has_to_find_without_an_adapter() {
    let folder = tempdir().unwrap();
    let args = ["devices", "--shaders", "wgsl", "--plan", "64:25:1000", "--witness"];
    let (code, _, errors) = without_adapters(folder.path(), &args);
    assert_eq!(code, Some(0), "{errors}");
    let read = |file: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(folder.path().join("wgsl").join(file)).unwrap()).unwrap()
    };
    let plan = read("plan.json");
    assert_eq!(plan["recordings"]["sgd"][0]["kernel"], "layer_nt");
    assert_eq!(plan["tensors"]["encoder.weight"][0]["rows"], 25);
    assert_eq!(plan["tensors"]["list"][0]["cols"], 250);
    let witness = read("witness.json");
    assert!(
        witness["updates"].as_array().unwrap().len() > 10 && !witness["searches"][0]["gradient"].is_null()
    );

    let refused = |args: &[&str], word: &str| {
        let (code, _, errors) = without_adapters(folder.path(), args);
        assert!(code == Some(2) && errors.contains(word), "{code:?} {errors}");
    };
    refused(&["devices", "--plan", "64:25:1000"], "--shaders");
    refused(&["devices", "--shaders", "wgsl", "--plan", "64:25"], "visible:hidden:examples");
    refused(&["devices", "--shaders", "wgsl", "--plan", "64:99999999:99999999"], "memory");
}

/// Runs where no Vulkan driver can be found.
fn without_adapters(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rhohat"))
        .current_dir(folder)
        .args(args)
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
#[cfg(target_os = "linux")]
fn without_an_adapter_the_gpu_is_refused_with_the_way_out_and_auto_takes_the_cpu() {
    let folder = tempdir().unwrap();
    for (device, remedy) in
        [("software", "mesa-vulkan-drivers"), ("gpu", "--device cpu"), ("gpu:0", "--device cpu")]
    {
        for command in ["train", "verify"] {
            let (code, stdout, stderr) = without_adapters(folder.path(), &[command, "--device", device]);
            assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.contains(&format!("--device {device}")) && stderr.contains(remedy), "{stderr}");
        }
    }
    assert!(names(folder.path()).is_empty());

    let (code, stdout, stderr) = without_adapters(folder.path(), &["devices", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(json(&stdout)["auto"], "cpu");
}

#[test]
fn a_variant_that_is_unknown_or_means_nothing_is_refused() {
    let folder = tempdir().unwrap();
    let unknown = rhohat(folder.path(), &["verify", "--device", "software", "--force-variant", "fastest"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("direct/buffers") && unknown.stderr.contains("fastest"),
        "{}",
        unknown.stderr
    );
    let on_cpu = rhohat(folder.path(), &["verify", "--device", "cpu", "--force-variant", "direct/buffers"]);
    assert_eq!(on_cpu.code, 2);
    assert!(on_cpu.stderr.contains("no WebGPU device"), "{}", on_cpu.stderr);
}

#[test]
fn a_variant_that_no_longer_exists_is_refused_and_a_configuration_with_one_goes_on_without() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let args = ["train", "--samples", "200", "--steps", "2", "--device", "software", "--out"];
    for old in ["direct/textures", "tiled/textures", "broadcast/buffers", "broadcast+direct+tiled/textures"] {
        let refused = rhohat(at, &[&args[..], &["none", "--force-variant", old]].concat());
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        let names = "it runs direct/buffers, tiled/buffers, tiled64x64/buffers, tiled32x32/buffers, broadcast/textures";
        assert!(refused.stderr.contains(old) && refused.stderr.contains(names), "{}", refused.stderr);
    }
    rhohat(at, &[&args[..], &["first", "--force-variant", "direct/buffers"]].concat()).text();
    let file = at.join("first/config.toml");
    let config = fs::read_to_string(&file).unwrap();
    let old = config.replace("\"direct/buffers\"", "\"direct/textures\"");
    assert_ne!(old, config);
    fs::write(&file, old).unwrap();
    let again = ["train", "--config", "first/config.toml", "--out", "second"];
    // The run writes anew what it is gone on with.
    for go_on in [&again[..], &["train", "--resume", "first", "--steps", "4"]] {
        let outcome = rhohat(at, go_on);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        for words in ["direct/textures", "going on without"] {
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        }
    }
    let config = fs::read_to_string(at.join("second/config.toml")).unwrap();
    assert!(config.contains("force_variant = \"broadcast/textures\""), "{config}");
}

#[test]
fn a_run_keeps_its_variant_and_its_settings_serve_another_device() {
    let folder = tempdir().unwrap();
    let variant = ["--force-variant", "direct/buffers"];
    let args = ["train", "--samples", "200", "--steps", "2", "--device", "software", "--out", "first"];
    rhohat(folder.path(), &[&args[..], &variant].concat()).text();
    let settings = std::fs::read_to_string(folder.path().join("first/config.toml")).unwrap();
    assert!(settings.contains("force_variant = \"direct/buffers\""), "{settings}");
    let again = ["train", "--config", "first/config.toml", "--device", "cpu", "--out", "second"];
    let outcome = rhohat(folder.path(), &again);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("going on without"), "{}", outcome.stderr);
    let settings = std::fs::read_to_string(folder.path().join("second/config.toml")).unwrap();
    assert!(!settings.contains("force_variant"), "{settings}");
}

#[test]
fn a_quick_verification_leaves_kernels_out_and_is_told_as_junit() {
    let folder = tempdir().unwrap();
    let args = ["verify", "--device", "cpu", "--quick", "--junit", "checks.xml", "--json"];
    let report = rhohat(folder.path(), &args).json();
    let checks = report["checks"].as_array().unwrap();
    assert_eq!((&report["quick"], &report["passed"]), (&true.into(), &true.into()));
    assert!(checks.len() > 10 && checks.iter().all(|check| check["group"] != "kernels"));
    let text = std::fs::read_to_string(folder.path().join("checks.xml")).unwrap();
    assert!(text.contains(&format!("tests=\"{}\" failures=\"0\"", checks.len())), "{text}");
    assert_eq!(text.matches("<testcase ").count(), checks.len());
    rhohat(folder.path(), &["verify", "--device", "cpu", "--quick", "--junit", "checks.json"])
        .refused(2, &["--junit checks.json", "JUnit XML (.xml)"]);
}
