//! Messages and the memory that they are in.

use std::ffi::c_int;
use std::ops::Range;

/// Memory of messages.
#[derive(Debug, Default)]
pub struct Buffers {
    /// What is sent.
    pub send: Vec<u64>,
    /// Where what is received is put.
    pub receive: Vec<u64>,
}

/// A message to or from another rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The other rank.
    pub peer: usize,
    /// Its bytes in the buffer.
    pub bytes: Range<usize>,
}

impl Piece {
    /// Bytes and rank as MPI counts them, if they lie inside a buffer of so many bytes.
    pub fn counted(&self, length: usize) -> Option<(c_int, c_int)> {
        let Self { peer, bytes } = self;
        let is_inside = bytes.start <= bytes.end && bytes.end <= length;
        is_inside.then_some(())?;
        Some((c_int::try_from(bytes.len()).ok()?, c_int::try_from(*peer).ok()?))
    }
}

/// A message on its way.
#[derive(Debug)]
pub struct Pending {
    /// What MPI knows it by.
    pub request: usize,
    /// The other rank.
    pub peer: usize,
    /// Whether it comes from there.
    pub is_receive: bool,
}

/// The ranks from which something is missing; if there is none, those that have not taken what was sent.
pub fn missing(pending: &[Pending]) -> Vec<usize> {
    let of = |is_receive| pending.iter().filter(move |pending| pending.is_receive == is_receive);
    let mut missing: Vec<usize> = of(true).map(|pending| pending.peer).collect();
    if missing.is_empty() {
        missing.extend(of(false).map(|pending| pending.peer));
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_missing_once_and_those_that_take_nothing_only_where_all_have_sent() {
        let pending = |(peer, is_receive)| Pending { request: 0, peer, is_receive };
        let of = |list: &[(usize, bool)]| missing(&list.iter().copied().map(pending).collect::<Vec<_>>());
        assert_eq!(of(&[(3, true), (1, false), (2, true), (3, true)]), [2, 3]);
        assert_eq!(of(&[(3, false), (1, false), (3, false)]), [1, 3]);
        assert_eq!(of(&[]), [0; 0]);
    }

    #[test]
    fn pieces_outside_their_buffer_or_beyond_what_an_int_counts_are_refused() {
        let counted = |bytes, length| Piece { peer: 7, bytes }.counted(length);
        assert_eq!(counted(8..24, 24), Some((16, 7)));
        assert_eq!(counted(24..24, 24), Some((0, 7)));
        assert_eq!(counted(8..25, 24), None);
        assert_eq!(counted(0..1 << 31, 1 << 40), None);
        assert_eq!(counted(0..(1 << 31) - 1, 1 << 40), Some((c_int::MAX, 7)));
    }
}
