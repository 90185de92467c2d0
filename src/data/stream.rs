//! Rows that may be more than memory holds: in files ([`Store`]), preprocessed ([`Transform`]), and prefetched while an engine
//! computes ([`Feed`]).

mod feed;
mod files;
mod fingerprint;
mod finite;
mod fit;
mod layout;
mod open;
mod reader;
mod row_sum;
mod store;
mod transform;

pub use feed::Feed;
pub use fingerprint::FileSample;
pub use fit::fit;
pub(super) use open::{ArrayInFile, StoredRows};
pub use row_sum::{RowCheck, RowSum};
pub use store::{PIECE, Store};
pub use transform::Transform;
