//! Which run `--resume auto` means: of those in `runs/` that can be gone on with, the one that was begun last.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{CONFIG, ENVIRONMENT, FILES, FOLDERS, METRICS, RUNS, RunDir, SUMMARY};
use crate::error::{Error, Result};
use crate::io::date;
use crate::io::folder::Folder;
use crate::run::config::Written;
use crate::run::metrics::LinesFile;

/// Most bytes of `env.json`, which holds a command line.
const ENVIRONMENT_MOST: u64 = 1 << 20;

impl RunDir {
    /// The unfinished run in `runs/` that was begun last, claimed for this program, those that were `passed` over left aside. Runs that another program trains, that
    /// have diverged, and folders that are no runs are passed over; it is told which, and why.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is none.
    pub fn newest_unfinished(passed: &[PathBuf]) -> Result<(Self, File)> {
        let entries = match fs::read_dir(RUNS) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("open", RUNS, error)),
        };
        let mut runs: Vec<(String, PathBuf)> = entries.into_iter().map(|path| (begun(&path), path)).collect();
        runs.sort_by_key(|(begun, path)| Reverse((begun.clone(), path.clone())));
        for (_, path) in runs.into_iter().filter(|(_, path)| !passed.contains(path)) {
            match Self(path.clone()).admitted() {
                Ok(Some(admitted)) => return Ok(admitted),
                Ok(None) => {}
                Err(why) => tracing::info!("{why}; passed over"),
            }
        }
        Err(Error::usage(format!("`resume` auto: no unfinished run in {RUNS}/; give the folder of one")))
    }

    /// The run, claimed; `None` where nothing is left to do or no run has begun.
    fn admitted(self) -> Result<Option<(Self, File)>> {
        let (path, folder) = (&self.0, self.folder());
        if !path.is_dir() || folder.has(SUMMARY)? || !folder.has(CONFIG)? {
            return Ok(None);
        }
        folder.check(&FILES, &FOLDERS)?;
        if self.settings()?.1 == Written::ByHand {
            return Err(Error::input(self.config(), "not the settings of a run"));
        }
        if let Some(divergence) = self.divergence()? {
            return Err(Error::input(path, format!("diverged at step {}", divergence.step)));
        }
        if !folder.has(METRICS)? {
            return Err(Error::input(path, "no metrics.jsonl, as every run has"));
        }
        let claimed = LinesFile::claim(&self.metrics())?;
        // Another program may have finished it meanwhile.
        let left = self.summary()?.is_none();
        Ok(left.then_some((self, claimed)))
    }
}

impl RunDir {
    /// When it was begun, UTC, as it says itself.
    pub fn begun(&self) -> String {
        begun(self.path())
    }
}

/// When a run was begun, as it says itself: copying and clocks that are set change the times of files.
fn begun(run: &Path) -> String {
    let said = || {
        let bytes = Folder::at(run).small(ENVIRONMENT, "an environment", ENVIRONMENT_MOST).ok()??;
        let json: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        json["started"].as_str().map(str::to_owned)
    };
    let written = || run.join(CONFIG).symlink_metadata().and_then(|file| file.modified()).ok();
    said().or_else(|| written().map(date::timestamp)).unwrap_or_default()
}
