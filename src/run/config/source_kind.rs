//! The source of a run's examples: pictures or rows, and how many.

use crate::data::Source;

/// The source of a run's examples, as far as settings depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The built-in images.
    BuiltIn,
    /// Images of the user.
    Images {
        /// Side and number, where all are squares of one size.
        squares: Option<(usize, usize)>,
    },
    /// Rows that are examples already.
    Rows {
        /// Examples m.
        rows: usize,
        /// Numbers an example n.
        cols: usize,
        /// Bytes of a row on disk, where rows can be read one by one.
        row_bytes: Option<usize>,
    },
}

impl SourceKind {
    /// The kind of an opened source, or of none.
    pub fn of(source: Option<&Source>) -> Self {
        match source {
            None => Self::BuiltIn,
            Some(Source::Images(pictures)) => Self::Images { squares: pictures.squares() },
            Some(Source::Rows(table)) => Self::Rows { rows: table.rows, cols: table.cols, row_bytes: None },
            Some(Source::Stored(store)) => {
                Self::Rows { rows: store.rows, cols: store.cols, row_bytes: Some(store.row_bytes()) }
            }
        }
    }

    /// Bytes of a row on disk, where rows can be read one by one.
    pub fn row_bytes(self) -> Option<usize> {
        match self {
            Self::Rows { row_bytes, .. } => row_bytes,
            Self::BuiltIn | Self::Images { .. } => None,
        }
    }
}
