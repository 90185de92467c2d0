//! The command `rhohat`.

fn main() -> std::process::ExitCode {
    rhohat::cli::main()
}
