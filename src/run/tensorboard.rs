//! Event files for TensorBoard: the scalars of every report, in a new file of the run each sitting.
//!
//! A file is a list of frames (TFRecord), each of which holds a message `Event` of TensorBoard's protocol buffers. The second
//! says that a session starts after a step: what a sitting before had written of later steps is not shown then.

mod event;
mod frame;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::error::{Error, Result, shown};
use crate::io::folder::Folder;
use crate::math::objective::Cost;
use crate::train::measures::Measures;
use event::Event;

/// How the names of event files begin; the seconds of the clock follow, then [`ENDING`].
const BEGINNING: &str = "events.out.tfevents.";
const ENDING: &str = ".rhohat";

/// Whether a file of a run is one of events, by its name.
pub fn is_events(name: &str) -> bool {
    number(name).is_some()
}

/// The number in the name of an event file.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix(BEGINNING)?.strip_suffix(ENDING)?.parse().ok()
}

/// The event file of a sitting.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    /// `None` once it could not be written.
    file: Option<File>,
}

impl Events {
    /// Makes the file of a sitting that goes on after so many steps: where it is `wanted`, or where the run has such files
    /// already. One that cannot be made is warned of, and the run goes on without.
    pub fn begin(folder: &Folder, wanted: bool, done: usize) -> Option<Self> {
        let made = folder.names().and_then(|names| {
            let numbers = names.iter().filter_map(|name| number(name.to_str()?));
            let last = numbers.max();
            if !wanted && last.is_none() {
                return Ok(None);
            }
            // TensorBoard reads them in the order of their names: none comes before an older one.
            let number = (seconds() as u64).max(last.map_or(0, |last| last.saturating_add(1)));
            let name = format!("{BEGINNING}{number}{ENDING}");
            Ok(Some(Self { path: folder.join(&name), file: Some(folder.create_new(&name)?) }))
        });
        match made {
            Ok(events) => events.map(|mut events| {
                events.write(&[Event::version(seconds()), Event::starts(seconds(), done as u64 + 1)]);
                events
            }),
            Err(error) => {
                tracing::warn!("{error}; training goes on without events for TensorBoard");
                None
            }
        }
    }

    /// Adds the numbers of a line of the metrics, but for those of held-out examples, which have steps of their own.
    pub fn report(&mut self, line: &Value) {
        let step = line["step"].as_u64().unwrap_or_default();
        let mut event = Event::summary(seconds(), step);
        for (name, value) in line.as_object().into_iter().flatten() {
            let is_other = name.starts_with("validation") || ["step", "seconds"].contains(&name.as_str());
            if let (false, Some(value)) = (is_other, value.as_f64()) {
                let name =
                    name.strip_prefix("rho_hat_").map_or(name.clone(), |name| format!("rho_hat/{name}"));
                event.add(&name, value);
            }
        }
        self.write(&[event]);
    }

    /// Adds what a look at held-out examples after a step has found.
    pub fn validated(&mut self, step: usize, cost: &Cost, measures: &Measures) {
        let Measures { explained_variance, mse, l0, active } = *measures;
        let values = [
            ("j", Some(cost.total())),
            ("reconstruction", Some(cost.reconstruction)),
            ("explained_variance", explained_variance),
            ("mse", Some(mse)),
            ("l0", Some(l0)),
            ("active", Some(active)),
        ];
        let mut event = Event::summary(seconds(), step as u64);
        for (name, value) in values.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            event.add(&format!("validation/{name}"), value);
        }
        self.write(&[event]);
    }

    /// Writes events at once, so that whoever looks sees them. Where that fails nothing more is written: half a frame would
    /// hide all behind it.
    fn write(&mut self, events: &[Event]) {
        let Some(file) = &mut self.file else { return };
        let frames: Vec<u8> = events.iter().flat_map(|event| frame::of(event.bytes())).collect();
        let written: Result<()> =
            file.write_all(&frames).map_err(|error| Error::io("write", &self.path, error));
        if let Err(error) = written {
            let place = shown(&self.path);
            tracing::warn!("{error}; training goes on, and nothing more is added to {place}");
            self.file = None;
        }
    }
}

/// The clock, seconds since 1970.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_later_sittings_come_later_and_only_where_they_are_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let at = Folder::at(folder.path());
        assert!(Events::begin(&at, false, 0).is_none());
        let far = u64::MAX / 2;
        std::fs::write(folder.path().join(format!("{BEGINNING}{far}{ENDING}")), "").unwrap();
        assert!(Events::begin(&at, false, 5).is_some());
        assert!(folder.path().join(format!("{BEGINNING}{}{ENDING}", far + 1)).is_file());
        assert!(is_events("events.out.tfevents.17.rhohat"));
        for other in ["events.out.tfevents.17", "events.out.tfevents.x.rhohat", "metrics.jsonl"] {
            assert!(!is_events(other), "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_file_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = Folder::at(folder.path());
        let last = folder.path().join(format!("{BEGINNING}{}{ENDING}", u64::MAX));
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), last).unwrap();
        assert!(Events::begin(&at, true, 0).is_none());
        assert!(!folder.path().join("elsewhere").exists());
    }
}
