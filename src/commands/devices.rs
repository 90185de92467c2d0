//! `rhohat devices`: adapters, and the text of every shader.

use rhohat::error::Error;
use rhohat::gpu::device::adapters;
use rhohat::gpu::kernel;

use crate::cli::DevicesArgs;
use crate::commands::print;

/// Lists the adapters and writes the shaders if asked.
pub fn run(args: &DevicesArgs) -> anyhow::Result<()> {
    if let Some(folder) = &args.shaders {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("write", folder, error))?;
        for kernel in kernel::ALL {
            let path = folder.join(format!("{}.wgsl", kernel.name));
            std::fs::write(&path, kernel.text()).map_err(|error| Error::io("write", &path, error))?;
        }
    }
    let names: Vec<String> = adapters().iter().map(|adapter| adapter.description()).collect();
    let lines: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("gpu:{i}  {name}")).collect();
    print(args.json, &serde_json::json!({ "adapters": names }), |_| lines.join("\n"))
}
