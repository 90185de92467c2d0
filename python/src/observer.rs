//! The observer of a run: Python's signals after every step, and callbacks at every report.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rhohat::{Progress, ProgressObserver};

/// Shortest time between two looks at signals, each of which takes the interpreter.
const LOOK: Duration = Duration::from_millis(20);

/// Follows a run for Python.
pub struct Follower<'a> {
    /// Called with a dict at every report; stops the run where it returns true.
    callback: Option<Py<PyAny>>,
    /// Steps after which the run ends, whatever its length.
    left: Option<usize>,
    looked: Instant,
    /// The exception that ended the run: of a callback, or that of a signal.
    raised: &'a mut Option<PyErr>,
}

impl<'a> Follower<'a> {
    /// One of a run that ends after `left` steps at the latest.
    pub fn new(callback: Option<Py<PyAny>>, left: Option<usize>, raised: &'a mut Option<PyErr>) -> Self {
        Self { callback, left, looked: Instant::now(), raised }
    }

    fn call(callback: &Py<PyAny>, progress: &Progress) -> PyResult<bool> {
        Python::attach(|py| callback.bind(py).call1((told(py, progress)?,))?.is_truthy())
    }
}

impl ProgressObserver for Follower<'_> {
    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        let stops = self.callback.as_ref().map_or(Ok(false), |callback| Self::call(callback, progress));
        match stops {
            Ok(false) => return ControlFlow::Continue(()),
            Ok(true) => {}
            Err(raised) => *self.raised = Some(raised),
        }
        ControlFlow::Break(())
    }

    fn stops(&mut self) -> bool {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return true;
            }
        }
        if self.looked.elapsed() >= LOOK && self.raised.is_none() {
            // Only the main thread has signals; for all others this costs next to nothing.
            *self.raised = Python::attach(|py| py.check_signals()).err();
            self.looked = Instant::now();
        }
        self.raised.is_some()
    }
}

/// A report as keywords of `rhohat.Progress`.
fn told<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyDict>> {
    let (cost, told) = (&progress.cost, PyDict::new(py));
    let rho_hat = cost.rho_hat.iter().copied();
    let mean = cost.rho_hat.iter().sum::<f64>() / cost.rho_hat.len().max(1) as f64;
    told.set_item("step", progress.step)?;
    told.set_item("j", cost.total())?;
    told.set_item("reconstruction", cost.reconstruction)?;
    told.set_item("decay", cost.decay)?;
    told.set_item("kl", cost.penalty)?;
    told.set_item("rho_hat_min", rho_hat.clone().fold(f64::INFINITY, f64::min))?;
    told.set_item("rho_hat_mean", mean)?;
    told.set_item("rho_hat_max", rho_hat.fold(f64::NEG_INFINITY, f64::max))?;
    told.set_item("rate", progress.rate)?;
    told.set_item("gradient_norm", progress.gradient_norm)?;
    told.set_item("samples", progress.samples)?;
    told.set_item("seconds", progress.seconds)?;
    told.set_item("validation_j", progress.held_out.as_ref().map(|held_out| held_out.j))?;
    Ok(told)
}
