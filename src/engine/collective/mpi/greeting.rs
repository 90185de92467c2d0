//! How every call begins: each rank tells all others which call it makes, and goes on where all make the same.
//!
//! So a call that not all make ends with an error before any number of it is sent, and a rank that is missing is known by its
//! number. A few numbers ride on the message: a sum of them takes no other.

use std::fmt;

use bytemuck::cast_slice_mut;

use super::message::{Buffers, Piece};
use crate::error::{Error, Result};

/// Words of a message that say what is called.
pub const HEAD: usize = 3;
/// Words of the longest message.
pub const WORDS: usize = 128;
/// Bytes that can ride on one: all that an iteration of L-BFGS sums up with memory for 20 pairs.
pub const RIDE: usize = 8 * (WORDS - HEAD);

/// A call as all ranks have to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The size of a number, and how many.
    Sum(usize, usize),
    /// Bytes.
    Broadcast(usize),
    /// Bytes of this rank: the others may have more or fewer.
    ToFirst(usize),
    /// Another communicator is made.
    Another,
    /// MPI is left.
    Leave,
}

impl Call {
    fn words(self) -> [u64; HEAD] {
        match self {
            Self::Sum(size, count) => [1, size as u64, count as u64],
            Self::Broadcast(bytes) => [2, bytes as u64, 0],
            Self::ToFirst(bytes) => [3, bytes as u64, 0],
            Self::Another => [4, 0, 0],
            Self::Leave => [5, 0, 0],
        }
    }

    fn of(words: &[u64]) -> Option<Self> {
        Some(match *words.get(..HEAD)? {
            [1, size, count] => Self::Sum(size as usize, count as usize),
            [2, bytes, _] => Self::Broadcast(bytes as usize),
            [3, bytes, _] => Self::ToFirst(bytes as usize),
            [4, ..] => Self::Another,
            [5, ..] => Self::Leave,
            _ => return None,
        })
    }

    /// Whether ranks that make these two calls make the same one.
    fn meets(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::ToFirst(_), Self::ToFirst(_)))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum(size, count) => write!(f, "sums {count} numbers of {size} bytes"),
            Self::Broadcast(bytes) => write!(f, "broadcasts {bytes} bytes"),
            Self::ToFirst(_) => f.write_str("sends bytes to the first rank"),
            Self::Another => f.write_str("asks for another communicator"),
            Self::Leave => f.write_str("ends"),
        }
    }
}

/// Lays the message of `rank` among `size` down: in the memory to send from, and where those of the others come to. The
/// messages to send and to receive.
pub fn lay_down(
    buffers: &mut Buffers,
    (rank, size): (usize, usize),
    call: Call,
    ride: &[u8],
) -> (Vec<Piece>, Vec<Piece>) {
    grow(&mut buffers.send, WORDS);
    grow(&mut buffers.receive, size * WORDS);
    buffers.send[..HEAD].copy_from_slice(&call.words());
    cast_slice_mut::<u64, u8>(&mut buffers.send[HEAD..])[..ride.len()].copy_from_slice(ride);
    buffers.receive[rank * WORDS..(rank + 1) * WORDS].copy_from_slice(&buffers.send[..WORDS]);
    let length = 8 * HEAD + ride.len();
    let sends = others(rank, size).map(|peer| Piece { peer, bytes: 0..length });
    let place = |peer: usize| 8 * WORDS * peer..8 * WORDS * (peer + 1);
    let receives = others(rank, size).map(|peer| Piece { peer, bytes: place(peer) });
    (sends.collect(), receives.collect())
}

/// Compares what the others call with what this rank calls; the calls of all ranks.
///
/// # Errors
/// [`Error::Device`] that names a rank which makes another call.
pub fn compare(buffers: &Buffers, (rank, size): (usize, usize), own: Call) -> Result<Vec<Call>> {
    let calls = buffers.receive.chunks_exact(WORDS).take(size).map(Call::of).enumerate();
    let same = |(other, its): (usize, Option<Call>)| match its {
        Some(its) if its.meets(own) => Ok(its),
        Some(Call::Leave) => {
            Err(Error::device(format!("rank {other} has ended, rank {rank} has not: it {own}")))
        }
        Some(its) => Err(Error::device(format!("rank {other} {its} where rank {rank} {own}"))),
        None => Err(Error::device(format!(
            "rank {other} makes a call that this program does not know: it is another one"
        ))),
    };
    calls.map(same).collect()
}

/// The numbers that rode on the messages of `size` ranks, as whole words.
pub fn rides(buffers: &mut Buffers, size: usize) -> impl Iterator<Item = &mut [u64]> {
    buffers.receive.chunks_exact_mut(WORDS).take(size).map(|message| &mut message[HEAD..])
}

/// All ranks but one, its next neighbour first, so that not all begin with the same.
pub fn others(rank: usize, size: usize) -> impl Iterator<Item = usize> {
    (rank + 1..rank + size).map(move |other| other % size)
}

/// Makes memory at least so long. It is kept for the next call.
pub fn grow(memory: &mut Vec<u64>, words: usize) {
    if memory.len() < words {
        memory.resize(words, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: [Call; 6] =
        [Call::Sum(4, 7), Call::Sum(8, 7), Call::Broadcast(7), Call::ToFirst(7), Call::Another, Call::Leave];

    #[test]
    fn calls_come_out_of_messages_as_they_went_in_and_meet_themselves_alone() {
        for call in CALLS {
            assert_eq!(Call::of(&call.words()), Some(call));
            let meeting = CALLS.into_iter().filter(|other| other.meets(call)).collect::<Vec<_>>();
            assert_eq!(meeting, [call]);
        }
        assert!(Call::ToFirst(7).meets(Call::ToFirst(0)));
        assert_eq!(Call::of(&[9, 0, 0]), None);
    }

    #[test]
    fn a_rank_that_calls_otherwise_is_named_with_what_it_calls() {
        let refused = |its: [u64; HEAD]| {
            let mut buffers = Buffers::default();
            let own = Call::Sum(4, 3);
            lay_down(&mut buffers, (0, 3), own, &[1; 12]);
            for (rank, words) in [(1, own.words()), (2, its)] {
                buffers.receive[rank * WORDS..][..HEAD].copy_from_slice(&words);
            }
            compare(&buffers, (0, 3), own).map_err(|error| error.to_string())
        };
        assert_eq!(refused(Call::Sum(4, 3).words()), Ok(vec![Call::Sum(4, 3); 3]));
        let texts = [
            (
                Call::Sum(8, 3).words(),
                "rank 2 sums 3 numbers of 8 bytes where rank 0 sums 3 numbers of 4 bytes",
            ),
            (Call::Leave.words(), "rank 2 has ended, rank 0 has not: it sums 3 numbers of 4 bytes"),
            ([0; HEAD], "rank 2 makes a call that this program does not know: it is another one"),
        ];
        for (words, text) in texts {
            assert_eq!(refused(words), Err(text.to_owned()));
        }
    }

    #[test]
    fn a_message_goes_to_every_other_rank_and_what_rides_on_it_has_a_place_for_each() {
        let mut buffers = Buffers::default();
        let (sends, receives) = lay_down(&mut buffers, (2, 4), Call::Sum(4, 2), &[7; 8]);
        assert_eq!(sends.iter().map(|piece| piece.peer).collect::<Vec<_>>(), [3, 0, 1]);
        assert!(sends.iter().all(|piece| piece.bytes == (0..8 * HEAD + 8)));
        assert_eq!(receives[0], Piece { peer: 3, bytes: 3 * 8 * WORDS..4 * 8 * WORDS });
        let own = rides(&mut buffers, 4).nth(2).unwrap();
        assert_eq!(own[..2], [u64::from_ne_bytes([7; 8]), 0]);
        assert_eq!(own.len() * 8, RIDE);
    }
}
