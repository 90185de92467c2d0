//! `kill -9` at random moments and at every named place.

use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use rhohat::math::random::Stream;

use super::{Kind, Place, devices, fail_point, finished, is_long, newest};

/// Kills of one run before it may come to its end, few and many.
const OF_A_RUN: [usize; 2] = [4, 8];
/// Share of an uninterrupted run's length within which a sitting is killed: later ones have less left to do.
const WITHIN: f64 = 0.7;

#[test]
fn runs_killed_at_random_moments_lose_no_checkpoint_and_end_with_the_bits_of_the_uninterrupted_one() {
    let wanted = if is_long() { 200 } else { 20 };
    let place = Place::new();
    let timed = |kind: Kind| {
        let started = Instant::now();
        (kind, place.uninterrupted(kind), started.elapsed())
    };
    let kinds: Vec<_> = Kind::all(&devices("kills")).into_iter().map(timed).collect();
    let (mut kills, mut lost, mut stream) = (0, 0, Stream::new(9, "kills"));
    for (number, (kind, whole, length)) in kinds.iter().cycle().enumerate() {
        if kills >= wanted && number >= kinds.len() {
            break;
        }
        let run = format!("killed-{number}-{}-{}", kind.device, kind.optimizer);
        let mut seen = 0;
        for _ in 0..OF_A_RUN[usize::from(is_long())] {
            let mut child = place.begin_or_go_on(*kind, &run).spawn().unwrap();
            thread::sleep(length.mul_f64(WITHIN * stream.unit()));
            child.kill().unwrap();
            let status = child.wait().unwrap();
            kills += usize::from(status.signal() == Some(9));
            assert!(status.signal() == Some(9) || status.success(), "{kind:?}: {status}");
            let steps = newest(&place.path(&run));
            lost += usize::from(steps < seen);
            seen = steps;
        }
        finished(place.begin_or_go_on(*kind, &run).output().unwrap());
        assert!(place.result(&run) == *whole, "{kind:?}, run {number}: other bits after {kills} kills");
        std::fs::remove_dir_all(place.path(&run)).unwrap();
        println!("{run}: {kills} kills so far");
    }
    println!(
        "{kills} kills, {lost} lost checkpoints, no run that could not be loaded, all with the same bits"
    );
    assert_eq!(lost, 0);
}

#[test]
fn a_run_that_dies_at_any_named_place_goes_on_to_the_same_bits() {
    let kinds = Kind::all(&devices("fail points"));
    let place = Place::new();
    let whole: Vec<_> = kinds.iter().map(|&kind| place.uninterrupted(kind)).collect();
    let mut hits = 0;
    for (number, name) in fail_point::NAMES.into_iter().enumerate() {
        for (at, (&kind, whole)) in kinds.iter().zip(&whole).enumerate() {
            // A small share: each place with one kind of run after the other.
            if !is_long() && at != number % kinds.len() {
                continue;
            }
            let run = format!("{name}-{}-{}", kind.device, kind.optimizer);
            // So that there are two checkpoints, or those of a sitting before.
            if name.starts_with("resume") {
                die_at(&place, kind, &run, "published:2");
                die_at(&place, kind, &run, name);
            } else {
                // Two are kept: the third is the first for which an old one goes. The end comes once.
                let once = name.starts_with("old")
                    || ["end-kept", "model-written", "summary-written"].contains(&name);
                die_at(&place, kind, &run, &format!("{name}:{}", if once { 1 } else { 2 }));
            }
            hits += 1;
            newest(&place.path(&run));
            finished(place.begin_or_go_on(kind, &run).output().unwrap());
            assert!(place.result(&run) == *whole, "{run}: other bits");
            let left: Vec<_> =
                std::fs::read_dir(place.path(&run)).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{run}: {left:?}");
        }
    }
    println!("{hits} deaths at {} named places", fail_point::NAMES.len());
}

/// Begins `run` or goes on with it, to die at a place.
fn die_at(place: &Place, kind: Kind, run: &str, name: &str) {
    let before = newest(&place.path(run));
    let output = place.begin_or_go_on(kind, run).env(fail_point::VARIABLE, name).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.signal(),
        Some(6),
        "{run}: {name} was not reached, {:?} {stderr}",
        output.status
    );
    assert!(newest(&place.path(run)) >= before, "{run}: {name} lost a checkpoint");
    // Nothing of the killed process is under way any more.
    thread::sleep(Duration::from_millis(1));
}
