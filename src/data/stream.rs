//! Rows that may be more than memory holds: in files ([`Store`]) or a program's own, preprocessed ([`Transform`]), and prefetched while an engine
//! computes ([`Feed`]).

mod feed;
mod files;
mod fingerprint;
mod finite;
mod fit;
mod layout;
mod medium;
mod open;
mod reader;
mod row_sum;
mod store;
mod transform;

pub use feed::Feed;
pub use fingerprint::FileSample;
pub use fit::fit;
pub use medium::{RowNumber, SharedMemory};
pub(super) use open::{ArrayInFile, StoredRows};
pub use row_sum::{RowCheck, RowSum};
pub use store::{PIECE, Store};
pub use transform::Transform;
