//! Where MODEL stands in the command that was typed: the end of an error about something that is no model.

use super::args::Command;
use crate::run::model_file::MODEL_INSTEAD;

/// The text of an error; one about something that is no model ends in the line of this command where its model stands.
pub fn in_text(text: String, command: &Command) -> String {
    match (text.strip_suffix(MODEL_INSTEAD), line(command)) {
        (Some(fact), Some((order, line))) => format!("{fact}{order}: rhohat {line}"),
        _ => text,
    }
}

/// How the command takes a model, and its line; `None` of those that take none.
fn line(command: &Command) -> Option<(&'static str, &'static str)> {
    const ORDER: &str = "MODEL comes before DATA";
    const ALONE: &str = "MODEL is all that is read";
    Some(match command {
        Command::Eval(_) => (ORDER, "eval MODEL DATA"),
        Command::Units(_) => (ORDER, "units MODEL DATA -o units.csv"),
        Command::Encode(_) => (ORDER, "encode MODEL DATA -o codes.npy"),
        Command::Reconstruct(_) => (ORDER, "reconstruct MODEL DATA -o again.npy"),
        Command::Convolve(_) => {
            ("MODEL comes before PICTURES", "convolve MODEL PICTURES --pool 3 -o features.npy")
        }
        Command::Decode(_) => ("MODEL comes before CODES", "decode MODEL CODES -o rows.npy"),
        Command::Predict(_) => ("CLASSIFIER comes before DATA", "predict CLASSIFIER DATA"),
        Command::Features(_) => (ALONE, "features MODEL -o features.png"),
        Command::Convert(_) => (ALONE, "convert MODEL -o theta.mat"),
        Command::Classify(_) => ("MODEL comes behind --encoder", "classify DATA --encoder MODEL"),
        Command::Train(_) => ("MODEL comes behind --init", "train DATA --init MODEL"),
        Command::Stack(_) => ("MODEL comes behind --init", "stack DATA --layers 200,100 --init MODEL"),
        Command::Data(_) | Command::Report(_) | Command::Runs(_) | Command::Compare(_) => return None,
        Command::Verify(_) | Command::Bench(_) | Command::Devices(_) => return None,
        Command::Completions(_) | Command::Manual(_) => return None,
        #[cfg(feature = "web")]
        Command::Web(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::args::Cli;

    /// Words behind the name of each command that make it a whole one.
    const LINES: [&str; 12] = [
        "eval a b",
        "units a b -o c",
        "encode a b -o c",
        "reconstruct a b -o c",
        "convolve a b --pool 2 -o c",
        "decode a b -o c",
        "predict a b",
        "features a -o c",
        "convert a -o c",
        "classify a",
        "train",
        "stack",
    ];

    fn command(line: &str) -> Command {
        let words = std::iter::once("rhohat").chain(line.split(' '));
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).command
    }

    #[test]
    fn the_line_of_each_command_that_takes_a_model_is_one_of_it() {
        for given in LINES {
            let (_, line) = line(&command(given)).unwrap_or_else(|| panic!("{given}: no line"));
            let name = given.split(' ').next().unwrap();
            assert!(line.starts_with(&format!("{name} ")), "{given}: {line}");
            command(line);
        }
    }

    #[test]
    fn every_command_with_a_model_in_its_usage_has_a_line() {
        let mut program = Cli::command();
        program.build();
        let takes = |command: &&clap::Command| {
            let names = |arg: &clap::Arg| ["model", "classifier", "encoder"].contains(&arg.get_id().as_str());
            command.get_arguments().any(names)
        };
        for taking in program.get_subcommands().filter(takes) {
            let name = format!("{} ", taking.get_name());
            assert!(LINES.iter().any(|line| line.starts_with(&name)), "{name}has no line");
        }
    }

    #[test]
    fn other_errors_and_other_commands_keep_their_text() {
        let text = format!("rows.npy: no model; {MODEL_INSTEAD}");
        assert_eq!(in_text(text.clone(), &command("data rows.npy")), text);
        assert_eq!(in_text("gone: no such file".to_owned(), &command("predict a b")), "gone: no such file");
        let told = in_text(text, &command("predict a b"));
        assert_eq!(told, "rows.npy: no model; CLASSIFIER comes before DATA: rhohat predict CLASSIFIER DATA");
    }
}
