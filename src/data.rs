//! From files to examples: sources (built-in images, image files, arrays), patches, preprocessing, and the way back
//! to pixels. Arrays are opened whole and checked (finite numbers, at least one example), pictures are listed by their
//! headers and decoded one by one; preprocessing is done in f64 and rounded once, to what the engine holds.

// Examples out of memory: no file, no clock.
pub mod axes;
pub mod batches;
mod class_choice;
mod column_choice;
mod column_fit;
mod columns;
mod dead_leaves;
mod description;
pub mod dtype;
mod examples;
mod fit;
mod form;
mod grid;
mod grid_rows;
mod labels;
mod lazy;
mod neighbours;
mod normalize;
mod patches;
mod picture;
mod pictures;
mod pixels;
mod prepared_images;
mod preprocess;
mod reading;
mod recipe;
mod sample;
mod scale;
pub mod shuffle;
mod skipped;
mod source;
pub mod split;
mod subset;
mod table;
mod variance;
mod whiten;
mod whitening;

// Files.
#[cfg(feature = "files")]
mod ambiguity;
#[cfg(feature = "files")]
pub mod formats;
#[cfg(feature = "files")]
pub mod identity;
#[cfg(feature = "files")]
mod listing;
#[cfg(feature = "files")]
mod look;
#[cfg(feature = "files")]
mod open;
#[cfg(feature = "files")]
pub mod stream;
#[cfg(not(feature = "files"))]
#[path = "data/without_files.rs"]
pub mod stream;
#[cfg(feature = "files")]
pub mod write;

pub use axes::{Axes, Axis, Meaning};
pub use class_choice::ClassChoice;
pub use column_choice::ColumnChoice;
pub use column_fit::{ColumnStatistics, check_columns};
pub use columns::{Basis, ColumnTensor, ColumnTransform, TENSORS as COLUMN_TENSORS};
pub use description::{DataContents, DataDescription};
pub use dtype::DType;
pub use examples::{ExampleRows, Examples};
pub use form::Form;
#[cfg(feature = "files")]
pub use formats::npy;
pub use grid::Grid;
pub use grid_rows::GridRows;
pub use labels::Labels;
pub use lazy::LazyExamples;
#[cfg(feature = "files")]
pub use look::DataLook;
pub use neighbours::Neighbours;
pub use normalize::Normalize;
pub(crate) use patches::BYTES_OF_DRAW;
pub use picture::{Picture, PictureInfo};
pub use pictures::{PictureMemory, Pictures};
pub(crate) use prepared_images::{remedy, too_large};
pub use preprocess::{Columns as FittedColumns, Preprocess};
pub use reading::{DataFormat, RawRows, Reading};
pub use recipe::{DataRecipe, HELD_OUT_PATCHES, PATCHES};
pub use sample::RowSample;
pub use scale::Scale;
pub use skipped::{SkippedFiles, SkippedGroup};
pub use source::{Opened, Source};
pub use split::stratified;
pub use subset::{Subset, Taken};
pub use table::Table;
pub use variance::{Columns, Variance};
pub use whitening::{Rotation, Whitening, WhiteningKind};
