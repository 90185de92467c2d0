//! Every kernel against its twin in the reference, on the software adapter.

mod support;

use std::collections::BTreeMap;

use rhohat::engine::gpu::kernel::ALL;
use rhohat::verify::kernels::cases;

#[test]
fn every_kernel_stays_within_its_bound_on_every_case() {
    let Some(gpu) = support::software("kernels") else { return };
    let mut worst = BTreeMap::<&str, f64>::new();
    let mut failures = Vec::new();
    for case in cases(1).iter().filter(|case| case.kernel.runs_on(&gpu)) {
        match case.check(&gpu) {
            Ok(closeness) => {
                let share = worst.entry(case.kernel.name).or_default();
                *share = share.max(closeness.share);
            }
            Err(failure) => failures.push(format!("{case:?}: {failure}")),
        }
    }
    // The software adapter runs everything: nothing was left out.
    assert_eq!(worst.len(), ALL.len());
    println!("largest error as a share of its bound: {worst:#?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_kernel_has_a_case() {
    let cases = cases(1);
    for kernel in ALL {
        assert!(cases.iter().any(|case| case.kernel.name == kernel.name), "{} has no case", kernel.name);
    }
}
