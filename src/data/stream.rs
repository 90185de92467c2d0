//! Rows that may be more than memory holds: where they lie ([`Store`]), what they become ([`Transform`]), and how they
//! reach an engine while it computes ([`Feed`]).

mod feed;
mod fit;
mod reader;
mod store;
mod transform;

pub use feed::Feed;
pub use fit::fit;
pub use store::{RawRows, Store};
pub use transform::Transform;
