//! The tape: everything that was asked of the device, in its order, as a host in JavaScript carries it out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// A command of the tape. Resources are named by number, in the order of their making.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Command {
    /// Makes a buffer.
    Buffer {
        /// Its number.
        id: usize,
        /// Bytes.
        size: u64,
        /// WebGPU's flags.
        usage: u32,
    },
    /// Makes a shader module.
    Module {
        /// Its number.
        id: usize,
        /// For messages.
        label: String,
        /// WGSL.
        text: String,
    },
    /// Makes a layout of a bind group.
    Layout {
        /// Its number.
        id: usize,
        /// Its bindings.
        entries: Vec<LayoutEntry>,
    },
    /// Makes a compute pipeline.
    Pipeline {
        /// Its number.
        id: usize,
        /// For messages.
        label: String,
        /// Its module.
        module: usize,
        /// The layouts of its bind groups.
        layouts: Vec<usize>,
        /// Values of its constants.
        constants: BTreeMap<String, f64>,
    },
    /// Makes a bind group.
    Group {
        /// Its number.
        id: usize,
        /// Its layout.
        layout: usize,
        /// Its bindings.
        entries: Vec<Bound>,
    },
    /// Writes bytes of the tape's.
    Write {
        /// Into this buffer.
        buffer: usize,
        /// From its byte on.
        offset: u64,
        /// The first of the tape's bytes.
        at: usize,
        /// How many.
        length: usize,
    },
    /// Copies bytes from buffer to buffer.
    Copy {
        /// From this buffer.
        from: usize,
        /// From its byte on.
        first: u64,
        /// Into this one.
        to: usize,
        /// From its byte on.
        offset: u64,
        /// How many.
        size: u64,
    },
    /// Dispatches of one pass.
    Pass {
        /// In their order.
        dispatches: Vec<Dispatch>,
    },
    /// Ends a submission.
    Submit,
}

/// A binding of a layout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayoutEntry {
    /// `@binding`.
    pub binding: u32,
    /// `uniform`, `read-only-storage` or `storage`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether its offset comes with the dispatch.
    pub dynamic: bool,
}

/// A bound range of a buffer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// `@binding`.
    pub binding: u32,
    /// The buffer.
    pub buffer: usize,
    /// Its first byte.
    pub offset: u64,
    /// Bytes; all that follow where there is none.
    pub size: Option<u64>,
}

/// A dispatch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dispatch {
    /// The pipeline.
    pub pipeline: usize,
    /// Bind groups with their dynamic offsets.
    pub groups: Vec<(usize, Vec<u32>)>,
    /// Workgroups.
    pub workgroups: [u32; 3],
}

/// A result that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// The buffer.
    pub buffer: usize,
    /// Bytes, from its first on.
    pub size: u64,
    /// Commands that have to be carried out before.
    pub after: usize,
    /// Bytes that these write.
    pub written: usize,
}

/// The tape of one run of the code.
#[derive(Debug, Default)]
pub struct Tape {
    /// What was asked.
    pub commands: Vec<Command>,
    /// Bytes that are written.
    pub bytes: Vec<u8>,
    /// Results that are not known yet, in the order in which they were asked for.
    pub wanted: Vec<Wanted>,
    known: Vec<Vec<u8>>,
    asked: usize,
    resources: usize,
}

static TAPE: Mutex<Option<Tape>> = Mutex::new(None);

fn tape() -> MutexGuard<'static, Option<Tape>> {
    TAPE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a tape; results that are read are these, in their order.
pub fn begin(known: Vec<Vec<u8>>) {
    *tape() = Some(Tape { known, ..Tape::default() });
}

/// Ends it. Without [`begin`] nothing is written down.
pub fn end() -> Option<Tape> {
    tape().take()
}

/// The number of another resource.
pub(crate) fn resource() -> usize {
    let mut tape = tape();
    tape.as_mut().map_or(0, |tape| {
        tape.resources += 1;
        tape.resources
    })
}

/// Writes a command down.
pub(crate) fn add(command: impl FnOnce() -> Command) {
    if let Some(tape) = &mut *tape() {
        tape.commands.push(command());
    }
}

/// Writes down that bytes are written.
pub(crate) fn write(buffer: usize, offset: u64, bytes: &[u8]) {
    if let Some(tape) = &mut *tape() {
        let (at, length) = (tape.bytes.len(), bytes.len());
        tape.bytes.extend_from_slice(bytes);
        tape.commands.push(Command::Write { buffer, offset, at, length });
    }
}

/// The first bytes of a buffer, where they are known.
pub(crate) fn read(buffer: usize, size: u64) -> Option<Vec<u8>> {
    let tape = &mut *tape();
    // Without a tape nothing is computed, and nothing stays but zeros.
    let Some(tape) = tape else { return Some(vec![0; size as usize]) };
    let known = tape.known.get(tape.asked).cloned();
    tape.asked += 1;
    if known.is_none() {
        let (after, written) = (tape.commands.len(), tape.bytes.len());
        tape.wanted.push(Wanted { buffer, size, after, written });
    }
    known
}
