use crate::cli::VerifyArgs;
pub fn run(_args: &VerifyArgs) -> anyhow::Result<std::process::ExitCode> {
    todo!()
}
