//! Keeps Mesa's Vulkan layer for choosing a device from writing to stderr on machines without a desktop.
//!
//! The layer connects to Wayland whenever a Vulkan instance is made, and where XDG_RUNTIME_DIR is not set libwayland
//! prints an error that has nothing to do with this program. NODEVICE_SELECT turns the layer off; devices are chosen
//! here by name and type, so that it is not missed.

/// Starts the program again in the same process with the layer turned off, where it would print. Whatever goes wrong
/// leaves things as they are.
#[cfg(target_os = "linux")]
pub fn restart_without_device_layer() {
    use std::env::{args_os, current_exe, var_os};
    use std::os::unix::process::CommandExt;

    if var_os("XDG_RUNTIME_DIR").is_some() || var_os(SWITCH).is_some() {
        return;
    }
    if let Ok(program) = current_exe() {
        let mut args = args_os();
        let mut command = std::process::Command::new(program);
        if let Some(name) = args.next() {
            command.arg0(name);
        }
        // `exec` returns only when it fails.
        let _ = command.args(args).env(SWITCH, "1").exec();
    }
}

/// Elsewhere there is no such layer.
#[cfg(not(target_os = "linux"))]
pub fn restart_without_device_layer() {}

#[cfg(target_os = "linux")]
const SWITCH: &str = "NODEVICE_SELECT";
