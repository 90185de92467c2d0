//! Everything that `rhohat verify` checks, on all three engines, and what its bounds are worth.

use std::sync::{Arc, OnceLock};

use assert_cmd::Command;
use rhohat::engine::device::Choice;
use rhohat::engine::gpu::kernel::ALL;
use rhohat::engine::variant::Variant;
use rhohat::math::activation::Activation;
use rhohat::math::number::Number;
use rhohat::math::penalty::PenaltyKind;
use rhohat::verify::checks::{Group, checks};
use rhohat::verify::compare::Expected;
use rhohat::verify::running_error::step::{cost_and_gradient, exact_weights};
use rhohat::verify::running_error::{Approx, exact};
use rhohat::verify::steps::Problem;
use serde_json::Value;

use crate::support;

/// The report of `rhohat verify --device DEVICE --json` for `cpu` or `software`. The whole list takes up to a minute, and so
/// runs once for all tests that read it.
pub fn report(device: &str) -> &'static Value {
    static REPORTS: [(&str, OnceLock<Value>); 2] = [("cpu", OnceLock::new()), ("software", OnceLock::new())];
    let (_, report) =
        REPORTS.iter().find(|(name, _)| *name == device).expect("a device with a shared report");
    report.get_or_init(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        let output =
            command.args(["verify", "--device", device, "--json"]).output().expect("the binary runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}{}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).expect("one JSON value")
    })
}

/// Checks that every check of a report has compared something and found it within its bound; gives their groups.
fn assert_all_pass(report: &Value) -> Vec<&str> {
    assert_eq!(report["passed"], true, "{report}");
    let checks = report["checks"].as_array().expect("a list");
    for check in checks {
        let is_within =
            check["worst"].as_f64().expect("a number") <= check["bound"].as_f64().expect("a number");
        assert!(check["passed"] == true && is_within, "{check}");
        assert!(check["cases"].as_u64() > Some(0), "nothing was compared: {check}");
    }
    checks.iter().map(|check| check["group"].as_str().expect("a name")).collect()
}

#[test]
fn the_reference_passes_every_check() {
    for check in checks(&Choice::Reference, 1) {
        let found =
            check.run(&Choice::Reference).unwrap_or_else(|failure| panic!("{}: {failure}", check.name));
        assert!(found.cases > 0, "{} compared nothing", check.name);
    }
}

#[test]
fn the_cpu_engine_passes_every_check() {
    let groups = assert_all_pass(report("cpu"));
    for group in ["gradients", "kernels", "steps", "training"] {
        assert!(groups.contains(&group), "no {group}");
    }
}

#[test]
fn every_kernel_passes_every_check() {
    if support::software("verify").is_none() {
        return;
    }
    let groups = assert_all_pass(report("software"));
    let number_of = |group| groups.iter().filter(|found| **found == group).count();
    // The software adapter runs everything: nothing was left out.
    assert_eq!(number_of("kernels"), ALL.len());
    assert_eq!(number_of("gradients"), 1 + Activation::pairs().len() * PenaltyKind::ALL.len());
    assert!(number_of("steps") > 0 && number_of("training") > 0);
}

#[test]
fn whole_steps_stay_within_their_bounds_on_every_variant_of_the_kernels() {
    let Some(gpu) = support::software("variants") else { return };
    let gpu = Arc::new(gpu);
    assert_eq!(Variant::supported(&gpu), Variant::all().collect::<Vec<_>>(), "lavapipe runs all of them");
    for variant in Variant::all() {
        gpu.force(variant).unwrap();
        let choice = Choice::Gpu(gpu.clone());
        for check in checks(&choice, 2).iter().filter(|check| check.group == Group::Steps) {
            check.run(&choice).unwrap_or_else(|failure| panic!("{variant}, {}: {failure}", check.name));
        }
    }
}

#[test]
fn gradients_steps_and_training_are_checked_on_every_engine() {
    for choice in [Choice::Reference, Choice::Cpu] {
        let groups: Vec<Group> = checks(&choice, 1).iter().map(|check| check.group).collect();
        for group in [Group::Gradients, Group::Steps, Group::Training] {
            assert!(groups.contains(&group), "{group:?} is missing");
        }
    }
}

/// A bound that is far wider than the errors it is for would let wrong kernels pass.
#[test]
fn an_error_of_a_hundredth_breaks_nine_of_ten_bounds_of_a_gradient() {
    for pair in Activation::pairs() {
        let problem = Problem::new(pair, 1);
        let x = exact(&problem.data.values);
        let pass = cost_and_gradient(&problem.objective, &exact_weights(&problem.params), &x, None);
        let caught = |g: &&Approx| Expected::from(vec![**g]).compare(&[g.value * 1.01]).is_err();
        let share = pass.gradient.iter().filter(caught).count() as f64 / pass.gradient.len() as f64;
        assert!(share > 0.9, "{pair:?}: {share}");
    }
}

#[test]
fn bounds_hold_for_sums_products_and_quotients_in_f32() {
    let mut stream = rhohat::math::random::Stream::new(1, "bounds");
    for _ in 0..10_000 {
        let [a, b, c] = [0; 3].map(|_| (stream.unit() * 4.0 - 2.0) as f32);
        let of = |x: f32| Approx::exact(f64::from(x));
        let expected: Expected =
            vec![(of(a) + of(b)) * of(c), of(a) * of(b) - of(c), of(a).over(of(b) * of(b) + of(1.0))].into();
        expected.compare(&[(a + b) * c, a * b - c, a / (b * b + 1.0)]).unwrap();
    }
}

#[test]
#[should_panic(expected = "would let all pass")]
fn a_bound_that_is_not_finite_is_refused() {
    let _ = Expected::from(vec![Approx { value: 1.0, error: f64::INFINITY }]);
}
