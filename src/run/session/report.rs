//! The report of a run that is there: of its files, and of its data where they are still to be had. J and what is counted over all
//! examples are those of the result; the model is judged anew over the same sample as at the end of the run.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::observer::{ProgressObserver, Stage};
use super::open::Session;
use super::prepare::Outset;
use super::request::{JudgedRun, Request};
use crate::engine::gpu::tune::Tune;
use crate::error::{Error, Result};
use crate::run::config::Config;
use crate::run::meta::Meta;
use crate::run::model_file::ModelFile;
use crate::run::report::Report;
use crate::run::summary::Summary;
use crate::run::{DataRecord, RunDir};
use crate::train::diagnostics::{JUDGED, Spread, duplicates, spaced};

/// Said of a result of 0.1.0.
const UNSEALED: &str =
    "That this result is of the model beside it is not known: runs of 0.1.0 keep no hash of it.";

/// A report that was written.
#[derive(Debug)]
pub struct Reported {
    /// The page.
    pub page: PathBuf,
    /// Why it does not show the result of the run, where there is one that it does not.
    pub without_result: Option<&'static str>,
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
    let (summary, without_result) = match &summary {
        None => (None, None),
        Some(summary) => match summary.still_holds(&run)? {
            Ok(()) => (Some(summary), None),
            Err(why) => (None, Some(why)),
        },
    };
    let about_result = match (summary, without_result) {
        (_, Some(why)) => Some(format!("The result in summary.json is not shown: {why}.")),
        (Some(summary), None) if !summary.is_sealed() => Some(UNSEALED.to_owned()),
        _ => None,
    };
    let result = (summary, about_result.as_deref());
    let page = out.map_or_else(|| run.report(), Path::to_owned);
    // The identity of patches is that of preprocessed ones: another model may have others of the same pictures.
    let record = if without_result.is_none() { run.data_record() } else { Ok(None) };
    let of_run = record.and_then(|record| Session::of_run(&run, record, (device, tune), observer));
    let without_units = match of_run {
        Ok((session, file)) => {
            session.report((&run, &file), result, out, observer)?;
            return Ok(Reported { page, without_result, without_units: None });
        }
        Err(error) => error,
    };
    let settings: Config = run.settings()?.0.try_into().map_err(|error| {
        Error::input(run.config(), format!("{error}; bring back the file that the run has written"))
    })?;
    let report = Report::of_run(&run, result, settings.objective(), None)?;
    run.write_report(&report, out)?;
    Ok(Reported { page, without_result, without_units: Some(without_units) })
}

impl Session {
    /// The examples of a run in an engine of their own, and the file of its model.
    fn of_run(
        run: &RunDir,
        record: Option<DataRecord>,
        (device, tune): (&str, Tune),
        observer: &mut dyn ProgressObserver,
    ) -> Result<(Self, ModelFile)> {
        let file = ModelFile::open(&run.model())?;
        let settings = Table::from_iter([("device".to_owned(), Value::from(device))]);
        let judged = JudgedRun { preprocess: file.meta().map(|meta| meta.preprocess.clone()), record };
        let request =
            Request { config: Some(run.config()), judged: Some(judged), ..Request::new(settings, tune) };
        match request.prepare(observer)? {
            Outset::Prepared(prepared) => Ok((prepared.open(observer)?, file)),
            Outset::Finished(_) => Err(Error::usage("a run in memory is never finished")),
        }
    }

    /// Judges a model by the examples, and writes the report.
    fn report(
        mut self,
        (run, file): (&RunDir, &ModelFile),
        result: (Option<&Summary>, Option<&str>),
        out: Option<&Path>,
        observer: &mut dyn ProgressObserver,
    ) -> Result<()> {
        let (params, meta) =
            (file.params()?, file.meta().cloned().unwrap_or_else(|| Meta::foreign(file.shape())));
        let engine = &mut *self.engine;
        engine.set_params(&params)?;
        observer.stage(Stage::JudgingUnits);
        let rows = spaced(engine.examples(), JUDGED);
        let mut sampler = run.sampler(params.shape, &meta, &rows);
        let mut sample = |rows: &[usize], a2: &[f32]| sampler.add(rows, a2);
        let rho_hat = Spread::measure(engine, &rows, &mut sample)?.rho_hat();
        let duplicates = duplicates(&params.w1, params.shape.visible);
        observer.stage(Stage::Idle);
        let judged = (&params, &meta, &rho_hat[..], &duplicates);
        run.keep_report(out, result, sampler, engine, judged)
    }
}
