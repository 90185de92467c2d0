//! The place of the front door's files in a build without the feature `files`.

use super::Trained;
use crate::error::{Error, Result};
use crate::run::summary::Summary;

impl Trained {
    /// Refuses a run that was finished before, of which there is none.
    pub(super) fn finished(_: Summary) -> Result<Self> {
        Err(Error::without_files("a finished run"))
    }
}
