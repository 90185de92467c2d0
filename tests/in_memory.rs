//! The front door in memory, as a build without default features has it: it trains on the CPU and in the reference, and
//! starts no thread. `.ci/run` runs it in such a build.

use std::ops::ControlFlow;

use rhohat::{Data, Ended, Progress, Trainer};

/// Sums of two of eight features each, and some noise that no generator is needed for.
fn rows() -> Data {
    let feature = |k: usize, i: usize| if i / 4 == k { 0.4 } else { 0.05 };
    let row = |m: usize| -> Vec<f32> {
        let noise = |i: usize| (m * 31 + i * 17) % 13;
        (0..32).map(|i| feature(m % 8, i) + feature(m / 8 % 8, i) + noise(i) as f32 / 200.0).collect()
    };
    Data::collect_rows((0..512).map(row)).unwrap()
}

/// Threads of this program, where the system tells.
#[cfg(target_os = "linux")]
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").unwrap().count())
}

#[cfg(not(target_os = "linux"))]
fn threads() -> Option<usize> {
    None
}

/// One test, so that the harness starts no thread while threads are counted.
#[test]
fn the_front_door_trains_in_memory_and_without_files_starts_no_thread() {
    let before = threads();
    let data = rows().hold_out(0.25);
    for device in ["cpu", "reference"] {
        let mut lines = 0;
        let watch = |_: &Progress| {
            lines += 1;
            ControlFlow::Continue(())
        };
        let trained = Trainer::new(16).rho(0.1).steps(60).device(device).fit_with(&data, watch).unwrap();
        assert!(lines > 1 && trained.summary.steps == 60 && trained.summary.files.is_none(), "{device}");
        let held_out = trained.summary.validation.expect("rows are held out");
        assert!(held_out.reconstruction.unwrap() < 0.2, "{device}: {held_out:?}");

        let codes = trained.model.encode(&data).unwrap();
        assert_eq!((codes.rows, codes.cols), (512, 16));
        assert_eq!(trained.model.decode(&codes).unwrap(), trained.model.reconstruct(&data).unwrap());
    }
    let stopped = Trainer::new(9).steps(50).device("cpu");
    let stopped = stopped.fit_with(&Data::built_in().patches(6, 300), |_: &Progress| ControlFlow::Break(()));
    assert_eq!(stopped.unwrap().summary.ended, Ended::Stopped);
    let none = Trainer::new(4).device("software").fit(&data);
    if cfg!(not(feature = "gpu")) {
        assert!(none.unwrap_err().to_string().contains("without the feature gpu"));
    }
    if cfg!(not(feature = "files")) {
        assert_eq!(threads(), before);
    }
}
