//! A disk that is full after any number of bytes: the kernel lets no file grow beyond a limit.

use std::fs;
use std::process::{Command, Stdio};

use rhohat::math::random::Stream;

use super::{Kind, Place, copy, fail_point, finished, is_long, newest};

/// `rhohat train --resume RUN` where no file may become longer than `most` bytes, and the signal for it is ignored.
fn resume_with_limit(place: &Place, run: &str, most: u64) -> (Option<i32>, String) {
    let script = format!(
        "trap '' XFSZ; exec prlimit --fsize={most} '{}' -q train --json --resume {run}",
        super::binary()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place.path("")).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_disk_that_fills_ends_the_run_with_the_path_and_the_bytes_and_leaves_the_checkpoint_before() {
    let (place, kind) = (Place::new(), Kind { device: "cpu", optimizer: "lbfgs" });
    let whole = place.uninterrupted(kind);
    let mut begun = place.begin_or_go_on(kind, "begun");
    begun.env(fail_point::VARIABLE, "latest-written:2").output().unwrap();
    let before = newest(&place.path("begun"));
    let name = format!("checkpoints/step-{before:09}");
    let size = fs::metadata(place.path("begun").join(&name).join("state.bin")).unwrap().len();
    let count = if is_long() { 40 } else { 8 };
    let mut stream = Stream::new(4, "full disks");
    for number in 0..count {
        // Spread over all that a checkpoint writes, every seventh within the first bytes.
        let reach = if number % 7 == 0 { 600 } else { size };
        let most = 1 + stream.below(reach);
        let run = format!("full-{number}");
        copy(&place.path("begun"), &place.path(&run));
        let (code, stderr) = resume_with_limit(&place, &run, most);
        assert_eq!(code, Some(6), "{most} bytes: {stderr}");
        assert!(stderr.starts_with("error: write ") && stderr.contains(&run), "{most} bytes: {stderr}");
        assert!(stderr.contains(", after ") && stderr.contains(" bytes"), "{most} bytes: {stderr}");
        assert_eq!(newest(&place.path(&run)), before, "{most} bytes");
        for file in ["manifest.json", "progress.json", "state.bin"] {
            let read = |run: &str| fs::read(place.path(run).join(&name).join(file)).unwrap();
            assert!(read(&run) == read("begun"), "{most} bytes: {file} is another");
        }
        if number % 8 == 0 {
            finished(place.begin_or_go_on(kind, &run).output().unwrap());
            assert!(place.result(&run) == whole, "{most} bytes: other bits where there was room again");
        }
        fs::remove_dir_all(place.path(&run)).unwrap();
    }
    println!("{count} full disks, each with exit 6 and the checkpoint of step {before} as it was");
}
