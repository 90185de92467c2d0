use crate::cli::DevicesArgs;
pub fn run(_args: &DevicesArgs) -> anyhow::Result<()> {
    todo!()
}
