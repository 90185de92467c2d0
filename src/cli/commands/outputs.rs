//! Where results go: a file whose name says what it is, which is never an input, and which replaces nothing but an older
//! file of its kind. Every flag of every command that names a file to write is checked here, before anything is computed.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::data::Source;
use crate::data::write::{RowsHeader, RowsKind, Sink, SparseHeader, refusal, write, write_sparse};
use crate::error::{plain, shown};
use crate::io::atomic_write;
use crate::run::is_file_of_run;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows of numbers.
    Rows(RowsKind),
    /// A picture.
    Png,
    /// A drawing.
    Svg,
    /// A page.
    Html,
    /// Results of checks.
    Xml,
    /// Results of a benchmark.
    Json,
    /// Tables for people.
    Markdown,
}

impl Kind {
    /// All kinds of rows, a NumPy array first.
    pub const ROWS: [Self; RowsKind::ALL.len()] = {
        let mut kinds = [Self::Rows(RowsKind::Npy); RowsKind::ALL.len()];
        let mut at = 0;
        while at < kinds.len() {
            kinds[at] = Self::Rows(RowsKind::ALL[at]);
            at += 1;
        }
        kinds
    };

    fn ending(self) -> &'static str {
        match self {
            Self::Rows(kind) => kind.ending(),
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Rows(kind) => kind.words(),
            Self::Png => "PNG (.png)",
            Self::Svg => "SVG (.svg)",
            Self::Html => "a page (.html)",
            Self::Xml => "JUnit XML (.xml)",
            Self::Json => "JSON (.json)",
            Self::Markdown => "Markdown (.md)",
        }
    }

    /// What else is asked for, and how it is made of this.
    fn instead(self) -> &'static str {
        match self {
            Self::Rows(RowsKind::Safetensors) => "safetensors.numpy.load_file reads it",
            Self::Rows(_) => "numpy.load reads it",
            Self::Png => "other programs make other pictures of it",
            Self::Svg => "browsers show it, inkscape and rsvg-convert make PNG of it",
            Self::Html => "browsers show it, and print it as PDF",
            Self::Xml => "services for continuous integration show it",
            Self::Json => "--compare and programs read it",
            Self::Markdown => "forges show it",
        }
    }

    /// Whether a file that begins like this is of the kind.
    fn begins(self, start: &[u8]) -> bool {
        match self {
            Self::Rows(kind) => kind.begins(start),
            Self::Png => start.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Svg => [&b"<svg"[..], b"<?xml"].iter().any(|tag| start.starts_with(tag)),
            Self::Xml => start.starts_with(b"<?xml"),
            Self::Html => start.starts_with(b"<!DOCTYPE html>"),
            Self::Json => start.starts_with(b"{"),
            Self::Markdown => start.starts_with(b"# "),
        }
    }
}

/// First bytes of a file that tell its kind.
const LOOKED_AT: u64 = 512;

/// What a flag asks for.
pub struct Wanted<'a> {
    /// The flag, for messages.
    pub flag: &'static str,
    /// The file.
    pub path: &'a Path,
    /// What the command can write, the usual first.
    pub kinds: &'a [Kind],
    /// What is read: files, or folders all of whose files are.
    pub inputs: &'a [&'a Path],
    /// Whether a file of another kind may be replaced; `None` where the command has no `--force`.
    pub force: Option<bool>,
}

/// A file that may be written.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    /// What it will hold.
    pub kind: Kind,
}

impl Wanted<'_> {
    /// Checks the name and what stands there.
    ///
    /// # Errors
    /// [`Error::Usage`] for an ending that the command does not write, an input, a file of another kind without `--force`;
    /// [`Error::Io`] for a folder that there is not.
    pub fn check(&self) -> crate::Result<Destination> {
        if self.path == Path::new("-") {
            let first = self.kinds[0].ending();
            return Err(self.refused(&format!(
                "results are files, and stdout holds the report; give FILE.{first}, or a pipe: {} >(program)",
                self.flag
            )));
        }
        let there = match fs::metadata(self.path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("write", self.path, error)),
        };
        match &there {
            Some(there) if there.is_dir() => return Err(self.refused("a folder; name a file in it")),
            Some(there) if !there.is_file() => return self.special(there),
            _ => {}
        }
        let kind = self.kind()?;
        self.check_folder()?;
        if there.is_some() {
            self.check_inputs()?;
            self.check_replaced(kind)?;
        }
        self.warn_of_folder();
        Ok(Destination { path: self.path.to_owned(), kind })
    }

    fn refused(&self, why: &str) -> Error {
        Error::usage(plain(&format!("{} {}: {why}", self.flag, self.path.display())))
    }

    /// A pipe or a device is written in place, in the usual kind, whatever it is called.
    fn special(&self, there: &fs::Metadata) -> crate::Result<Destination> {
        if is_block_device(there) {
            return Err(self.refused("a disk, which is not written to; give a file"));
        }
        let is_null = fs::metadata("/dev/null").is_ok_and(|null| same(&null, there));
        let stdout = fs::metadata("/dev/stdout").is_ok_and(|stdout| same(&stdout, there));
        if !is_null && (stdout || self.path.ends_with("stdout") && io::stdout().is_terminal()) {
            return Err(self.refused("stdout holds the report; give a file or another pipe"));
        }
        let named = self.kind().ok();
        Ok(Destination { path: self.path.to_owned(), kind: named.unwrap_or(self.kinds[0]) })
    }

    /// By the ending of the name.
    fn kind(&self) -> crate::Result<Kind> {
        let ending = self.path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let found = self.kinds.iter().find(|kind| ending.as_deref() == Some(kind.ending()));
        found.copied().ok_or_else(|| {
            let written: Vec<_> = self.kinds.iter().map(|kind| kind.words()).collect();
            let usual = self.kinds[0];
            let name = self.path.with_extension(usual.ending());
            self.refused(&format!(
                "only {} can be written; name it {} ({})",
                listed(&written),
                name.display(),
                usual.instead()
            ))
        })
    }

    /// Refuses what could not be written later.
    fn check_folder(&self) -> crate::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder.map(fs::metadata) {
            Some(Err(error)) => Err(Error::io("write", self.path, error)),
            _ => Ok(()),
        }
    }

    /// Refuses a file that is read, by whatever name.
    fn check_inputs(&self) -> crate::Result<()> {
        for input in self.inputs.iter().map(|input| Source::file_of(input)) {
            let is_inside = input.is_dir() && files_of(input).any(|file| is_same_file(&file, self.path));
            if is_inside || is_same_file(input, self.path) {
                return Err(self.refused(&format!(
                    "it is read as {}, which would be lost; give another name",
                    shown(input)
                )));
            }
        }
        Ok(())
    }

    /// Refuses to replace what is of another kind, or belongs to a run.
    fn check_replaced(&self, kind: Kind) -> crate::Result<()> {
        let mut start = Vec::new();
        let opened = File::open(self.path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut start));
        opened.map_err(|error| Error::io("write", self.path, error))?;
        let has_run =
            ["config.toml", "classify.toml"].iter().any(|it| self.path.with_file_name(it).is_file());
        let is_of_a_run = self.path.file_name().is_some_and(is_file_of_run) && has_run;
        let why = if is_of_a_run {
            "a file of a run stands there".to_owned()
        } else if start.is_empty() || kind.begins(&start) {
            return Ok(());
        } else {
            format!("what stands there is no .{}", kind.ending())
        };
        match self.force {
            Some(true) => Ok(()),
            Some(false) => Err(self.refused(&format!("{why}; give another name, or --force to replace it"))),
            None => Err(self.refused(&format!("{why}; give another name, or remove it"))),
        }
    }

    /// Warns of a result that will be read as part of DATA the next time.
    fn warn_of_folder(&self) {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if let Some(input) = self.inputs.iter().find(|input| input.is_dir() && is_same_file(input, folder)) {
            tracing::warn!(
                "{} {}: it lies in {}, and will be read as a part of it the next time",
                self.flag,
                shown(self.path),
                shown(input)
            );
        }
    }
}

impl Destination {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses rows that a file of this kind cannot hold.
    ///
    /// # Errors
    /// [`Error::Usage`] with the way out.
    pub fn check_size(&self, header: &RowsHeader<'_>) -> crate::Result<()> {
        let Kind::Rows(kind) = self.kind else { return Ok(()) };
        match refusal(kind, header) {
            Some(why) => Err(Error::usage(plain(&format!("-o {}: {why}", self.path.display())))),
            None => Ok(()),
        }
    }

    /// Writes rows piece by piece as `next` hands them out, whole rows until there are none; the file is there whole or not
    /// at all.
    ///
    /// # Errors
    /// Those of `next`; [`Error::Io`] where the file cannot be written.
    pub fn write_rows(
        &self,
        header: &RowsHeader<'_>,
        mut next: impl FnMut() -> crate::Result<Option<Vec<f32>>>,
    ) -> crate::Result<()> {
        let kind = match self.kind {
            Kind::Rows(kind) => kind,
            _ => RowsKind::Npy,
        };
        let mut pull = Pull { next: &mut next, failed: None };
        let mut fill = |sink: &mut Sink<'_>| pull.hand_to(sink);
        let written = atomic_write::write(&self.path, |out| write(kind, out, header, &mut fill));
        pull.failed.map_or(written, Err)
    }

    /// The same as sparse rows of numbers above `rest`.
    ///
    /// # Errors
    /// As [`Destination::write_rows`].
    pub fn write_sparse(
        &self,
        (header, rest): (&SparseHeader<'_>, f32),
        mut next: impl FnMut() -> crate::Result<Option<Vec<f32>>>,
    ) -> crate::Result<()> {
        let mut scratch = atomic_write::scratch(&self.path)?;
        let mut pull = Pull { next: &mut next, failed: None };
        let mut fill = |sink: &mut Sink<'_>| pull.hand_to(sink);
        let written =
            atomic_write::write(&self.path, |out| write_sparse(out, &mut scratch, (header, rest), &mut fill));
        pull.failed.map_or(written, Err)
    }
}

/// Rows that come piece by piece, and why they no longer do.
struct Pull<'a> {
    next: &'a mut dyn FnMut() -> crate::Result<Option<Vec<f32>>>,
    failed: Option<Error>,
}

impl Pull<'_> {
    /// Hands all pieces to `sink`.
    fn hand_to(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        loop {
            match (self.next)() {
                Ok(Some(values)) => sink(&values)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.failed = Some(error);
                    return Err(io::Error::other("no rows to write"));
                }
            }
        }
    }
}

/// `one, two or three`.
fn listed(words: &[&str]) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

/// The files of a folder, not those of folders within.
fn files_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether two names stand for one file, through links and whatever their case.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(a), Ok(b)) => same(&a, &b) || (cfg!(not(unix)) && is_same_name(one, other)),
        _ => false,
    }
}

fn is_same_name(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

#[cfg(unix)]
fn same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn is_block_device(there: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    there.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_block_device(_: &fs::Metadata) -> bool {
    false
}
