//! The examples of a run as a file of rows.

use std::io;
use std::path::Path;

use super::examples::{TrainingRows, TrainingSet};
use crate::data::npy;
use crate::data::stream::{PIECE, Transform};
use crate::error::{Error, Result};
use crate::io::atomic_write;
use crate::math::params::cast;

impl TrainingSet {
    /// Writes the examples as rows, a piece at a time.
    pub fn save(&self, path: &Path) -> Result<()> {
        let (rows, cols) = self.size();
        // What is wrong with the rows, where they are what fails.
        let mut unread = None;
        let written = atomic_write::write(path, |mut out| {
            npy::write_header(&mut out, rows, cols)?;
            match &self.rows {
                TrainingRows::Held(matrix) => matrix
                    .values
                    .chunks(PIECE)
                    .try_for_each(|values| npy::write_values(&mut out, &cast::<f64, f32>(values))),
                TrainingRows::Stored(store) => {
                    let failed = |error| Error::io("write", path, error);
                    let passed = Transform::new(store, &self.preprocess).in_pieces(store, |_, values| {
                        npy::write_values(&mut out, &cast::<f64, f32>(values)).map_err(failed)
                    });
                    passed.map_err(|error| match error {
                        Error::Io { source, path: failed, .. } if failed == path => source,
                        error => {
                            unread = Some(error);
                            io::Error::other("the rows cannot be read")
                        }
                    })
                }
            }
        });
        unread.map_or(written, Err)
    }
}
