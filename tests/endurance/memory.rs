//! A run that goes on for long takes no more memory than in the beginning.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::{Place, devices};

/// Updates after which everything has been allocated.
const WARM_UP: usize = 300;
const STEPS: usize = 2_000;

/// Resident memory of a process, KiB; `None` when it has ended.
#[cfg(target_os = "linux")]
fn resident(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(target_os = "linux")]
#[test]
fn two_thousand_steps_on_the_software_adapter_take_no_more_memory_than_three_hundred() {
    if !devices("resident memory").contains(&"software") {
        return;
    }
    let place = Place::new();
    let flags = format!(
        "--device=software --optimizer=adam --hidden=40 --batch=64 --steps={STEPS} --checkpoint-every=50 \
         --out=long"
    );
    let flags: Vec<String> = std::iter::once("rows.npy").chain(flags.split(' ')).map(str::to_owned).collect();
    let mut command: Command = place.command(&flags);
    let mut child = command.spawn().unwrap();
    let metrics = place.path("long/metrics.jsonl");
    let mut seen: Vec<(usize, f64)> = Vec::new();
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&metrics).unwrap_or_default();
        let step = |line: &str| -> Option<usize> {
            serde_json::from_str::<serde_json::Value>(line).ok()?["step"].as_u64()?.try_into().ok()
        };
        if let (Some(step), Some(memory)) = (text.lines().last().and_then(step), resident(child.id())) {
            seen.push((step, memory));
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
    // The end takes copies of its own: what counts is while it steps.
    let within = |range: std::ops::Range<usize>| {
        let memory = seen.iter().filter(|(step, _)| range.contains(step)).map(|(_, memory)| *memory);
        memory.fold(0.0, f64::max)
    };
    let (early, late) = (within(WARM_UP..STEPS / 2), within(STEPS / 2..STEPS));
    println!("resident at most {early} KiB up to step {}, {late} KiB up to {STEPS}", STEPS / 2);
    assert!(early > 0.0 && late > 0.0, "the run was too short to be watched: {} looks", seen.len());
    assert!(late <= 1.01 * early, "{early} KiB, then {late} KiB");
}
