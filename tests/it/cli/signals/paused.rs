//! Ctrl-C where nothing but a pause can be sure to meet it: in the midst of a softmax layer's training, and of a stack's codes.

use super::*;
use rhohat::data::npy;

use crate::cli::labelled::{COLS, run, values, words};

/// The shell that has a program pause at a place, which makes a file of its name, with stderr in a file.
fn pausing(place: &str) -> String {
    format!("RHOHAT_FAIL_POINT={place}:pause exec \"$@\" 2> stderr")
}

/// Starts a program that pauses, and waits until it does.
fn paused(folder: &Path, place: &str, line: &str) -> Running {
    let run = start(folder, &pausing(place), &words(line).join(" "));
    wait_for(place, || folder.join(place).exists());
    run
}

fn stderr(folder: &Path) -> String {
    fs::read_to_string(folder.join("stderr")).unwrap()
}

fn temporaries(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with(".rhohat-")).collect()
}

#[test]
fn a_softmax_layer_that_is_interrupted_is_trained_again_to_the_same_bits() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    for device in ["cpu", "software"] {
        let line = |out: &str| {
            let flags = "--softmax-lambda 1e-2,1e-3 --iterations 20 --fine-tune 4 --checkpoint-every 3";
            format!("{CLASSIFY} {flags} --json --device {device} --run {out}-{device}")
        };
        let whole = run(folder, &line("whole")).json();
        let interrupted = paused(folder, "softmax-step", &line("run"));
        interrupted.send(SIGINT);
        let (code, stdout, _) = interrupted.end();
        fs::remove_file(folder.join("softmax-step")).unwrap();
        let broken = format!("run-{device}");
        assert_eq!(code, 128 + SIGINT, "{}", stderr(folder));
        assert_eq!(json(&stdout)["kind"], "signal");
        let again = format!("no checkpoint was saved; rhohat classify --resume {broken} goes on with it");
        let told = format!("ended by SIGINT before fine-tuning began: {again}");
        assert!(stderr(folder).contains(&told), "{}", stderr(folder));
        let left = names(&folder.join(&broken));
        assert_eq!(left, ["classify.toml", "data.json", "env.json", "metrics.jsonl"]);
        let resumed = rhohat(folder, &["classify", "--resume", &broken, "--json"]).json();
        for member in ["tried", "baseline", "before", "fine_tuned", "j", "steps", "confusion"] {
            assert_eq!(resumed[member], whole[member], "{device}: {member}");
        }
        assert!(model(folder, &broken) == model(folder, &format!("whole-{device}")), "{device}: other bits");
    }
}

#[test]
fn codes_of_a_stack_that_are_interrupted_are_written_again_to_the_same_bits() {
    let folder = folder();
    let folder = folder.path();
    // More rows than are encoded at a time.
    let rows = 5_000;
    npy::write(&folder.join("many.npy"), rows, COLS, &values(rows, "many")).unwrap();
    let line = |out: &str| {
        let flags = "--rho 0.3 --optimizer adam --batch 500 --steps 6 --normalize none --no-report --json";
        format!("stack many.npy --layers 12,6 {flags} --run {out}")
    };
    run(folder, &line("whole")).text();
    let stack = folder.join("run");
    let resume = "stack --resume run --no-report --json";
    let is_as_before = |first: &Running| {
        assert_eq!(temporaries(&stack).len(), 1, "the codes are being written");
        first.send(SIGINT);
    };

    // The layer has been trained by this program, which ends by itself.
    let first = paused(folder, "codes-begun", &line("run"));
    is_as_before(&first);
    wait_for("the note", || stderr(folder).contains("SIGINT: finishing this step, then saving"));
    fs::remove_file(folder.join("codes-begun")).unwrap();
    let (code, _, _) = first.end();
    assert_eq!(code, 128 + SIGINT, "{}", stderr(folder));
    assert!(
        stderr(folder).contains("rhohat stack --resume run goes on with the stack"),
        "{}",
        stderr(folder)
    );
    assert_eq!(names(&stack), ["layer-1", "stack.toml"]);

    // It was there already, and there is nothing to save.
    let second = start(folder, &pausing("codes-begun"), resume);
    wait_for("codes", || folder.join("codes-begun").exists());
    is_as_before(&second);
    let (code, _, _) = second.end();
    fs::remove_file(folder.join("codes-begun")).unwrap();
    assert_eq!(code, 128 + SIGINT, "{}", stderr(folder));
    let told = "ended by SIGINT before training began: nothing was saved; rhohat stack --resume run goes on";
    assert!(stderr(folder).contains(told), "{}", stderr(folder));
    assert_eq!(names(&stack), ["layer-1", "stack.toml"]);

    rhohat(folder, &resume.split(' ').collect::<Vec<_>>()).text();
    assert_eq!(names(&stack), names(&folder.join("whole")));
    for file in ["layer-1/model.safetensors", "codes-1.npy", "layer-2/model.safetensors"] {
        let bytes = |run: &Path| fs::read(run.join(file)).unwrap();
        assert!(bytes(&stack) == bytes(&folder.join("whole")), "{file}: other bits");
    }
}
