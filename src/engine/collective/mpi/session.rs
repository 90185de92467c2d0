//! The one MPI of a process: its start, what all ranks of the process share, and its end.

use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::calls::{Comm, Library, Transfer};
use super::greeting::{self, Call};
use super::launch::launched;
use super::library;
use super::message::{Buffers, Piece, missing};
use super::wait::Wait;
use crate::error::{Error, Result};

/// What has been started, if it has. It lasts for as long as the program.
static SESSION: Mutex<Option<&'static Session>> = Mutex::new(None);

/// Time for a launcher to pass on what has been printed.
const PRINTED: Duration = Duration::from_millis(300);

/// An MPI that is started.
#[derive(Debug)]
pub struct Session {
    library: &'static Library,
    /// How long a rank waits for the others; `None` for ever.
    patience: Option<Duration>,
    /// The first failure of this process, which is the end for all its collectives.
    failure: Mutex<Option<String>>,
    /// All communicators there are.
    comms: Mutex<Vec<Comm>>,
    /// This rank, and how many there are.
    pub place: (usize, usize),
}

impl Session {
    /// Starts MPI, and gives its first communicator.
    pub fn start(named: Option<&str>, patience: Option<Duration>) -> Result<(&'static Self, Comm)> {
        let mut started = lock(&SESSION);
        if started.is_some() {
            return Err(Error::usage(
                "MPI is started once in a process; ask a rank that is there for another",
            ));
        }
        let variable = |name: &str| std::env::var(name).ok();
        let launch = launched(variable);
        let library: &'static Library = Box::leak(Box::new(library::open(named, launch, variable)?));
        let world = library.start()?;
        let place = match world.rank_and_size()? {
            (rank @ 0.., size) if rank < size => (rank as usize, size as usize),
            (rank, size) => {
                return Err(Error::device(format!("MPI says that this is rank {rank} of {size}")));
            }
        };
        let comms = Mutex::new(vec![world]);
        let session = Self { library, patience, failure: Mutex::default(), comms, place };
        let session: &'static Self = Box::leak(Box::new(session));
        *started = Some(session);
        match launch {
            Some(launch) if launch.size > 1 && place.1 == 1 => {
                let error = library::other_launcher(launch, &session.description());
                session.fail(error.to_string());
                Err(error)
            }
            _ => Ok((session, world)),
        }
    }

    /// The library's name and version.
    pub fn description(&self) -> String {
        library::description(self.library)
    }

    /// Notes a failure; the first is kept.
    pub fn fail(&self, why: String) {
        lock(&self.failure).get_or_insert(why);
    }

    /// Does `work` if nothing has failed so far; an error of it is a failure.
    pub fn unless_failed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(failure) = &*lock(&self.failure) {
            return Err(Error::device(failure.clone()));
        }
        let done = work();
        if let Err(error) = &done {
            self.fail(error.to_string());
        }
        done
    }

    /// Sends and receives, and waits until all is there.
    ///
    /// # Errors
    /// [`Error::Device`]: those of MPI; ranks that do not answer.
    pub fn exchange(
        &self,
        comm: Comm,
        buffers: &mut Buffers,
        sends: &[Piece],
        receives: &[Piece],
    ) -> Result<()> {
        let transfer = comm.transfer(std::mem::take(buffers), sends, receives)?;
        *buffers = self.finish(transfer)?;
        Ok(())
    }

    /// Tells all ranks which call this one makes, with a few bytes that ride on it, and waits for theirs.
    ///
    /// # Errors
    /// [`Error::Device`]: those of MPI; ranks that do not answer or make another call.
    pub fn greet(&self, comm: Comm, buffers: &mut Buffers, call: Call, ride: &[u8]) -> Result<Vec<Call>> {
        let (sends, receives) = greeting::lay_down(buffers, self.place, call, ride);
        self.exchange(comm, buffers, &sends, &receives)?;
        greeting::compare(buffers, self.place, call)
    }

    /// Another communicator of all ranks, which have to ask for it alike.
    ///
    /// # Errors
    /// As [`Session::greet`].
    pub fn another(&self, comm: Comm, buffers: &mut Buffers) -> Result<Comm> {
        // MPI waits here for as long as it takes, so all have to be there.
        self.greet(comm, buffers, Call::Another, &[])?;
        let comm = comm.duplicate()?;
        lock(&self.comms).push(comm);
        Ok(comm)
    }

    fn finish(&self, mut transfer: Transfer) -> Result<Buffers> {
        let wait = Wait::new(self.patience);
        loop {
            if let Some(buffers) = transfer.poll()? {
                return Ok(buffers);
            }
            if !wait.pause() {
                let missing = missing(transfer.pending());
                let names: Vec<String> = missing.iter().map(usize::to_string).collect();
                let ranks = if missing.len() == 1 { "rank" } else { "ranks" };
                let seconds = self.patience.unwrap_or_default().as_secs_f64();
                return Err(Error::device(format!(
                    "no answer from {ranks} {} for {seconds} s",
                    names.join(", ")
                )));
            }
        }
    }

    /// The end of a process that ended well: of MPI, once all ranks have come to it.
    fn leave(&self) -> Result<()> {
        self.unless_failed(|| {
            // Said in all communicators at once: another rank may wait in any of them.
            let comms = lock(&self.comms);
            let say = |comm: &Comm| {
                let mut buffers = Buffers::default();
                let (sends, receives) = greeting::lay_down(&mut buffers, self.place, Call::Leave, &[]);
                comm.transfer(buffers, &sends, &receives)
            };
            let said: Vec<Transfer> = comms.iter().map(say).collect::<Result<_>>()?;
            for transfer in said {
                greeting::compare(&self.finish(transfer)?, self.place, Call::Leave)?;
            }
            self.library.finalize()
        })
    }
}

/// Leaves MPI, at the end of `main`, with the exit code of the process; without MPI it does nothing. At 0 it waits until all ranks
/// are there and ends MPI. Any other code ends the processes of all ranks at once and becomes that of the job: what there is
/// to say has to be printed before.
///
/// The thread that has opened MPI has to be the one that leaves it.
///
/// # Errors
/// At 0, [`Error::Device`] where this process has failed before, or another does not come, or goes on. It is to be printed,
/// and its own exit code to be left with.
pub fn leave(code: u8) -> Result<()> {
    let session = *lock(&SESSION);
    match session {
        None => Ok(()),
        Some(session) if code == 0 => session.leave(),
        Some(session) => {
            // Launchers pass on what processes print, and lose what is on its way when the job is aborted.
            thread::sleep(PRINTED);
            session.library.abort(code);
            // A process that ends without MPI_Finalize ends the job, too.
            process::exit(code.into());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
