//! A file of lines of JSON while it grows: the course of a run.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Mark;
use crate::error::{Error, Result, shown};
use crate::io::atomic_write::is_at;
use crate::io::folder::{Claim, Folder};

/// Most bytes of lines that wait for a disk to have room again; more are not kept.
const WAITING_MOST: usize = 1 << 20;
/// Bytes that are read at a time to find where the last whole line ends.
const PIECE: u64 = 1 << 12;

/// A file of lines while it grows: one JSON object a report, whole lines only.
///
/// Lines are added at its end, whatever becomes of it meanwhile. What cannot be written waits and is tried again with
/// the next line, since a disk that is full for a moment is no reason to end a run. No checkpoint is taken before all
/// lines are written: those that wait in a program which ends are written again from the checkpoint before.
#[derive(Debug)]
pub struct LinesFile {
    path: PathBuf,
    file: File,
    /// Its length, what waits included, and what the last lines have told.
    pub(super) mark: Mark,
    /// Lines, or the rest of one, that could not be written yet.
    waiting: Vec<u8>,
    /// Whether it was told that something waits, and that somebody else has changed the file.
    told: (bool, bool),
}

impl LinesFile {
    /// Opens the file, or makes it, for one program at a time.
    ///
    /// # Errors
    /// [`Error::Usage`] when another program is writing it, [`Error::Input`] when it is no regular file, [`Error::Io`]
    /// when it cannot be opened.
    pub fn claim(path: &Path) -> Result<File> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        match Folder::at(path.parent().unwrap_or(Path::new(""))).claim(name)? {
            Claim::Mine(file) => Ok(file),
            Claim::Busy => Err(Error::usage(format!(
                "{}: another rhohat is training this run; wait for it, or end it",
                path.display()
            ))),
        }
    }

    /// The file at `path`, which was claimed.
    pub fn new(path: &Path, file: File) -> Self {
        let (path, mark) = (path.to_owned(), Mark::default());
        Self { path, file, mark, waiting: Vec::new(), told: (false, false) }
    }

    /// How far it has come.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The file with all of its lines, to be synced before a checkpoint that counts on them.
    ///
    /// # Errors
    /// Those of [`LinesFile::flush`], and [`Error::Io`] when the system gives no other handle of it.
    pub fn handle(&mut self) -> Result<File> {
        self.flush()?;
        self.file.try_clone().map_err(|error| Error::io("open", &self.path, error))
    }

    /// Goes back to where it was; lines that came later will be written again. Whether all lines were still there: if not,
    /// those that are whole stay.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be cut.
    pub fn cut(&mut self, mark: Mark) -> Result<bool> {
        let io = |error| Error::io("write", &self.path, error);
        let there = self.file.metadata().map_err(io)?.len();
        let bytes =
            if there >= mark.bytes { mark.bytes } else { whole_lines(&mut self.file, there).map_err(io)? };
        self.file.set_len(bytes).map_err(io)?;
        self.mark = Mark { bytes, ..mark };
        Ok(there >= mark.bytes)
    }

    /// Adds a line, of a report after so many samples and seconds. Where the disk is full, or fails otherwise, it waits: the first
    /// time that is told.
    ///
    /// # Errors
    /// [`Error::Io`] when more waits than is kept.
    pub fn add(&mut self, line: &impl Serialize, (samples, seconds): (u64, f64)) -> Result<()> {
        self.follow()?;
        let mut line = serde_json::to_string(line).expect("numbers have a JSON form");
        line.push('\n');
        let bytes = self.mark.bytes + line.len() as u64;
        self.mark = Mark { bytes, samples, seconds, ..self.mark };
        self.waiting.extend_from_slice(line.as_bytes());
        let Err(error) = self.flush() else { return Ok(()) };
        if self.waiting.len() > WAITING_MOST {
            return Err(error);
        }
        if !std::mem::replace(&mut self.told.0, true) {
            tracing::warn!(
                "{error}; training goes on, and what it says is tried again with every line to come"
            );
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`Error::Io`], for example when the disk is full; it goes on waiting.
    pub fn flush(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            // Windows lets a file that is opened for adding alone not be cut, so that its end is looked for here.
            if cfg!(not(unix))
                && let Err(error) = self.file.seek(SeekFrom::End(0))
            {
                return Err(self.failed(&error));
            }
            match self.file.write(&self.waiting) {
                Ok(0) => return Err(self.failed(&ErrorKind::WriteZero.into())),
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Error {
        let text = format!("{error}, after {} bytes", self.written());
        Error::io("write", &self.path, io::Error::new(error.kind(), text))
    }

    /// Goes on behind what somebody else has made of the file meanwhile: cut it, added to it, moved it away. What was in
    /// it is theirs to have changed, but it is told, and nothing is written where nobody finds it.
    fn follow(&mut self) -> Result<()> {
        let path = self.path.clone();
        let io = |error| Error::io("open", &path, error);
        let changed = if is_at(&self.file, &self.path) {
            let (there, known) = (self.file.metadata().map_err(io)?.len(), self.written());
            if there == known {
                return Ok(());
            }
            format!("{there} bytes, but {known} were written")
        } else {
            match Self::claim(&self.path) {
                Ok(file) => self.file = file,
                Err(error) => {
                    // The file that was opened still takes lines, which is better than none.
                    self.tell(&error.to_string());
                    return Ok(());
                }
            }
            "it was moved away or removed".to_owned()
        };
        let there = self.file.metadata().map_err(io)?.len();
        self.tell(&changed);
        // Half a line stays what it is, and the next begins on its own.
        if self.waiting.is_empty() && there > 0 && whole_lines(&mut self.file, there).map_err(io)? < there {
            self.waiting.push(b'\n');
        }
        self.mark.bytes = there + self.waiting.len() as u64;
        Ok(())
    }

    /// Bytes of its lines that are in the file.
    fn written(&self) -> u64 {
        self.mark.bytes - self.waiting.len() as u64
    }

    fn tell(&mut self, what: &str) {
        if !std::mem::replace(&mut self.told.1, true) {
            let path = shown(&self.path);
            tracing::warn!(
                "{path}: {what}; somebody else has changed it while it was written, lines go on at its end"
            );
        }
    }
}

/// Where the last whole line of a file of so many bytes ends; 0 where there is none.
pub(super) fn whole_lines(file: &mut File, bytes: u64) -> io::Result<u64> {
    let mut end = bytes;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        let mut piece = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut piece)?;
        if let Some(last) = piece.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
