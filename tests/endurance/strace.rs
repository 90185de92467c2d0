//! strace as a witness from outside: what the program asks of the system, or is refused by it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Set to 1 to leave out the tests that need strace. Each test that is left out says so.
const SKIP: &str = "RHOHAT_SKIP_STRACE_TESTS";

/// Whether the tests that need strace are to run.
///
/// # Panics
/// Without a strace that may trace: a test that did not run must not look like one that passed.
pub fn is_there(test: &str) -> bool {
    if std::env::var(SKIP).is_ok_and(|value| value == "1") {
        eprintln!("SKIPPED because of {SKIP}: {test}");
        return false;
    }
    let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
    assert!(
        works.as_ref().is_ok_and(|status| status.success()),
        "strace does not run ({works:?}); install it and allow ptrace, or set {SKIP}=1 to leave {test} out"
    );
    true
}

/// What was asked of the file system, with absolute paths, in the order in which it was done.
#[derive(Clone, Debug)]
pub enum Call {
    /// A file is there now, empty if it was not before.
    Create(PathBuf),
    /// Its length.
    Truncate(PathBuf, usize),
    /// At an offset, or at its end.
    Write(PathBuf, Option<usize>, Vec<u8>),
    /// A file or a folder.
    Sync(PathBuf),
    /// From, to.
    Rename(PathBuf, PathBuf),
    /// A file or an empty folder.
    Remove(PathBuf),
    /// A folder.
    Make(PathBuf),
}

/// The system calls that change files; names and bytes in hexadecimal.
pub const WATCH: [&str; 8] = [
    "-f",
    "-y",
    "-xx",
    "-s",
    "100000000",
    "--seccomp-bpf",
    "-e",
    "trace=openat,creat,write,pwrite64,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,\
     mkdirat,rmdir,link,linkat,copy_file_range,sendfile",
];

/// What a log of [`WATCH`] says about files under `root`, which was the working directory.
pub fn parse(log: &str, root: &Path) -> Vec<Call> {
    let mut begun: std::collections::HashMap<&str, String> = std::collections::HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((process, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        let whole = if let Some(start) = text.strip_suffix(" <unfinished ...>") {
            begun.insert(process, start.to_owned());
            continue;
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let rest = rest.split_once(" resumed>").expect("it goes on").1;
            begun.remove(process).expect("it has begun") + rest
        } else {
            text.to_owned()
        };
        calls.extend(call(&whole, root).filter(|call| call.is_under(root)));
    }
    calls
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write(path, at, bytes) => {
                write!(f, "{} bytes written to {} at {at:?}", bytes.len(), path.display())
            }
            other => write!(f, "{other:?}"),
        }
    }
}

impl Call {
    fn is_under(&self, root: &Path) -> bool {
        let (Self::Create(path)
        | Self::Truncate(path, _)
        | Self::Write(path, ..)
        | Self::Sync(path)
        | Self::Rename(path, _)
        | Self::Remove(path)
        | Self::Make(path)) = self;
        path.starts_with(root)
    }
}

/// One call that went well.
fn call(text: &str, root: &Path) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.starts_with('-') || result.starts_with('?') {
        return None;
    }
    let (strings, of_handles) = (between(arguments, '"', '"'), between(arguments, '<', '>'));
    let path = |bytes: &[u8]| root.join(String::from_utf8_lossy(bytes).as_ref());
    let handle = || path(&of_handles[0]);
    let number = |text: &str| text.trim().trim_end_matches(')').parse::<usize>().ok();
    let last = || number(arguments.rsplit(',').next()?);
    match name {
        "openat" if arguments.contains("O_CREAT") => Some(Call::Create(path(&between(result, '<', '>')[0]))),
        "openat" => {
            assert!(!arguments.contains("O_TRUNC"), "{text}");
            None
        }
        "write" | "pwrite64" => {
            let at = if name == "write" { None } else { last() };
            let count = number(result).expect("a count");
            Some(Call::Write(handle(), at, strings[0][..count].to_vec()))
        }
        "ftruncate" => Some(Call::Truncate(handle(), last()?)),
        "fsync" | "fdatasync" => Some(Call::Sync(handle())),
        "rename" | "renameat" | "renameat2" => Some(Call::Rename(path(&strings[0]), path(&strings[1]))),
        "unlink" | "rmdir" => Some(Call::Remove(path(&strings[0]))),
        "unlinkat" => Some(Call::Remove(
            handle().join(path(&strings[0]).strip_prefix(root).unwrap_or(&path(&strings[0]))),
        )),
        "mkdir" => Some(Call::Make(path(&strings[0]))),
        "mkdirat" => Some(Call::Make(handle().join(path(&strings[0])))),
        _ => panic!("nobody knows what {name} does to files"),
    }
}

/// What stands in hexadecimal between two signs.
fn between(text: &str, open: char, close: char) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(open) {
        let Some((inside, behind)) = behind.split_once(close) else { break };
        let digits = inside.split("\\x").skip(1);
        found.push(digits.map(|pair| u8::from_str_radix(&pair[..2], 16).expect("two digits")).collect());
        rest = behind;
    }
    found
}
