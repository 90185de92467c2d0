//! The functions of an MPI library behind a safe interface. Symbols, foreign calls and raw pointers are here and nowhere else.
//!
//! * A library that is started is never closed: it is `'static`, and handles are used with the library that they are of.
//! * One thread at a time calls it, between start and end: `phase` is held for as long as a call takes.
//! * The memory of messages belongs to their [`Transfer`] until MPI has said that it is done with all of it. What MPI may
//!   still write to is never freed.
#![allow(
    unsafe_code,
    reason = "a library that is opened at run time has nothing but addresses of functions and data"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use libloading::os::unix::{Library as File, RTLD_GLOBAL, RTLD_NOW};

use super::abi::{Abi, Handles};
use super::functions::*;
use super::message::{Buffers, Pending, Piece};
use crate::error::{Error, Result};

/// Characters of any text that MPI writes, and a zero behind it (`MPI_MAX_LIBRARY_VERSION_STRING` of MPICH is the most).
const TEXT: usize = 8192;
/// The tag of every message: those from one rank to another keep their order, and nothing else tells them apart.
const TAG: c_int = 1;

/// What may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opened,
    Started,
    Ended,
}

/// An MPI library.
#[derive(Debug)]
pub struct Library {
    /// The file that was opened.
    pub name: String,
    /// Its binary interface.
    pub abi: Abi,
    handles: Handles,
    functions: Functions,
    phase: Mutex<Phase>,
    /// What the functions are in.
    _file: File,
}

/// A communicator: a group of ranks whose messages meet no others.
#[derive(Clone, Copy, Debug)]
pub struct Comm {
    library: &'static Library,
    handle: usize,
}

impl Library {
    /// Opens the library of a name or path, and finds its functions.
    ///
    /// # Errors
    /// Why it is not there, or what it lacks.
    pub fn open(name: &str) -> Result<Self, String> {
        // SAFETY: opening runs the initialisers of what the user, or the list of MPI libraries, names; MPI has those of any library.
        let file = unsafe { File::open(Some(name), RTLD_NOW | RTLD_GLOBAL) };
        let file = file.map_err(|error| error.to_string())?;
        let lacks = |symbol: &str| format!("{name}: it is no MPI library, since it has no {symbol}");
        let address = |symbol: &str| {
            // SAFETY: the address alone is taken, whatever is there.
            let found = unsafe { file.get::<*mut c_void>(symbol.as_bytes()) };
            found.map(|found| found.as_raw_ptr() as usize).map_err(|_| lacks(symbol))
        };
        macro_rules! function {
            ($symbol:literal as $kind:ty) => {{
                // SAFETY: the MPI standard gives the function of this name this type, but for the width of handles.
                let found = unsafe { file.get::<$kind>($symbol.as_bytes()) };
                found.map(|found| *found).map_err(|_| lacks($symbol))
            }};
        }
        let functions = Functions {
            init: function!("MPI_Init_thread" as Init)?,
            errhandler: function!("MPI_Comm_set_errhandler" as Errhandler)?,
            rank: function!("MPI_Comm_rank" as Number)?,
            size: function!("MPI_Comm_size" as Number)?,
            duplicate: function!("MPI_Comm_dup" as Duplicate)?,
            send: function!("MPI_Isend" as Message)?,
            receive: function!("MPI_Irecv" as Message)?,
            test: function!("MPI_Test" as Test)?,
            version: function!("MPI_Get_library_version" as Text)?,
            error_text: function!("MPI_Error_string" as ErrorText)?,
            abort: function!("MPI_Abort" as Abort)?,
            finalize: function!("MPI_Finalize" as Finalize)?,
        };
        let standard = function!("MPI_Abi_get_version" as AbiVersion).ok().map(|version| {
            let (mut major, mut minor) = (-1, -1);
            // SAFETY: it may be called before MPI is started, and writes two numbers.
            let code = unsafe { version(&mut major, &mut minor) };
            if code == 0 { major } else { -1 }
        });
        let abi = Abi::of(standard, |symbol| address(symbol).is_ok());
        let abi =
            abi.ok_or_else(|| format!("{name}: its binary interface is not Open MPI's, MPICH's or MPI-5's"))?;
        let handles = abi.handles(address)?;
        let phase = Mutex::new(Phase::Opened);
        Ok(Self { name: name.to_owned(), abi, handles, functions, phase, _file: file })
    }

    /// What it says about itself.
    pub fn version(&self) -> String {
        text(|characters, length| {
            // SAFETY: it may be called at any time, and writes no more characters than its constant says.
            unsafe { (self.functions.version)(characters, length) }
        })
    }

    /// Starts MPI, once in a process; all processes. Errors come back from calls from then on and end nothing by themselves.
    ///
    /// # Errors
    /// [`Error::Device`] where MPI refuses, or wants all calls from one thread.
    pub fn start(&'static self) -> Result<Comm> {
        let mut phase = self.lock();
        let (Handles { world, errors_return, serialized, .. }, mut level) = (self.handles, 0);
        if *phase != Phase::Opened {
            return Err(Error::device(format!("{} has been started before", self.name)));
        }
        // SAFETY: the standard allows null for the arguments of the program; `level` is written.
        let code = unsafe { (self.functions.init)(null_mut(), null_mut(), serialized, &mut level) };
        if code != 0 {
            return Err(Error::device(format!("MPI_Init_thread of {}: error {code}", self.name)));
        }
        *phase = Phase::Started;
        // SAFETY: MPI is started, and both are handles of this library.
        let code = unsafe { (self.functions.errhandler)(world, errors_return) };
        self.checked("MPI_Comm_set_errhandler", code)?;
        if level < serialized {
            let name = &self.name;
            return Err(Error::device(format!(
                "{name} lets one thread alone call it; use one that is built with threads"
            )));
        }
        Ok(Comm { library: self, handle: world })
    }

    /// Ends all processes with an exit code, if MPI is started and no other thread is inside it.
    pub fn abort(&self, code: u8) {
        let phase = match self.phase.try_lock() {
            Ok(phase) => phase,
            Err(TryLockError::Poisoned(phase)) => phase.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if *phase == Phase::Started {
            // SAFETY: MPI is started, and the communicator is this library's.
            unsafe { (self.functions.abort)(self.handles.world, code.into()) };
        }
    }

    /// Ends MPI. Waits for all processes.
    ///
    /// # Errors
    /// Those of MPI.
    pub fn finalize(&self) -> Result<()> {
        self.call("MPI_Finalize", |functions, phase| {
            *phase = Phase::Ended;
            // SAFETY: MPI is started, and no call is made after this one.
            unsafe { (functions.finalize)() }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call while no other thread makes one, if MPI is started and not ended.
    fn call(&self, name: &str, call: impl FnOnce(&Functions, &mut Phase) -> c_int) -> Result<()> {
        let mut phase = self.lock();
        if *phase != Phase::Started {
            return Err(Error::device(format!("{name}: MPI has been left")));
        }
        let code = call(&self.functions, &mut phase);
        self.checked(name, code)
    }

    /// What a code means that a function has returned. No other thread is inside MPI.
    fn checked(&self, name: &str, code: c_int) -> Result<()> {
        if code == 0 {
            return Ok(());
        }
        let why = text(|characters, length| {
            // SAFETY: MPI has been started; no more characters are written than its constant says, which is below `TEXT`.
            unsafe { (self.functions.error_text)(code, characters, length) }
        });
        Err(Error::device(format!("{name} of {}: error {code}, {}", self.name, why.trim())))
    }
}

impl Comm {
    /// This rank, and how many there are.
    ///
    /// # Errors
    /// Those of MPI.
    pub fn rank_and_size(self) -> Result<(c_int, c_int)> {
        let Self { library, handle } = self;
        let (mut rank, mut size) = (0, 0);
        // SAFETY: a communicator of this library; one number is written.
        library.call("MPI_Comm_rank", |functions, _| unsafe { (functions.rank)(handle, &mut rank) })?;
        // SAFETY: the same.
        library.call("MPI_Comm_size", |functions, _| unsafe { (functions.size)(handle, &mut size) })?;
        Ok((rank, size))
    }

    /// Another communicator of the same ranks. Waits for all of them.
    ///
    /// # Errors
    /// Those of MPI.
    pub fn duplicate(self) -> Result<Self> {
        let Self { library, handle } = self;
        let mut word = 0;
        // SAFETY: a communicator of this library; a handle is written, which is no longer than a word.
        library.call("MPI_Comm_dup", |functions, _| unsafe { (functions.duplicate)(handle, &mut word) })?;
        Ok(Self { library, handle: library.abi.handle(word) })
    }

    /// Begins to send and receive. Sizes have to be those that the other ranks expect.
    ///
    /// # Errors
    /// Those of MPI; a piece that is not inside its buffer, or has more than 2³¹ − 1 bytes.
    pub fn transfer(self, buffers: Buffers, sends: &[Piece], receives: &[Piece]) -> Result<Transfer> {
        let Self { library, handle } = self;
        let mut transfer = Transfer { library, buffers: ManuallyDrop::new(buffers), pending: Vec::new() };
        let Buffers { send, receive } = &mut *transfer.buffers;
        let (to, from) = ((send.as_mut_ptr(), send.len() * 8), (receive.as_mut_ptr(), receive.len() * 8));
        let Functions { send, receive, .. } = library.functions;
        // Receives come first, so that what arrives at once has its place.
        let receives = receives.iter().map(|piece| ("MPI_Irecv", receive, from, piece));
        let sends = sends.iter().map(|piece| ("MPI_Isend", send, to, piece));
        for (name, function, (memory, length), piece) in receives.chain(sends) {
            let Piece { peer, bytes } = piece;
            let Some((count, other)) = piece.counted(length) else {
                return Err(Error::device(format!("{name}: bytes {bytes:?} of {length} for rank {peer}")));
            };
            let (byte, mut request) = (library.handles.byte, 0);
            library.call(name, |_, _| {
                // SAFETY: the bytes lie inside a buffer that the transfer keeps until MPI has finished this request, and that
                // nobody else touches meanwhile; type and communicator are this library's; the request's handle is written.
                unsafe {
                    let memory = memory.cast::<u8>().add(bytes.start).cast();
                    function(memory, count, byte, other, TAG, handle, &mut request)
                }
            })?;
            transfer.pending.push(Pending { request, peer: *peer, is_receive: name == "MPI_Irecv" });
        }
        Ok(transfer)
    }
}

/// The text that `write` puts into memory of [`TEXT`] characters.
fn text(write: impl FnOnce(*mut c_char, *mut c_int) -> c_int) -> String {
    let mut characters = vec![0_u8; TEXT + 1];
    let mut length = 0;
    write(characters.as_mut_ptr().cast(), &mut length);
    let text = CStr::from_bytes_until_nul(&characters).unwrap_or_default();
    text.to_string_lossy().into_owned()
}

/// Messages on their way.
#[derive(Debug)]
pub struct Transfer {
    library: &'static Library,
    /// Memory that MPI reads and writes for as long as anything is pending.
    buffers: ManuallyDrop<Buffers>,
    pending: Vec<Pending>,
}

impl Transfer {
    /// Lets MPI work; the memory, once all messages have come and gone.
    ///
    /// # Errors
    /// Those of MPI.
    pub fn poll(&mut self) -> Result<Option<Buffers>> {
        let Self { library, buffers, pending } = self;
        let mut at = 0;
        while at < pending.len() {
            let (request, mut is_done) = (&mut pending[at].request, 0);
            let ignore = library.handles.status_ignore;
            // SAFETY: a request of this library that is pending; its handle and a number are written.
            library.call("MPI_Test", |functions, _| unsafe {
                (functions.test)(request, &mut is_done, ignore)
            })?;
            if is_done == 0 {
                at += 1;
            } else {
                pending.swap_remove(at);
            }
        }
        Ok(pending.is_empty().then(|| std::mem::take(&mut **buffers)))
    }

    /// What has not come or gone so far.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if self.pending.is_empty() {
            // SAFETY: nothing else drops it, it is not used afterwards, and MPI is done with it.
            unsafe { ManuallyDrop::drop(&mut self.buffers) };
        }
    }
}
