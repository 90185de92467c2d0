//! Training on rows of Python.

use std::sync::Once;

use pyo3::prelude::*;
use rhohat::{Trained, Trainer};

use crate::buffers::Rows;
use crate::errors::raised;
use crate::fitted::Fitted;
use crate::observer::Follower;
use crate::told::apart;

/// Says how many threads read and prepare rows, for all runs of this process: what the first caller says holds.
#[pyfunction]
pub fn set_threads(threads: usize) {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| {
        // Another user of the pool may have been first; then it is as it is.
        let _ = rhohat::io::threads::start_with(threads);
    });
}

/// Trains on the rows of an array under settings in JSON. `before` is gone on with for so many steps, or begun; `callback` hears
/// reports; a run ends after `most` steps, where that is given, as if somebody had stopped it.
#[pyfunction]
#[pyo3(signature = (rows, settings, *, callback=None, before=None, steps=None, most=None, search=false))]
#[allow(clippy::too_many_arguments, reason = "keywords of Python")]
pub fn fit(
    py: Python<'_>,
    rows: &Bound<'_, PyAny>,
    settings: &str,
    callback: Option<Py<PyAny>>,
    before: Option<&Fitted>,
    steps: Option<usize>,
    most: Option<usize>,
    search: bool,
) -> PyResult<Fitted> {
    let rows = Rows::of(rows)?;
    let data = rows.data(0..rows.rows)?;
    let mut trainer = Trainer::default().settings(settings).map_err(raised)?.keep_state(search);
    if let (Some(before), Some(steps)) = (before.and_then(Fitted::trained), steps) {
        trainer = trainer.go_on(before, steps).map_err(raised)?;
    }
    let mut exception = None;
    let follower = Follower::new(callback, most, &mut exception);
    let trained = apart(py, || trainer.fit_with(&data, follower))?;
    if let Some(exception) = exception {
        return Err(exception);
    }
    let trained: Trained = trained.map_err(raised)?;
    py.check_signals()?;
    Ok(trained.into())
}
