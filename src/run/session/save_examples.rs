//! The examples of a run as a file of rows.

use std::io;
use std::path::Path;

use super::examples::{TrainingRows, TrainingSet};
use crate::data::stream::{PIECE, Transform};
use crate::data::write::{RowsHeader, RowsKind, Sink, write};
use crate::error::{Error, Result};
use crate::io::atomic_write;
use crate::math::params::cast;

impl TrainingSet {
    /// Writes the examples as rows, a piece at a time, in the kind of file that the ending says, else as a NumPy array.
    pub fn save(&self, path: &Path) -> Result<()> {
        let (rows, cols) = self.size();
        // What is wrong with the rows, where they are what fails.
        let mut unread = None;
        let header = RowsHeader { name: "examples", column: "x", rows, cols, labels: None, shape: None };
        let mut fill = |sink: &mut Sink<'_>| match &self.rows {
            TrainingRows::Held(matrix) => {
                matrix.values.chunks(PIECE).try_for_each(|values| sink(&cast::<f64, f32>(values)))
            }
            TrainingRows::Stored(store) => {
                let failed = |error| Error::io("write", path, error);
                let passed = Transform::new(store, &self.preprocess)
                    .in_pieces(store, |_, values| sink(&cast::<f64, f32>(values)).map_err(failed));
                passed.map_err(|error| match error {
                    Error::Io { source, path: failed, .. } if failed == path => source,
                    error => {
                        unread = Some(error);
                        io::Error::other("the rows cannot be read")
                    }
                })
            }
        };
        let kind = RowsKind::of(path).unwrap_or(RowsKind::Npy);
        let written = atomic_write::write(path, |out| write(kind, out, &header, &mut fill));
        unread.map_or(written, Err)
    }
}
