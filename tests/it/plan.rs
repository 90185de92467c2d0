//! Plans: what a host in another language is told of a step, made without any adapter. `.ci/webgpu` runs them.

use rhohat::engine::Chunking;
use rhohat::engine::device::Setup;
use rhohat::engine::gpu::engine::GpuEngine;
use rhohat::engine::gpu::plan::Plan;
use rhohat::engine::variant::Variant;
use rhohat::math::params::{Matrix, Params, Shape};

fn plan(visible: usize, hidden: usize, rows: usize, variant: &str, cut: Chunking) -> rhohat::Result<Plan> {
    let params = Params::zeros(Shape { visible, hidden });
    let examples = Matrix::new(rows, visible, vec![0.5; rows * visible]);
    let variant: Variant = variant.parse().unwrap();
    GpuEngine::planned(&Setup { cut, ..Setup::default() }, &params, &examples, rows.min(10), variant)
}

#[test]
fn every_binding_of_a_plan_lies_within_its_buffer_and_every_kernel_gets_all_that_it_binds() {
    let blocks = Chunking { chunk: Some(16), block: Some(8), ..Chunking::default() };
    for variant in ["direct/buffers", "tiled/buffers"] {
        for cut in [Chunking::default(), blocks] {
            let plan = plan(13, 20, 50, variant, cut).unwrap();
            let named: Vec<&str> =
                plan.recordings.keys().map(String::as_str).filter(|name| !name.contains("accept")).collect();
            let wanted = [
                "adam",
                "adam batch",
                "adam batch with J",
                "adam with J",
                "lbfgs direction",
                "lbfgs evaluate",
                "lbfgs products",
            ];
            assert_eq!(named[..7], wanted, "{variant}");
            let value = serde_json::to_value(&plan).unwrap();
            let sizes: Vec<u64> = plan.buffers.clone();
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            for dispatch in
                value["recordings"].as_object().unwrap().values().flat_map(|list| list.as_array().unwrap())
            {
                let name = dispatch["kernel"].as_str().unwrap();
                let kernel =
                    rhohat::engine::gpu::kernel::ALL.iter().find(|kernel| kernel.name == name).unwrap();
                let bindings = dispatch["bindings"].as_array().unwrap();
                // But for the uniform and the range.
                assert_eq!(bindings.len() + 2, kernel.bindings().len(), "{name}");
                for binding in bindings {
                    let end = number(&binding["offset"]) + number(&binding["numbers"]);
                    assert!(end <= sizes[number(&binding["buffer"]) as usize], "{name}: {binding}");
                }
                let groups: u64 = dispatch["workgroups"].as_array().unwrap().iter().map(number).product();
                assert!((1..=65_535 * 65_535).contains(&groups), "{name}");
                match dispatch["uniform"]["words"].as_array() {
                    Some(words) => assert_eq!(4 * words.len(), kernel.uniform.size, "{name}"),
                    None => {
                        let live = dispatch["uniform"]["live"].as_str().unwrap();
                        assert!(plan.uniforms[live] >= kernel.uniform.size as u64, "{name}: {live}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_plan_counts_the_dispatches_that_wait_as_wgpu_does() {
    // As many as wgpu's own backend was seen to put barriers between (`docs/notebook.md`), where it was patched to tell.
    for (shape, variant, dispatches, levels) in LEVELS {
        let [visible, hidden, rows] = shape;
        let plan = plan(visible, hidden, rows, variant, Chunking::default()).unwrap();
        assert_eq!(
            (plan.recordings["sgd with J"].len(), plan.levels["sgd with J"]),
            (dispatches, levels),
            "{shape:?}"
        );
    }
}

#[test]
fn a_plan_of_kernels_that_read_textures_is_refused() {
    let error = plan(8, 8, 10, "broadcast/textures", Chunking::default()).unwrap_err().to_string();
    assert!(!error.is_empty(), "{error}");
}

/// Shape, kernels, dispatches and levels of a step of SGD over all rows.
const LEVELS: [([usize; 3], &str, usize, usize); 2] =
    [([64, 256, 1000], "tiled/buffers", 16, 13), ([784, 1024, 512], "tiled/buffers", 19, 18)];
