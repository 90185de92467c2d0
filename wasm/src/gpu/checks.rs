//! The checks of `rhohat verify` on the host's device, case by case. A case runs as it is, on a device that writes a tape of all that is
//! asked of it; where it waits for a result, the host carries the tape out, and the case runs again from its beginning with it.

use rhohat::engine::device::Choice;
use rhohat::verify::checks::{Check, Group, checks};
use rhohat::{Error, Result};
use serde_json::json;
use wgpu::tape::{self, Wanted};

use super::device;
use crate::answer::json;

/// All checks of the adapter that was described, and a case that is at work.
#[derive(Default)]
pub struct Checks {
    checks: Vec<Check>,
    known: Vec<Vec<u8>>,
    handed: usize,
    written: usize,
}

impl Checks {
    /// Lists them: name, group and cases of each.
    ///
    /// # Errors
    /// Where the adapter cannot be described.
    pub fn list(&mut self, seed: u64) -> Result<Vec<u8>> {
        let on_device = |check: &Check| check.group != Group::Gradients;
        self.checks = checks(&Choice::Gpu(device()?), seed).into_iter().filter(on_device).collect();
        let named =
            |check: &Check| json!({ "group": check.group, "name": check.name, "cases": check.cases() });
        json(&self.checks.iter().map(named).collect::<Vec<_>>())
    }

    /// Begins a case, or goes on with `read`: what it has found; or commands for the host and what is to be read behind them. Behind the
    /// line of JSON lie the bytes that the commands write, the `first` of the tape's.
    ///
    /// # Errors
    /// For a case that there is not.
    pub fn run(&mut self, (number, case): (usize, usize), read: Option<Vec<Vec<u8>>>) -> Result<Vec<u8>> {
        let Some(check) = self.checks.get(number).filter(|check| case < check.cases()) else {
            return Err(Error::usage(format!("there is no case {case} of a check {number}")));
        };
        match read {
            Some(read) => self.known.extend(read),
            None => (self.known, self.handed, self.written) = Default::default(),
        }
        tape::begin(self.known.clone());
        let found = device().map(|gpu| check.run_case(case, &Choice::Gpu(gpu)));
        let tape = tape::end().unwrap_or_default();
        let answer = match (tape.wanted.first(), found?) {
            (Some(&Wanted { after, written, .. }), _) => {
                // Results that are asked for together, and what this run has written down beyond the one before.
                let wanted: Vec<_> = tape.wanted.iter().take_while(|wanted| wanted.after == after).collect();
                let commands = &tape.commands[self.handed..after];
                let mut answer =
                    json(&json!({ "commands": commands, "wanted": wanted, "first": self.written }))?;
                answer.push(b'\n');
                answer.extend(&tape.bytes[self.written..written]);
                (self.handed, self.written) = (after, written);
                return Ok(answer);
            }
            (None, Ok(finding)) => json!({ "finding": finding }),
            (None, Err(failure)) => json!({ "failure": failure.to_string() }),
        };
        let mut answer = json(&answer)?;
        answer.push(b'\n');
        Ok(answer)
    }
}
