//! Starts the program again, in the same process, under an environment that can only be set before it runs.
//!
//! * glibc keeps freed memory for itself where a piece was below a threshold, and raises that threshold to whatever was
//!   freed, up to 32 MiB: tens of MiB beyond the plan of `--memory`, of tensors that were copied and let go. A threshold
//!   that is set stays: larger pieces go back to the system at once. `verify` has no plan, and would spend a tenth of its
//!   time on fresh pages.
//! * glibc gives threads heaps of their own, up to eight a core, and reserves 64 MiB of addresses for each: with two pools of
//!   threads on two cores more than 400 MB, which under `ulimit -v` are then missing to what was planned. Four heaps do:
//!   what computes allocates next to nothing.
//! * Mesa's Vulkan layer for choosing a device connects to Wayland whenever a Vulkan instance is made, and where
//!   XDG_RUNTIME_DIR is not set libwayland prints an error that has nothing to do with this program. NODEVICE_SELECT turns
//!   the layer off; devices are chosen here by name and type, so that it is not missed.

/// The threshold, bytes: long enough for the rows of a usual mini-batch to stay, which come and go in every step.
#[cfg(target_os = "linux")]
const THRESHOLD: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");
#[cfg(target_os = "linux")]
const HEAPS: (&str, &str) = ("MALLOC_ARENA_MAX", "4");
#[cfg(target_os = "linux")]
const NO_LAYER: (&str, &str) = ("NODEVICE_SELECT", "1");

/// Does so where something is not set yet. Whatever goes wrong leaves things as they are.
#[cfg(target_os = "linux")]
pub fn under_our_environment() {
    use std::env::{args_os, current_exe, var_os};
    use std::os::unix::process::CommandExt;

    let prints = var_os("XDG_RUNTIME_DIR").is_none();
    let command = args_os().skip(1).find(|word| !word.as_encoded_bytes().starts_with(b"-"));
    let plans = command.is_none_or(|command| command != "verify");
    let wanted = [plans.then_some(THRESHOLD), Some(HEAPS), prints.then_some(NO_LAYER)].into_iter().flatten();
    let missing: Vec<_> = wanted.filter(|(name, _)| var_os(name).is_none()).collect();
    if missing.is_empty() {
        return;
    }
    if let Ok(program) = current_exe() {
        let mut args = args_os();
        let mut command = std::process::Command::new(program);
        if let Some(name) = args.next() {
            command.arg0(name);
        }
        // `exec` returns only when it fails.
        let _ = command.args(args).envs(missing).exec();
    }
}

/// Elsewhere nothing has to be set.
#[cfg(not(target_os = "linux"))]
pub fn under_our_environment() {}
