//! Power that is lost at any moment: the calls of a sitting are recorded by strace, replayed on a disk that keeps only
//! what it was asked to ([`super::disk`]), and the run is gone on with from what may be left.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use rhohat::math::random::Stream;

use super::disk::Disk;
use super::{Place, copy, fail_point, finished, is_long, strace};

/// A sitting whose power is lost.
struct Sitting {
    name: &'static str,
    /// Flags of the sitting before, and the place at which it died; none for a first sitting.
    before: Option<(&'static str, Option<&'static str>)>,
    /// Its own flags.
    flags: &'static str,
}

const SITTINGS: [Sitting; 6] = [
    Sitting {
        name: "first",
        before: None,
        flags: "rows.npy --optimizer adam --batch 64 --steps 40 --checkpoint-every 9",
    },
    Sitting {
        name: "first-held-out",
        before: None,
        flags: "rows.npy --optimizer sgd --batch 64 --validation 0.2 --patience 99 --steps 40 --checkpoint-every 9",
    },
    Sitting {
        name: "resumed",
        before: Some((
            "rows.npy --optimizer lbfgs --steps 30 --checkpoint-every 5",
            Some("latest-written:3"),
        )),
        flags: "",
    },
    Sitting {
        name: "longer",
        before: Some(("rows.npy --optimizer adam --batch 64 --steps 20 --checkpoint-every 9", None)),
        flags: "--steps 40",
    },
    Sitting {
        name: "other-objective",
        before: Some((
            "rows.npy --optimizer lbfgs --steps 30 --checkpoint-every 5",
            Some("latest-written:3"),
        )),
        flags: "--lambda 0.1 --checkpoint-every 9",
    },
    Sitting {
        name: "more-patience",
        before: Some((
            "rows.npy --optimizer adam --lr 0.3 --batch 64 --validation 0.2 --patience 1 --steps 300 --checkpoint-every 9",
            None,
        )),
        flags: "--patience 4",
    },
];

const SMALL: &str = "--hidden 4 --rho 0.05 --device cpu";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Steps of the checkpoint that a name is of.
fn steps(name: &str) -> Option<usize> {
    name.trim().strip_prefix("step-")?.parse().ok()
}

impl Sitting {
    /// What it finds, as `run`.
    fn prepare(&self, place: &Place, run: &str) {
        let Some((flags, dies)) = self.before else { return };
        let mut command = place.command(&words(&format!("{flags} {SMALL} --out {run}")));
        match dies {
            None => finished(command.output().unwrap()),
            Some(dies) => {
                let status = command.env(fail_point::VARIABLE, dies).output().unwrap().status;
                assert_eq!(status.signal(), Some(6), "{}: {dies} was not reached", self.name);
            }
        }
    }

    /// The words of the sitting that goes on with `run`, under its changes or without.
    fn words(&self, place: &Place, run: &str, changes: bool) -> Vec<String> {
        let begun = place.path(run).join("config.toml").exists();
        match self.before {
            None if !begun => words(&format!("{} {SMALL} --out {run}", self.flags)),
            None => words(&format!("--resume {run}")),
            Some(_) => words(&format!("--resume {run} {}", if changes { self.flags } else { "" })),
        }
    }
}

fn settings(place: &Place, run: &str) -> String {
    fs::read_to_string(place.path(run).join("config.toml")).unwrap_or_default()
}

fn code(output: &Output) -> Option<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    (output.status.code() != Some(0)).then(|| format!("{}: {stderr}", output.status))
}

#[test]
fn power_that_is_lost_at_any_moment_loses_no_checkpoint_and_no_run_ends_with_another_result() {
    if !strace::is_there("simulated power loss") {
        return;
    }
    let (mut tried, mut wrong) = (0, Vec::new());
    for sitting in &SITTINGS {
        let place = Place::new();
        let mut stream = Stream::new(17, sitting.name);
        sitting.prepare(&place, "run");
        if sitting.before.is_some() {
            copy(&place.path("run"), &place.path("unchanged"));
            finished(place.command(&sitting.words(&place, "unchanged", false)).output().unwrap());
        }
        let root = fs::canonicalize(place.path("")).unwrap();
        let mut disk = Disk::load(&root);
        let arguments = sitting.words(&place, "run", true);
        let log = place.path("log");
        let mut watch = words(&strace::WATCH.join(" "));
        watch.extend(["-o".to_owned(), log.to_str().unwrap().to_owned()]);
        finished(place.traced(&watch, &arguments).output().unwrap());
        let calls = strace::parse(&fs::read_to_string(&log).unwrap(), &root);
        let whole = (place.result("run"), settings(&place, "run"));
        let unchanged = sitting.before.map(|_| (place.result("unchanged"), settings(&place, "unchanged")));
        let (states, every) = if is_long() { (4, 1) } else { (1, 1 + calls.len() / 20) };
        for (number, call) in calls.iter().enumerate() {
            disk.apply(call);
            if number % every != 0 && number + 1 != calls.len() {
                continue;
            }
            // What the program has said to be safe.
            let said = disk.read(&root.join("run/checkpoints/latest"));
            let said = said.and_then(|name| steps(&String::from_utf8_lossy(name))).unwrap_or(0);
            let is_over = number + 1 == calls.len();
            for state in 0..states {
                tried += 1;
                let run = format!("{}-{number}-{state}", sitting.name);
                let mut fault = |what: String| wrong.push(format!("{run} after {call}: {what}"));
                let is_there = disk.crash(&mut stream, "run", &place.path(&run));
                if is_over && !place.path(&run).join("summary.json").exists() {
                    fault("a run that had ended is not over".to_owned());
                }
                let names = fs::read_dir(place.path(&run).join("checkpoints"));
                let names = names.into_iter().flatten().map(|entry| entry.unwrap().file_name());
                let left = names.filter_map(|name| steps(name.to_str()?)).max().unwrap_or(0);
                if left < said {
                    fault(format!("step {said} was safe, {left} is left (the run is there: {is_there})"));
                }
                // Whoever sees that a change has not been taken asks for it again, or leaves it at that.
                let old = unchanged.as_ref().filter(|(_, old)| *old == settings(&place, &run));
                let asks = old.is_some() && stream.below(2) == 0;
                let output = place.command(&sitting.words(&place, &run, asks)).output().unwrap();
                match code(&output) {
                    Some(error) => fault(error),
                    None => {
                        let found = (place.result(&run), settings(&place, &run));
                        let right = old.filter(|_| !asks).unwrap_or(&whole);
                        let parts = [
                            ("model", found.0.0 != right.0.0),
                            ("metrics", found.0.1 != right.0.1),
                            ("settings", found.1 != right.1),
                        ];
                        let other: Vec<_> =
                            parts.into_iter().filter_map(|(part, other)| other.then_some(part)).collect();
                        if !other.is_empty() {
                            fault(format!("other {other:?}; asked again: {asks}"));
                        }
                    }
                }
                let _ = fs::remove_dir_all(place.path(&run));
            }
        }
        println!("{}: {} calls, {tried} states so far, {} wrong", sitting.name, calls.len(), wrong.len());
    }
    let shown: Vec<_> =
        wrong.iter().map(|text| text.chars().take(600).collect::<String>()).take(40).collect();
    assert!(wrong.is_empty(), "{} of {tried} wrong:\n{}", wrong.len(), shown.join("\n"));
}
