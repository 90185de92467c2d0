//! What the library tells beside its results: warnings become warnings of Python, the rest goes to `logging`.

use std::ffi::CString;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::errors::in_pythons_words;

/// Does `work`, which needs no interpreter, without holding it, and then tells what was told.
pub fn apart<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    let listener = Listener::default();
    let heard = Arc::clone(&listener.0);
    let result = py.detach(|| tracing::subscriber::with_default(listener, work));
    let heard = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    for (level, text) in heard {
        tell(py, level, &in_pythons_words(&text))?;
    }
    Ok(result)
}

fn tell(py: Python<'_>, level: Level, text: &str) -> PyResult<()> {
    if level == Level::WARN {
        let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
        // The caller of the estimator's method.
        return PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 3);
    }
    let logger = py.import("logging")?.call_method1("getLogger", ("rhohat",))?;
    let method = if level == Level::ERROR { "error" } else { "info" };
    // The text may hold signs of percent.
    logger.call_method1(method, ("%s", text)).map(drop)
}

/// Events of one thread.
#[derive(Default)]
struct Listener(Arc<Mutex<Vec<(Level, String)>>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO && metadata.target().starts_with("rhohat")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((*event.metadata().level(), text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message of an event.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
