//! What the program prints, and that nothing in it moves a cursor, changes a terminal or forges a line, whatever files, names
//! and arguments hold: results on stdout, errors on stderr, errors as JSON on stdout besides where JSON is asked for.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::log;
use crate::error::plain;
use crate::{Error, Result};
use serde::Serialize;
use serde_json::json;

/// Whether JSON is asked for, and has not been printed yet.
static OWES_JSON: AtomicBool = AtomicBool::new(false);

/// Errors come as JSON, too, if `json`.
pub fn init(json: bool) {
    OWES_JSON.store(json, Ordering::Relaxed);
}

/// Prints a result on stdout: `value` as one line of JSON where that is asked for, else the lines of `text`.
///
/// # Errors
/// Those of [`lines`].
pub fn print<T: Serialize>(as_json: bool, value: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
    let printed = if as_json { json(value) } else { lines(&text(value)) };
    Ok(printed?)
}

/// Prints a value as one line of JSON on stdout.
///
/// # Errors
/// Those of [`lines`].
pub fn json<T: Serialize>(value: &T) -> Result<()> {
    let mut line = escaped(&serde_json::to_string(value).expect("results have a JSON form"));
    line.push('\n');
    // Whatever comes of it, a second object would be one too many.
    OWES_JSON.store(false, Ordering::Relaxed);
    to_stdout(line.as_bytes())
}

/// Prints lines of text on stdout.
///
/// # Errors
/// [`Error::Io`] when stdout takes no more; a reader that has gone away is no error.
pub fn lines(text: &str) -> Result<()> {
    let mut lines = harmless(text).into_owned();
    lines.push('\n');
    to_stdout(lines.as_bytes())
}

/// Prints a text of the program's own as it stands, tabs included.
///
/// # Errors
/// Those of [`lines`].
pub fn verbatim(text: &[u8]) -> Result<()> {
    to_stdout(text)
}

/// Tells of an error, in one line on stderr, and in JSON where that is asked for.
pub fn failure(text: &str, exit: i32, kind: &str) {
    let text = plain(text);
    crate::cli::progress::clear();
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(io::stderr(), "{}error: {text}", log::rank());
    failure_as_json(&text, exit, kind);
}

/// Tells of an error in JSON, where that is asked for.
pub fn failure_as_json(text: &str, exit: i32, kind: &str) {
    if OWES_JSON.load(Ordering::Relaxed) {
        // The exit code tells, too.
        let _ = json(&json!({ "error": text, "exit": exit, "kind": kind }));
    }
}

/// Text of several lines without any other control characters.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_unsafe = |c: char| c.is_control() && c != '\n';
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_unsafe(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// JSON in which control characters that it need not escape are escaped all the same: some terminals obey them.
fn escaped(line: &str) -> String {
    let escape = |c: char| if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    line.chars().map(escape).collect()
}

fn to_stdout(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("write", "standard output", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_ends_and_lose_what_a_terminal_obeys() {
        assert_eq!(harmless("a ü\nb\n"), "a ü\nb\n");
        assert_eq!(harmless("a\u{1b}[2J\r\nb\u{9b}\t\n\n"), "a\\u{1b}[2J\\r\nb\\u{9b}\\t\n\n");
    }

    #[test]
    fn json_holds_no_control_character_and_stays_the_same_json() {
        let value = "\u{1b}\u{7f}\u{9b}ü\n";
        let line = escaped(&serde_json::to_string(value).unwrap());
        assert!(!line.contains(char::is_control), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);
    }
}
