//! Settings changed at `--resume`, then `kill -9` at a random moment: the run goes on under the settings that it has
//! then, to the bits of a sitting with those settings that nobody broke off. `RHOHAT_BINARY` names another program to
//! try, whose failures are counted alike.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use rhohat::math::random::Stream;

use super::{Place, copy, finished, is_long};

/// A run, and what is changed when it is gone on with.
struct Change {
    name: &'static str,
    /// Flags of the first sitting.
    first: &'static str,
    /// The place at which it dies, or none where it comes to its end.
    dies: Option<&'static str>,
    /// Flags of the sitting that changes it. No checkpoint is due for long.
    second: &'static str,
}

/// All kinds of changes: steps, rates over time, the objective, patience, with every optimiser.
const CHANGES: [Change; 7] = [
    Change {
        name: "adam-steps",
        first: "rows.npy --optimizer adam --batch 64 --steps 500 --checkpoint-every 300",
        dies: None,
        second: "--steps 9000 --checkpoint-every 8000",
    },
    Change {
        name: "sgd-cosine",
        first: "rows.npy --optimizer sgd --batch 64 --rho-hat ema --schedule cosine --warmup 20 --steps 500 \
                --checkpoint-every 300",
        dies: None,
        second: "--steps 9000 --checkpoint-every 8000",
    },
    Change {
        name: "sgd-lambda-unfinished",
        first: "rows.npy --optimizer sgd --batch 64 --momentum 0.8 --revive 30 --beta-warmup 50 --steps 9000 \
                --checkpoint-every 300",
        dies: Some("latest-written:2"),
        second: "--lambda 0.01 --lr 0.02 --checkpoint-every 8000",
    },
    Change {
        name: "adam-rate-validation-unfinished",
        first: "rows.npy --optimizer adam --batch 64 --schedule cosine --validation 0.2 --patience 9999 \
                --steps 9000 --checkpoint-every 300",
        dies: Some("latest-written:2"),
        second: "--lr 0.003 --checkpoint-every 8000",
    },
    Change {
        name: "lbfgs-steps",
        first: "many-rows.npy --optimizer lbfgs --steps 40 --checkpoint-every 15",
        dies: None,
        second: "--steps 700 --checkpoint-every 600",
    },
    Change {
        name: "lbfgs-lambda-unfinished",
        first: "many-rows.npy --optimizer lbfgs --steps 700 --checkpoint-every 20",
        dies: Some("latest-written:2"),
        second: "--lambda 0.01 --checkpoint-every 600",
    },
    Change {
        name: "adam-patience",
        first: "noise.npy --optimizer adam --lr 0.02 --batch 20 --beta 0 --lambda 0 --steps 60000 --validation 0.25 \
                --patience 3 --checkpoint-every 9",
        dies: None,
        second: "--patience 3000 --checkpoint-every 8000",
    },
];

/// Model, metrics without their times, settings.
type Result = ((Vec<u8>, Vec<String>), String);

impl Change {
    /// Sittings broken off before the run may come to its end.
    const KILLS: u64 = 3;

    fn words(flags: &str) -> Vec<String> {
        flags.split_whitespace().map(str::to_owned).collect()
    }

    /// The run after its first sitting.
    fn begin(&self, place: &Place) -> String {
        let run = format!("{}-first", self.name);
        let common = format!("--hidden 40 --rho 0.05 --device cpu --out {run}");
        let mut command = place.command(&Self::words(&format!("{} {common}", self.first)));
        if let Some(dies) = self.dies {
            let output = command.env(rhohat::run::checkpoint::fail_point::VARIABLE, dies).output().unwrap();
            assert_eq!(output.status.signal(), Some(6), "{}: {dies} was not reached", self.name);
        } else {
            finished(command.output().unwrap());
        }
        run
    }

    /// The flags with which `run` is gone on with.
    fn go_on(&self, run: &str, changes: bool) -> Vec<String> {
        Self::words(&format!("--resume {run} {}", if changes { self.second } else { "" }))
    }

    fn result(place: &Place, run: &str) -> Result {
        (place.result(run), settings(place, run))
    }
}

fn settings(place: &Place, run: &str) -> String {
    fs::read_to_string(place.path(run).join("config.toml")).unwrap()
}

/// What a run that is gone on with, broken off at random and gone on with again comes to; `None` where it is right.
fn tried(
    place: &Place,
    change: &Change,
    run: &str,
    whole: [&Result; 2],
    length: Duration,
    stream: &mut Stream,
) -> Option<String> {
    let [unchanged, changed] = whole;
    let (mut asked, mut told) = (true, Vec::new());
    for _ in 0..1 + stream.below(Change::KILLS) {
        let mut child = place.command(&change.go_on(run, asked)).spawn().unwrap();
        let after = length.mul_f64(1.1 * stream.unit());
        thread::sleep(after);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.signal() != Some(9) && !output.status.success() {
            return Some(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        told.push(format!("{asked} {after:?}"));
        // Whoever sees that a change has not been taken asks for it again, or leaves it at that for good: a sitting without
        // it goes on under the old settings.
        asked = asked && settings(place, run) == unchanged.1 && stream.below(2) == 0;
    }
    let output = place.command(&change.go_on(run, asked)).output().unwrap();
    if output.status.code() != Some(0) {
        return Some(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let result = Change::result(place, run);
    // The result has to be that of the settings which the run has in the end.
    let right = if !asked && result.1 == unchanged.1 { unchanged } else { changed };
    let wrong = [
        ("settings", result.1 != right.1),
        ("metrics", result.0.1 != right.0.1),
        ("model", result.0.0 != right.0.0),
    ];
    let wrong: Vec<_> = wrong.into_iter().filter_map(|(what, other)| other.then_some(what)).collect();
    (!wrong.is_empty()).then(|| {
        let lines = (result.0.1.len(), right.0.1.len());
        format!("other {wrong:?} ({lines:?} lines of metrics) after sittings of {told:?}, then {asked}")
    })
}

#[test]
fn changed_settings_and_a_kill_at_any_moment_end_with_the_bits_of_the_changed_run() {
    let place = Place::new();
    let mut stream = Stream::new(13, "changes");
    let noise: Vec<f32> = (0..80 * 12).map(|_| stream.unit() as f32).collect();
    rhohat::data::npy::write(&place.path("noise.npy"), 80, 12, &noise).unwrap();
    let (trials, mut failures) = (if is_long() { 210 } else { 14 }, Vec::new());
    for change in &CHANGES {
        let first = change.begin(&place);
        let whole = |name: &str, changes: bool| {
            let run = format!("{}-{name}", change.name);
            copy(&place.path(&first), &place.path(&run));
            let started = Instant::now();
            finished(place.command(&change.go_on(&run, changes)).output().unwrap());
            (Change::result(&place, &run), started.elapsed())
        };
        let ((unchanged, _), (changed, length)) = (whole("unchanged", false), whole("changed", true));
        assert!(changed.0.0 != unchanged.0.0 && changed.1 != unchanged.1, "{}: nothing changes", change.name);
        for number in 0..trials / CHANGES.len() {
            let run = format!("{}-{number}", change.name);
            copy(&place.path(&first), &place.path(&run));
            let wrong = tried(&place, change, &run, [&unchanged, &changed], length, &mut stream);
            failures.extend(wrong.map(|wrong| format!("{run}: {wrong}")));
            fs::remove_dir_all(place.path(&run)).unwrap();
        }
        println!("{}: {length:?} a sitting, {} failures so far", change.name, failures.len());
    }
    println!("{trials} changed runs were killed, {} came to a wrong end", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
