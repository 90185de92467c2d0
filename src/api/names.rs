//! Errors as a program sees them: settings go by the names that they have in files and in [`crate::Trainer`], where the
//! texts inside name the flags of the binary.

use crate::error::Error;
use crate::run::config::is_setting;

/// The error with `shuffle_block` for `--shuffle-block`, and so for every setting.
pub fn by_name(error: Error) -> Error {
    match error {
        Error::Usage(text) => Error::Usage(names(&text)),
        Error::Input { path, reason } => Error::Input { path, reason: names(&reason) },
        Error::Diverged { step, what, remedy } => Error::Diverged { step, what, remedy: names(&remedy) },
        Error::Device(text) => Error::Device(names(&text)),
        // The words of the system.
        error @ Error::Io { .. } => error,
    }
}

fn names(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("--") {
        let (before, flag) = (&rest[..at], &rest[at + 2..]);
        let end = flag.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(flag.len());
        let name = flag[..end].replace('-', "_");
        let begins = before.is_empty() || before.ends_with([' ', '(']);
        out += before;
        if begins && (is_setting(&name) || name == "data_changed") {
            out += &name;
        } else {
            out += &rest[at..at + 2 + end];
        }
        rest = &flag[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_lose_their_dashes_and_nothing_else_changes() {
        for (flags, wanted) in [
            ("--rho 2: too large", "rho 2: too large"),
            ("use --shuffle-block 7, or --optimizer adam", "use shuffle_block 7, or optimizer adam"),
            ("a--rho.npy (--as rows)", "a--rho.npy (as rows)"),
            ("rhohat train --resume RUN", "rhohat train --resume RUN"),
            ("--", "--"),
            ("no flag", "no flag"),
        ] {
            assert_eq!(names(flags), wanted);
        }
    }
}
