//! Arguments about runs that are there, and about what a result has to be.

use std::path::PathBuf;

use clap::Args;

use crate::run::condition::Condition;

pub const RUNS_EXAMPLES: &str = "Examples:
  rhohat runs                                       those in runs/
  rhohat runs sweep/ --where beta=3 --where 'explained_variance>0.4' --sort seconds
  rhohat runs -o runs.csv

Ranked by what they reconstruct of held-out examples, or by the variance that they explain; not by J, which means another thing
under another beta, lambda or rho.";

/// Conditions that a result has to meet.
#[derive(Clone, Debug, Default, Args)]
pub struct Asserted {
    /// End with exit code 7 unless this holds of the result: a number of its JSON, one of = != < <= > >=, a value; may be given several times
    #[arg(long = "assert", value_name = "CONDITION", help_heading = "Output", hide_short_help = true)]
    pub conditions: Vec<Condition>,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Directories of runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// File to write, .html [default: RUN/report.html]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Folder of runs
    #[arg(value_name = "DIR", default_value = "runs")]
    pub folder: PathBuf,
    /// Those alone of which this holds: a setting or a result, one of = != < <= > >=, a value; may be given several times
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<Condition>,
    /// Order by this setting or result, the least first [default: the best first]
    #[arg(long, value_name = "NAME")]
    pub sort: Option<String>,
    /// Turn the order around
    #[arg(long)]
    pub reverse: bool,
    /// Write all settings and results as a table: .csv or .tsv
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// Print one JSON array on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Directories of runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Write their curves over each other as a page, .html
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
