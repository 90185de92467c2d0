//! The report of a run that is there: of its files, and of its data where they are still to be had.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::observer::{ProgressObserver, Stage};
use super::open::Session;
use super::prepare::Outset;
use super::request::Request;
use crate::engine::gpu::tune::Tune;
use crate::error::{Error, Result};
use crate::run::RunDir;
use crate::run::config::Config;
use crate::run::meta::Meta;
use crate::run::model_file::ModelFile;
use crate::run::report::Report;
use crate::run::summary::Summary;
use crate::train::MEASURED;
use crate::train::diagnostics::{JUDGED, UnitDiagnostics, spaced};

/// A report that was written.
#[derive(Debug)]
pub struct Reported {
    /// The page.
    pub page: PathBuf,
    /// Why it shows neither examples nor units, where it does not.
    pub without_units: Option<Error>,
}

/// Writes the report of the run in a folder, there or to `out`; its model is computed on `device`.
///
/// # Errors
/// [`Error::Input`] where there is no run or its files are damaged, [`Error::Io`] where the page cannot be written.
pub fn report(
    folder: &Path,
    out: Option<&Path>,
    (device, tune): (&str, Tune),
    observer: &mut dyn ProgressObserver,
) -> Result<Reported> {
    let run = RunDir::open(folder)?;
    let summary = run.summary()?.map(|text| serde_json::from_str::<Summary>(&text)).transpose();
    let summary = summary.map_err(|error| {
        Error::input(folder, format!("summary.json: {error}; remove it, and go on with the run"))
    })?;
    let page = out.map_or_else(|| run.report(), Path::to_owned);
    let without_units = match Session::of_run(&run, (device, tune), observer) {
        Ok((session, file)) => {
            session.report(&run, &file, summary.as_ref(), out, observer)?;
            return Ok(Reported { page, without_units: None });
        }
        Err(error) => error,
    };
    let settings: Config = run.settings()?.0.try_into().map_err(|error| {
        Error::input(run.config(), format!("{error}; bring back the file that the run has written"))
    })?;
    let report = Report::of_run(&run, summary.as_ref(), settings.objective(), None)?;
    run.write_report(&report, out)?;
    Ok(Reported { page, without_units: Some(without_units) })
}

impl Session {
    /// The examples of a run in an engine of their own, and the file of its model.
    fn of_run(
        run: &RunDir,
        (device, tune): (&str, Tune),
        observer: &mut dyn ProgressObserver,
    ) -> Result<(Self, ModelFile)> {
        let file = ModelFile::open(&run.model())?;
        let settings = Table::from_iter([("device".to_owned(), Value::from(device))]);
        let request = Request { config: Some(run.config()), ..Request::new(settings, tune) };
        match request.prepare(observer)? {
            Outset::Prepared(prepared) => Ok((prepared.open(observer)?, file)),
            Outset::Finished(_) => Err(Error::usage("a run in memory is never finished")),
        }
    }

    /// Judges a model by the examples, and writes the report.
    fn report(
        mut self,
        run: &RunDir,
        file: &ModelFile,
        summary: Option<&Summary>,
        out: Option<&Path>,
        observer: &mut dyn ProgressObserver,
    ) -> Result<()> {
        let (params, meta) =
            (file.params()?, file.meta().cloned().unwrap_or_else(|| Meta::foreign(file.shape())));
        let engine = &mut *self.engine;
        engine.set_params(&params)?;
        observer.stage(Stage::MeasuringCost);
        let (cost, _) = engine.sampled_cost(MEASURED)?;
        observer.stage(Stage::JudgingUnits);
        let rows = spaced(engine.examples(), JUDGED);
        let mut sampler = run.sampler(params.shape, &meta, &rows);
        let mut sample = |rows: &[usize], a2: &[f32]| sampler.add(rows, a2);
        let (.., duplicates) =
            UnitDiagnostics::measure(engine, &meta.objective, &cost, &params, &rows, &mut sample)?;
        observer.stage(Stage::Idle);
        let judged = (&params, &meta, &cost.rho_hat[..], &duplicates);
        run.keep_report(out, summary, sampler, engine, judged)
    }
}
