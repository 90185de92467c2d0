//! What an answer holds: bytes of the program, or a file that is read while it is sent.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Bytes that are handed on at once, so that a client who takes them slowly is seen to take some.
const PIECE: usize = 1 << 16;

/// The body of an answer, of a length that is known.
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, of which so many bytes are to come.
    File(File, u64),
}

impl Content {
    /// Bytes that are left.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, left) => *left,
        }
    }

    /// The next bytes, none at the end.
    fn next(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.split_to(bytes.len().min(PIECE))),
            Self::File(file, left) => {
                let mut piece = vec![0; (*left).min(PIECE as u64) as usize];
                // The length has been told already: a file that has become shorter breaks the answer off.
                file.read_exact(&mut piece)?;
                *left -= piece.len() as u64;
                Ok(piece.into())
            }
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let content = self.get_mut();
        if content.is_end_stream() {
            return Poll::Ready(None);
        }
        // Files of a disk are read where everything else waits: pieces are small.
        let next = content.next().map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => io::Error::other("the file has become shorter"),
            _ => error,
        });
        Poll::Ready(Some(next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    /// All of a body, and whether it came to its end.
    fn whole(mut content: Content) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let mut context = Context::from_waker(std::task::Waker::noop());
        loop {
            match Pin::new(&mut content).poll_frame(&mut context) {
                Poll::Ready(Some(Ok(frame))) => bytes.extend(frame.into_data().unwrap()),
                Poll::Ready(Some(Err(_))) => return (bytes, false),
                Poll::Ready(None) => return (bytes, true),
                Poll::Pending => panic!("nothing is waited for"),
            }
        }
    }

    #[test]
    fn bytes_and_files_come_whole_in_pieces_and_a_file_cut_meanwhile_breaks_off() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            assert_eq!(whole(Content::Bytes(bytes.clone().into())), (bytes.clone(), true));
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let mut again = || {
                file.rewind().unwrap();
                file.try_clone().unwrap()
            };
            assert_eq!(whole(Content::File(again(), length as u64)), (bytes.clone(), true));
            // What came behind the length that was told is not sent.
            let (sent, ended) = whole(Content::File(again(), length as u64 / 2));
            assert!(ended && sent == bytes[..length / 2]);
            assert!(!whole(Content::File(again(), length as u64 + 1)).1, "{length}");
        }
    }
}
