//! `rhohat completions` and `rhohat manual`: the command line as shells and readers of manual pages take it.

use clap::CommandFactory;

use crate::Error;
use crate::cli::args::{Cli, CompletionsArgs, ManualArgs};
use crate::cli::output;

/// Prints the script by which a shell completes commands, flags and their values.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rhohat", &mut script);
    Ok(output::verbatim(&script)?)
}

/// Prints a page in roff, the language of `man`.
pub fn page(args: &ManualArgs) -> anyhow::Result<()> {
    let mut program = Cli::command();
    program.build();
    let command = match &args.command {
        None => program,
        Some(name) => {
            let found = program.get_subcommands().find(|command| command.get_name() == name).cloned();
            let names: Vec<&str> = program.get_subcommands().map(|command| command.get_name()).collect();
            found
                .ok_or_else(|| Error::usage(format!("no command {name:?}; there are {}", names.join(", "))))?
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::io("write", "the page", error))?;
    Ok(output::verbatim(&page)?)
}
