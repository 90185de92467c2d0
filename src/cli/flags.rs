//! Texts of the library as the binary prints them: a setting that they name in backticks, `` `shuffle_block` ``, is the flag
//! `--shuffle-block` here. Which names have flags, and how those are spelled, is asked of clap.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::CommandFactory;

use super::args::Cli;
use crate::Error;
use crate::run::config::is_setting;

/// Flags of all commands by the names that texts have for them: that of the setting, else the flag with underscores.
static FLAGS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let program = Cli::command();
    let commands = std::iter::once(&program).chain(program.get_subcommands());
    let mut flags = BTreeMap::new();
    for arg in commands.flat_map(|command| command.get_arguments()) {
        let Some(long) = arg.get_long() else { continue };
        let id = arg.get_id().as_str();
        let name = if is_setting(id) { id.to_owned() } else { long.replace('-', "_") };
        flags.insert(name, format!("--{long}"));
    }
    flags
});

/// Words before a name that serde or a parser quotes: it is a key or a value of a file, and keeps its backticks.
const BEFORE_QUOTED: [&str; 6] = ["field ", "key ", "variant ", "in ", "expected ", "expected one of "];

/// The text of an error, with flags; paths are printed as they are.
pub fn of_error(error: &Error) -> String {
    let flags = |text: &str| in_text(text).into_owned();
    let spelled = match error {
        Error::Usage(text) => Error::Usage(flags(text)),
        Error::Input { path, reason } => Error::input(path, flags(reason)),
        Error::Diverged { step, what, remedy } => {
            Error::Diverged { step: *step, what: flags(what), remedy: flags(remedy) }
        }
        Error::Device(text) => Error::Device(flags(text)),
        // The words of the system.
        Error::Io { .. } => return error.to_string(),
    };
    spelled.to_string()
}

/// The text with `--shuffle-block` for `` `shuffle_block` ``, and so for every name that has a flag. Whole commands in
/// backticks stay, as does what serde quotes.
pub fn in_text(text: &str) -> Cow<'_, str> {
    let (mut out, mut done, mut from) = (String::new(), 0, 0);
    while let Some(at) = text[from..].find('`').map(|at| from + at) {
        let (before, Some(name)) = (&text[..at], name_at(&text[at..])) else {
            from = at + 1;
            continue;
        };
        let end = at + name.len() + 2;
        if BEFORE_QUOTED.iter().any(|words| before.ends_with(words)) {
            from = end + rest_of_list(&text[end..]);
            continue;
        }
        from = end;
        let is_alone = before.is_empty() || before.ends_with([' ', '(']);
        let is_whole = text[end..].chars().next().is_none_or(|next| " ,:;)".contains(next));
        if let Some(flag) = FLAGS.get(name).filter(|_| is_alone && is_whole) {
            out += &text[done..at];
            out += flag;
            done = end;
        }
    }
    if done == 0 { Cow::Borrowed(text) } else { Cow::Owned(out + &text[done..]) }
}

/// The name in backticks that a text begins with.
fn name_at(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('`')?.split_once('`')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(name)
}

/// The length of `` , `b`, `c` `` or `` or `b` `` behind the first value that is expected.
fn rest_of_list(text: &str) -> usize {
    let mut end = 0;
    while let Some(separator) =
        [", ", " or "].into_iter().find(|separator| text[end..].starts_with(separator))
    {
        let Some(value) = text[end + separator.len()..].strip_prefix('`').and_then(|rest| rest.find('`'))
        else {
            break;
        };
        end += separator.len() + value + 2;
    }
    end
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;

    use super::*;
    use crate::cli::args::Command;
    use crate::run::config::Config;

    /// What serde says of a key that there is not, which lists all settings.
    fn unknown_key() -> String {
        toml::from_str::<Config>("nonsense = 1").unwrap_err().message().to_owned()
    }

    fn all_settings() -> BTreeSet<String> {
        let unknown = unknown_key();
        let (_, known) = unknown.split_once("expected one of ").expect("an unknown setting is refused");
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The settings that a flag sets, with the first value that it takes.
    fn set_by(flag: &str) -> BTreeSet<String> {
        let of_words =
            ["rows", "count,length", "sigmoid", "ema", "sgd", "cosine", "lecture", "cifar10", "28x28", "zca"];
        let mut values = ["1", "8h", "0.5", "true", "u8:3", "direct/buffers"].into_iter().chain(of_words);
        let taken = values
            .find_map(|value| Cli::try_parse_from(["rhohat", "train", &format!("{flag}={value}")]).ok());
        let Some(Command::Train(args)) = taken.map(|cli| cli.command) else {
            panic!("{flag}: takes no value")
        };
        args.settings.table().unwrap().keys().cloned().collect()
    }

    #[test]
    fn every_setting_is_written_as_the_flag_that_sets_it() {
        let mut without = Vec::new();
        for name in all_settings() {
            let text = format!("give `{name}` 1");
            match in_text(&text) {
                Cow::Borrowed(_) => without.push(name),
                Cow::Owned(flag) => {
                    let flag = flag.strip_prefix("give ").unwrap().strip_suffix(" 1").unwrap();
                    assert_eq!(set_by(flag), BTreeSet::from([name]), "{flag}");
                }
            }
        }
        assert_eq!(
            without,
            [
                "data",
                "data_as_given",
                "init_as_given",
                "labels_as_given",
                "replacement",
                "shuffle_order",
                "validation_as_given"
            ]
        );
    }

    #[test]
    fn every_flag_of_every_command_has_a_name() {
        let names = FLAGS.iter().filter(|(name, flag)| in_text(&format!("`{name}`")) == flag.as_str());
        assert_eq!(names.count(), FLAGS.len());
        let mut program = Cli::command();
        program.build();
        let given = program.get_subcommands().flat_map(|command| command.get_arguments());
        let longs: BTreeSet<String> =
            given.filter_map(|arg| arg.get_long()).map(|it| format!("--{it}")).collect();
        let known: BTreeSet<String> = FLAGS.values().cloned().collect();
        let own = longs.difference(&known).map(String::as_str).collect::<Vec<_>>();
        assert_eq!(own, ["--help"], "clap's own");
    }

    #[test]
    fn names_in_backticks_become_flags_and_nothing_else_changes() {
        for (text, wanted) in [
            ("`rho` 2: too large", "--rho 2: too large"),
            ("use `shuffle_block` 7, or `optimizer` adam", "use --shuffle-block 7, or --optimizer adam"),
            ("lower `hidden`, `batch` or `chunk`", "lower --hidden, --batch or --chunk"),
            ("`revive` 3 (`as` rows); `data_changed`", "--resample 3 (--as rows); --data-changed"),
            ("`from_scratch`: leave `out` out", "--from-scratch: leave --out out"),
            ("`rhohat train --resume a b` and `rho`", "`rhohat train --resume a b` and --rho"),
            (
                "a`rho`.npy and `rho`.npy and `Rho` and `nonsense`",
                "a`rho`.npy and `rho`.npy and `Rho` and `nonsense`",
            ),
            ("`", "`"),
            ("``rho`", "``rho`"),
            ("ü`é` `rho", "ü`é` `rho"),
            ("no name", "no name"),
        ] {
            assert_eq!(in_text(text), wanted);
        }
    }

    #[test]
    fn keys_and_values_that_serde_quotes_keep_their_backticks() {
        let wrong = |toml: &str| toml::from_str::<Config>(toml).unwrap_err().to_string();
        let mut said = vec![unknown_key(), wrong("out = 1"), wrong("hidden = 1\nhidden = 2")];
        said.extend(
            ["activation", "rho_hat", "normalize"].map(|name| wrong(&format!("{name} = \"none at all\""))),
        );
        said.extend(all_settings().iter().map(|name| wrong(&format!("{name} = {{ a = 1 }}"))));
        said.push(serde_json::from_str::<crate::run::model_file::Meta>("{}").unwrap_err().to_string());
        assert!(said.iter().filter(|text| text.contains('`')).count() > 3, "{said:?}");
        for text in said {
            assert_eq!(in_text(&text.replace('\n', " ")), text.replace('\n', " "));
        }
        let both = "expected one of `exact`, `batch`, `ema`, or `batch` 3";
        assert_eq!(in_text(both), "expected one of `exact`, `batch`, `ema`, or --batch 3");
        assert_eq!(in_text("expected `batch` or `rho`; `rho` 1"), "expected `batch` or `rho`; --rho 1");
    }

    #[test]
    fn errors_name_flags_and_paths_are_left_alone() {
        let path = "`rho` 1.npy";
        assert_eq!(of_error(&Error::input(path, "leave `raw` out")), "`rho` 1.npy: leave --raw out");
        assert_eq!(of_error(&Error::usage("`beta` -1")), "--beta -1");
        assert_eq!(of_error(&Error::device("use `device` cpu")), "use --device cpu");
        let diverged = Error::Diverged { step: 3, what: "J".to_owned(), remedy: "`lr` 2".to_owned() };
        assert_eq!(of_error(&diverged), "diverged at step 3: J is not finite; lower --lr 2");
        let io = Error::io("write", path, std::io::Error::other("`rho`"));
        assert_eq!(of_error(&io), "write `rho` 1.npy: `rho`");
    }
}
