//! Seconds by kernel, while a profile is taken.

use std::sync::Mutex;

use crate::io::lock::locked;

/// Seconds of each kernel in the order of their first use; `None` while no profile is taken.
#[derive(Debug, Default)]
pub(crate) struct Profile(Mutex<Option<Vec<(&'static str, f64)>>>);

impl Profile {
    /// Begins anew.
    pub fn begin(&self) {
        *locked(&self.0) = Some(Vec::new());
    }

    /// Ends, and gives the seconds since the beginning.
    pub fn end(&self) -> Vec<(&'static str, f64)> {
        locked(&self.0).take().unwrap_or_default()
    }

    /// Whether one is taken.
    pub fn is_taken(&self) -> bool {
        locked(&self.0).is_some()
    }

    /// Adds the seconds of a dispatch.
    pub fn add(&self, name: &'static str, seconds: f64) {
        if let Some(profile) = &mut *locked(&self.0) {
            match profile.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += seconds,
                None => profile.push((name, seconds)),
            }
        }
    }
}
