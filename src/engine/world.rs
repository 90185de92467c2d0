//! The ranks of an MPI job, of which this process is one: the first one leads, see [`crate::engine::leader`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::engine::collective::Collective;
use crate::engine::collective::Ranks;
use crate::engine::collective::mpi::Mpi;
use crate::engine::leader::{Channel, Followers};
use crate::error::{Error, Result};

/// A job, as one of its processes sees it. Copies are of the same.
#[derive(Clone, Debug)]
pub struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rank: usize,
    size: usize,
    library: String,
    mpi: Mutex<Mpi>,
    /// Until there are followers.
    channel: Mutex<Option<Channel>>,
}

/// Said to ranks that there is nothing to do for.
const NOTHING: &[u8] = b"null";

impl World {
    /// Opens the MPI library of that name, or the one of the launcher; every process of the job does. No exchange waits longer
    /// than `patience` for other ranks.
    ///
    /// # Errors
    /// Those of [`Mpi::open`].
    pub fn open(library: Option<&str>, patience: Option<Duration>) -> Result<Self> {
        let mut mpi = Mpi::open(library, patience)?;
        let channel = Channel::new(Box::new(mpi.another()?));
        let (rank, size, library) = (mpi.rank(), mpi.size(), mpi.library());
        let (mpi, channel) = (Mutex::new(mpi), Mutex::new(Some(channel)));
        Ok(Self(Arc::new(Inner { rank, size, library, mpi, channel })))
    }

    /// This rank.
    pub fn rank(&self) -> usize {
        self.0.rank
    }

    /// How many ranks there are.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The MPI library, for people.
    pub fn library(&self) -> &str {
        &self.0.library
    }

    /// Tells the other ranks what they are to make ready; they follow from then on. The first rank does this once.
    ///
    /// # Errors
    /// Those of the exchange; [`Error::Device`] the second time.
    pub fn brief(&self, briefing: &[u8]) -> Result<Followers> {
        let mut channel = self.take_channel()?;
        channel.tell(briefing, &[])?;
        Ok(Followers::new(channel, Box::new(|| {})))
    }

    /// Waits for the first rank's briefing; `None` where there is nothing to do.
    ///
    /// # Errors
    /// Those of the exchange; [`Error::Device`] the second time.
    pub fn briefed(&self) -> Result<Option<(Vec<u8>, Channel)>> {
        let mut channel = self.take_channel()?;
        let briefing = channel.hear()?.head;
        Ok((briefing != NOTHING).then_some((briefing, channel)))
    }

    /// This rank's share of another engine in `shards` shards. All ranks ask for it alike.
    ///
    /// # Errors
    /// Those of the exchange and of [`Ranks::new`].
    pub fn ranks(&self, shards: usize) -> Result<Ranks> {
        let another = self.0.mpi.lock().unwrap_or_else(PoisonError::into_inner).another()?;
        Ranks::new(Box::new(another), shards)
    }

    fn take_channel(&self) -> Result<Channel> {
        let channel = self.0.channel.lock().unwrap_or_else(PoisonError::into_inner).take();
        channel.ok_or_else(|| Error::device("the ranks of an MPI job train one run; start a job for each"))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let channel = self.channel.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channel.as_mut().filter(|_| self.rank == 0) {
            // Where nothing can be told any more, the others have ended.
            let _ = channel.tell(NOTHING, &[]);
        }
    }
}
