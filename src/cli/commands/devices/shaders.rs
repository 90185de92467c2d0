//! `rhohat devices --shaders`: the text of every kernel as WebGPU implementations take it, `kernels.json`, which tells
//! other hosts what to bind and which constants there are, and `plan.json`, which tells them what to dispatch.

use std::path::Path;

use serde::Serialize;

use crate::bench::ceilings::shaders as ceilings;
use crate::bench::ladder::{Size, check_memory};
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::kernel::{ALL, Binding, Constant, Host, Kernel};
use crate::engine::setup::Setup;
use crate::engine::variant::Variant;
use crate::error::Error;
use crate::math::params::{Matrix, Params};
use crate::run::config::BATCH;

/// A kernel in `kernels.json`.
#[derive(Debug, Serialize)]
struct Described {
    name: &'static str,
    /// In `shaders/`, without `.wgsl`.
    file: &'static str,
    reference: Option<&'static str>,
    product: Option<String>,
    transpose: Option<&'static str>,
    feature: Option<&'static str>,
    workgroup: u32,
    uniform_bytes: usize,
    bindings: Vec<Bound>,
    constants: Vec<Chosen>,
    texts: Vec<Text>,
}

/// A binding.
#[derive(Debug, Serialize)]
struct Bound {
    group: u32,
    binding: u32,
    name: &'static str,
    access: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Nothing for uniforms.
    shape: Option<&'static str>,
}

/// A constant with every value that it may be given.
#[derive(Debug, Serialize)]
struct Chosen {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    default: &'static str,
    values: Vec<f64>,
}

/// A text, and the implementations that it is for.
#[derive(Debug, Serialize)]
struct Text {
    file: String,
    #[serde(rename = "for")]
    host: &'static str,
}

/// Writes all texts and `kernels.json` into `folder`, those that measure ceilings into `bench` below it.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    make(&folder.join("bench"))?;
    let mut described = Vec::new();
    for kernel in ALL.iter().chain(ceilings::ALL) {
        let mut written = Vec::new();
        for (ending, host, who) in forms(kernel) {
            let file = format!("{}{ending}.wgsl", kernel.name);
            save(&folder.join(&file), &kernel.text(host))?;
            written.push(Text { file, host: who });
        }
        described.push(describe(kernel, written));
    }
    let json = serde_json::to_string_pretty(&described)?;
    Ok(save(&folder.join("kernels.json"), &(json + "\n"))?)
}

/// Writes `plan.json` for steps of a shape, by the plain kernels.
pub fn write_plan(folder: &Path, size: Size) -> anyhow::Result<()> {
    check_memory(size)?;
    let params = Params::zeros(size.units());
    let examples = Matrix::new(size.m, size.n, vec![0.0; size.m * size.n]);
    let plan = GpuEngine::planned(&Setup::default(), &params, &examples, BATCH.min(size.m), Variant::PLAIN)?;
    write_json(&folder.join("plan.json"), &plan)
}

/// Writes a value as JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
    Ok(save(path, &(serde_json::to_string(value)? + "\n"))?)
}

/// The texts of a kernel that differ: what its file name ends in, for whom, and that in words.
fn forms(kernel: &Kernel) -> Vec<(&'static str, Host, &'static str)> {
    let mut forms = vec![("", Host::SPECIFIED, "WebGPU")];
    if kernel.is_unrolled() {
        forms.push((".software", Host::SOFTWARE, "WebGPU on a software adapter"));
    }
    if kernel.feature.is_some() {
        forms.push((".naga", Host::NAGA, "naga"));
    }
    forms
}

fn describe(kernel: &'static Kernel, texts: Vec<Text>) -> Described {
    let bound = |binding: &Binding| Bound {
        group: binding.group,
        binding: binding.number,
        name: binding.name,
        access: binding.access.name(),
        kind: binding.kind,
        shape: Some(binding.shape).filter(|shape| !shape.is_empty()),
    };
    let chosen = |constant: Constant| {
        let values = kernel.values_of(&constant);
        let Constant { name, kind, default } = constant;
        Chosen { name, kind, default, values }
    };
    Described {
        name: kernel.name,
        file: kernel.file,
        reference: kernel.reference,
        product: kernel.product.map(|(product, _)| product.to_string()),
        transpose: kernel.product.map(|(_, transpose)| transpose.name()),
        feature: kernel.feature,
        workgroup: kernel.workgroup,
        uniform_bytes: kernel.uniform.size,
        bindings: kernel.bindings().iter().map(bound).collect(),
        constants: kernel.constants().into_iter().map(chosen).collect(),
        texts,
    }
}

fn make(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("write", folder, error))
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::io("write", path, error))
}
