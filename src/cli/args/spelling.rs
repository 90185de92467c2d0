//! Other ways in which programs that start this one spell its flags: `--beta_warmup` for `--beta-warmup`, and
//! `--dry-run=true` or `--dry-run=false` for a flag that is there or is not. Which flags there are is asked of clap.

use std::ffi::{OsStr, OsString};

use clap::{ArgAction, Command};

/// The arguments in clap's own spelling; what is behind `--`, values and unknown flags are left as they are.
pub fn usual(command: &Command, args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let rest = args.split_off(end);
    let named = |arg: &OsString| command.find_subcommand(arg);
    let subcommand = args.iter().skip(1).find_map(named).unwrap_or(command);
    let mut usual: Vec<OsString> = Vec::with_capacity(args.len());
    for arg in args {
        let Some((flag, value)) = flag(command, subcommand, &arg) else {
            usual.push(arg);
            continue;
        };
        let spelled = OsString::from(format!("--{}", flag.name));
        match (flag.is_switch, value.as_deref().and_then(truth)) {
            (true, Some(true)) => usual.push(spelled),
            // The last one counts.
            (true, Some(false)) => usual.retain(|earlier| *earlier != spelled),
            (false, Some(truth)) if flag.is_bool => usual.push(format!("--{}={truth}", flag.name).into()),
            _ => usual.push(value.map_or(spelled.clone(), |value| {
                let mut whole = spelled;
                whole.push("=");
                whole.push(value);
                whole
            })),
        }
    }
    usual.extend(rest);
    usual
}

/// Whether results and errors are to be JSON, for arguments that may not be right.
pub fn asks_for_json(args: &[OsString]) -> bool {
    args.iter().skip(1).take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// A flag that clap knows.
struct Flag {
    name: String,
    /// There, or not there.
    is_switch: bool,
    /// True or false.
    is_bool: bool,
}

/// The flag that an argument is, and the value behind its `=`.
fn flag(command: &Command, subcommand: &Command, arg: &OsStr) -> Option<(Flag, Option<OsString>)> {
    let (name, value) = halves(arg)?;
    let name = name.strip_prefix("--")?.replace('_', "-");
    let known = |command: &Command| {
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(name.as_str()))?;
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count);
        let is_bool = arg.get_value_parser().type_id() == clap::builder::ValueParser::bool().type_id();
        Some(Flag { name: name.clone(), is_switch, is_bool })
    };
    Some((known(subcommand).or_else(|| known(command))?, value))
}

/// What stands before the first `=`, and what behind it.
#[cfg(unix)]
fn halves(arg: &OsStr) -> Option<(String, Option<OsString>)> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = arg.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=');
    let name = std::str::from_utf8(&bytes[..at.unwrap_or(bytes.len())]).ok()?;
    Some((name.to_owned(), at.map(|at| OsStr::from_bytes(&bytes[at + 1..]).to_owned())))
}

/// The same where names of files are Unicode, or as good as.
#[cfg(not(unix))]
fn halves(arg: &OsStr) -> Option<(String, Option<OsString>)> {
    let (name, value) =
        arg.to_str().map(|arg| arg.split_once('=').map_or((arg, None), |(n, v)| (n, Some(v))))?;
    Some((name.to_owned(), value.map(OsString::from)))
}

/// A truth as programs write it: Python's have capitals.
fn truth(value: &OsStr) -> Option<bool> {
    let value = value.to_str()?;
    [true, false].into_iter().find(|truth| value.eq_ignore_ascii_case(&truth.to_string()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Cli;

    fn spelled(args: &str) -> String {
        let mut command = Cli::command();
        command.build();
        let args = args.split(' ').map(OsString::from);
        let usual = usual(&command, args);
        usual.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn underscores_in_names_of_flags_are_hyphens_and_values_stay() {
        for (given, wanted) in [
            ("rhohat train a_b.npy --beta_warmup 3", "rhohat train a_b.npy --beta-warmup 3"),
            ("rhohat train --rho_hat=ema --out=a_b", "rhohat train --rho-hat=ema --out=a_b"),
            ("rhohat train --out a_b -- --beta_warmup", "rhohat train --out a_b -- --beta_warmup"),
            ("rhohat train --no_such=1 --no_such_flag", "rhohat train --no_such=1 --no_such_flag"),
            ("rhohat verify --force_variant x", "rhohat verify --force-variant x"),
            ("rhohat --quiet eval --rho_hat=ema", "rhohat --quiet eval --rho_hat=ema"),
        ] {
            assert_eq!(spelled(given), wanted);
        }
    }

    #[test]
    fn switches_take_true_and_false_and_the_last_counts() {
        for (given, wanted) in [
            ("rhohat train --dry-run=true --json=True", "rhohat train --dry-run --json"),
            ("rhohat train --dry_run --dry-run=false", "rhohat train"),
            ("rhohat train --json=false --json", "rhohat train --json"),
            ("rhohat train --quiet=FALSE --no_whiten=true", "rhohat train --no-whiten"),
            ("rhohat train --whiten=True --stream=False", "rhohat train --whiten=true --stream=false"),
            ("rhohat train --json=maybe", "rhohat train --json=maybe"),
            ("rhohat bench --markdown=true", "rhohat bench --markdown"),
        ] {
            assert_eq!(spelled(given), wanted);
        }
    }

    #[test]
    fn every_flag_can_be_spelled_with_underscores_and_every_boolean_one_with_a_value() {
        use clap::Parser;
        let mut command = Cli::command();
        command.build();
        let mut switches = 0;
        for subcommand in command.get_subcommands() {
            for arg in subcommand.get_arguments() {
                let Some(long) = arg.get_long().filter(|long| !["help", "version"].contains(long)) else {
                    continue;
                };
                let under = format!("rhohat {} --{}", subcommand.get_name(), long.replace('-', "_"));
                assert_eq!(spelled(&under), format!("rhohat {} --{long}", subcommand.get_name()));
                let no_value = matches!(arg.get_action(), ArgAction::SetTrue);
                let optional = arg.get_num_args().is_some_and(|values| values.min_values() == 0);
                if no_value || (optional && arg.get_action().takes_values()) {
                    switches += 1;
                    for truth in ["true", "False"] {
                        let line = format!("rhohat {} --{long}={truth} a b -o c", subcommand.get_name());
                        let args = usual(&command, line.split(' ').map(OsString::from));
                        let error = Cli::try_parse_from(args).err().map(|error| error.kind());
                        assert_ne!(error, Some(clap::error::ErrorKind::TooManyValues), "{line}");
                        assert_ne!(error, Some(clap::error::ErrorKind::InvalidValue), "{line}");
                    }
                }
            }
        }
        assert!(switches > 12, "{switches}");
    }

    #[test]
    #[cfg(unix)]
    fn values_need_not_be_unicode() {
        use std::os::unix::ffi::OsStringExt;
        let mut command = Cli::command();
        command.build();
        let args = [b"rhohat".to_vec(), b"train".to_vec(), b"--save_patches=\xff_\xfe".to_vec()];
        let usual = usual(&command, args.into_iter().map(OsString::from_vec));
        assert_eq!(usual[2], OsString::from_vec(b"--save-patches=\xff_\xfe".to_vec()));
    }
}
