//! Arguments of `rhohat web`.

use std::path::PathBuf;

use clap::Args;

pub const WEB_EXAMPLES: &str = "Examples:
  rhohat web                                        the page, at an address that is printed
  rhohat web runs/first other.safetensors           and two models for it
  rhohat web --port 8000

Only programs of this machine reach it. From another one: ssh -L 8000:127.0.0.1:8000 HOST rhohat web --port 8000";

/// Arguments of `web`.
#[derive(Debug, Args)]
pub struct WebArgs {
    /// Directories of runs, or model files (safetensors), that the page may open
    #[arg(value_name = "RUN|MODEL")]
    pub models: Vec<PathBuf>,
    /// Port to listen on [default: a free one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Print the address as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
