//! The report of a run: `report.html`, one page that needs no network and, for all that matters, no script.
//!
//! What it shows comes from the files of the run, but for examples and units: those are a [`Sample`] that is taken while the
//! units are judged, so that data on disk are not passed over again.

pub(super) mod chart;
pub mod compare;
pub(super) mod history;
pub(super) mod page;
mod rows;
mod sample;
pub(super) mod sprite;
mod tiles;
mod units;

use std::io::Write;
use std::path::Path;

use maud::{Markup, PreEscaped};
use serde_json::Value;

use crate::data::Preprocess;
use crate::engine::Engine;
use crate::error::Result;
use crate::io::atomic_write;
use crate::io::folder::Folder;
use crate::math::objective::Objective;
use crate::math::params::{Params, Shape};
use crate::run::model_file::Meta;
use crate::run::summary::Summary;
use crate::run::{REPORT, RunDir};
use crate::train::diagnostics::Duplicates;
pub use chart::number;
use history::History;
pub use sample::{Sample, Sampler, bytes};

/// All that a report tells.
#[derive(Debug)]
pub struct Report<'a> {
    /// The name of the run.
    pub name: String,
    /// The command lines and the machine, from `env.json`.
    pub environment: Value,
    /// `config.toml`.
    pub settings: toml::Table,
    /// The result, where the run has come to one that is of its model.
    pub summary: Option<&'a Summary>,
    /// Why a result is not shown, or what is not known of the one that is.
    pub about_result: Option<&'a str>,
    /// What was minimised.
    pub objective: Objective,
    /// The course of the run.
    pub history: History,
    /// The model and what is known of its units.
    pub model: Option<Judged<'a>>,
}

/// A model, judged.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The parameters.
    pub params: &'a Params<f32>,
    /// The preprocessing of its examples.
    pub preprocess: &'a Preprocess,
    /// ρ̂ over the judged examples, `[h]`.
    pub rho_hat: &'a [f64],
    /// Units that are like an earlier one.
    pub duplicates: &'a Duplicates,
    /// Examples, and what the units are in them.
    pub sample: &'a Sample,
}

impl RunDir {
    /// What takes the sample of a report, of a model of this shape over the examples `judged`.
    pub(in crate::run) fn sampler(&self, shape: Shape, meta: &Meta, judged: &[usize]) -> Sampler {
        Sampler::new(shape, meta.objective.activation, &meta.preprocess, judged)
    }

    /// Writes the report of a model into the run, or to `out`: its parameters and their meaning, ρ̂ and like units.
    ///
    /// # Errors
    /// Those of the engine, and [`crate::Error::Io`] where it cannot be written.
    pub(in crate::run) fn keep_report(
        &self,
        out: Option<&Path>,
        (summary, about_result): (Option<&Summary>, Option<&str>),
        sampler: Sampler,
        engine: &mut dyn Engine,
        (params, meta, rho_hat, duplicates): (&Params<f32>, &Meta, &[f64], &Duplicates),
    ) -> Result<()> {
        let preprocess = &meta.preprocess;
        let sample = sampler.finish(engine, preprocess)?;
        let judged = Judged { params, preprocess, rho_hat, duplicates, sample: &sample };
        let report = Report::of_run(self, (summary, about_result), meta.objective, Some(judged))?;
        self.write_report(&report, out)
    }

    /// Writes a report into the run, or to `out`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] where it cannot be written.
    pub(in crate::run) fn write_report(&self, report: &Report<'_>, out: Option<&Path>) -> Result<()> {
        match out {
            Some(out) => atomic_write::write(out, |to| report.write_to(to)),
            None => self.folder().write(REPORT, |to| report.write_to(to)),
        }
    }
}

/// Longest files of a run that are read for its report, bytes.
const LONGEST: u64 = 1 << 20;

impl<'a> Report<'a> {
    /// Of the files of a run, with what is known besides.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub fn of_run(
        run: &RunDir,
        (summary, about_result): (Option<&'a Summary>, Option<&'a str>),
        objective: Objective,
        model: Option<Judged<'a>>,
    ) -> Result<Self> {
        let folder = run.folder();
        let path = std::path::absolute(run.path()).unwrap_or_else(|_| run.path().to_owned());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let history = match folder.open("metrics.jsonl")? {
            Some((file, _)) => History::read(file),
            None => History::default(),
        };
        let environment = small(&folder, "env.json")?.and_then(|text| serde_json::from_str(&text).ok());
        let settings = small(&folder, "config.toml")?.and_then(|text| text.parse().ok());
        Ok(Self {
            name,
            environment: environment.unwrap_or_default(),
            settings: settings.unwrap_or_default(),
            summary,
            about_result,
            objective,
            history,
            model,
        })
    }

    /// Writes the page.
    ///
    /// # Errors
    /// Those of `to`, and where a picture cannot be encoded.
    pub fn write_to(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let page = page::page(self).map_err(std::io::Error::other)?;
        to.write_all(page.into_string().as_bytes())
    }
}

/// JSON within a page, where nothing may end its element.
fn json_text(value: &Value) -> Markup {
    PreEscaped(value.to_string().replace('<', "\\u003c"))
}

fn small(folder: &Folder, name: &str) -> Result<Option<String>> {
    let bytes = folder.small(name, "a file of a run", LONGEST)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
