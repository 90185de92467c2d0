//! Messages of the first rank to all others, and their answers, over the calls of a [`Collective`].

use crate::engine::collective::Collective;
use crate::error::{Error, Result};

/// Bytes that one exchange carries of any message: most calls of an engine are shorter, and take one exchange.
const FRAME: usize = 1024;
/// Bytes of its two lengths, at the front.
const LENGTHS: usize = 16;

/// What a message says, and numbers that go with it as they lie in memory.
#[derive(Debug, Default)]
pub struct Message {
    /// Text.
    pub head: Vec<u8>,
    /// Numbers.
    pub tail: Vec<u8>,
}

/// The first rank's way to all others, and theirs back.
#[derive(Debug)]
pub struct Channel(Box<dyn Collective>);

impl Channel {
    /// Over calls of their own: nothing else may make any.
    pub fn new(collective: Box<dyn Collective>) -> Self {
        Self(collective)
    }

    /// This rank.
    pub fn rank(&self) -> usize {
        self.0.rank()
    }

    /// How many ranks there are.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Tells all others something. Only the first rank does.
    ///
    /// # Errors
    /// Those of the exchange.
    pub fn tell(&mut self, head: &[u8], tail: &[u8]) -> Result<()> {
        let lengths = [head.len(), tail.len()].map(|len| (len as u64).to_le_bytes()).concat();
        let mut frame = [&lengths, head, tail].concat();
        frame.resize(frame.len().max(FRAME), 0);
        let (first, rest) = frame.split_at_mut(FRAME);
        self.0.broadcast(first)?;
        if rest.is_empty() { Ok(()) } else { self.0.broadcast(rest) }
    }

    /// Waits for what the first rank has to tell.
    ///
    /// # Errors
    /// Those of the exchange; [`Error::Device`] for a message longer than any memory.
    pub fn hear(&mut self) -> Result<Message> {
        let mut frame = vec![0; FRAME];
        self.0.broadcast(&mut frame)?;
        let length = |at: usize| {
            let bytes = frame[at..at + 8].try_into().unwrap_or_default();
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let (head, tail) = (length(0), length(8));
        let all = head.zip(tail).and_then(|(head, tail)| head.checked_add(tail)?.checked_add(LENGTHS));
        let (Some(head), Some(all)) = (head, all) else {
            return Err(Error::device(
                "a message of another rank is damaged; go on from the last checkpoint",
            ));
        };
        frame.resize(all.max(FRAME), 0);
        if frame.len() > FRAME {
            self.0.broadcast(&mut frame[FRAME..])?;
        }
        frame.truncate(all);
        let tail = frame.split_off(LENGTHS + head);
        Ok(Message { head: frame.split_off(LENGTHS), tail })
    }

    /// Answers of all ranks, this one's included, which the first rank takes in their order.
    ///
    /// # Errors
    /// Those of the exchange and of `take`.
    pub fn answer(&mut self, own: &[u8], take: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        self.0.to_first(own, take)
    }

    /// Tells the others that this rank goes no further, and why.
    pub fn fail(&mut self, why: &str) {
        self.0.fail(why);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::engine::collective::threads::Threads;

    #[test]
    fn messages_of_any_length_arrive_whole_and_answers_come_in_the_order_of_ranks() {
        let lengths = [(0, 0), (1, 0), (0, 1), (FRAME - LENGTHS, 0), (FRAME - LENGTHS, 1), (5_000, 70_000)];
        let mut ranks = Threads::group(3, None).into_iter().map(|rank| Channel::new(Box::new(rank)));
        let mut first = ranks.next().unwrap();
        thread::scope(|scope| {
            for mut other in ranks {
                scope.spawn(move || {
                    for (head, tail) in lengths {
                        let message = other.hear().unwrap();
                        assert_eq!((message.head, message.tail), (vec![7; head], vec![9; tail]));
                        let rank = other.rank();
                        other.answer(&vec![rank as u8; rank], &mut |_, _| Ok(())).unwrap();
                    }
                });
            }
            for (head, tail) in lengths {
                first.tell(&vec![7; head], &vec![9; tail]).unwrap();
                let mut answers = Vec::new();
                let mut take = |rank, bytes: &[u8]| {
                    answers.push((rank, bytes.to_vec()));
                    Ok(())
                };
                first.answer(&[], &mut take).unwrap();
                assert_eq!(answers, [(0, vec![]), (1, vec![1]), (2, vec![2, 2])]);
            }
        });
    }
}
